import { Failure } from '../../runtime/model/failure';
import { settle } from '../support/fake-clock';
import { type Dialogue, startDialogue } from './dialogue';

/**
 * The directory of partners does not answer when an upload ends: hours of bytes are not thrown back for that, as the commit behind it would wait for the store
 * too.
 */

let dialogue: Dialogue;
let away = false;

beforeEach(async () => {
  dialogue = await startDialogue({ limits: { giveUpAfter: 60_000 } });
  const { users } = dialogue;
  const find = users.find.bind(users);
  users.find = (name) => (away ? Promise.reject(new Failure('store-unavailable', 'The index is not available.')) : find(name));
  await dialogue.say('> TYPE I\n< 200\n> EPSV\n< 229\n> STOR a.csv\n< 150');
  dialogue.data.last.arrive('whole');
  away = true;
  dialogue.data.last.finish();
  await settle();
});
afterEach(() => {
  away = false;
});

it('an upload that ends meanwhile waits for it, and is stored', async () => {
  const { say, view } = dialogue;
  await say('+ 30000');
  away = false;
  await say('+ 5000\n< 226');
  expect(view.content('/a.csv')).toBe('whole');
});

it('is refused when it is away for longer than a commit would wait', async () => {
  const { say, view } = dialogue;
  await say('+ 59000\n+ 5000\n< 451 The index is not available.');
  expect(view.content('/a.csv')).toBeUndefined();
});

it('is aborted when its client says so', async () => {
  await dialogue.say('+ 10000\n> ABOR\n< 426\n< 226');
});
