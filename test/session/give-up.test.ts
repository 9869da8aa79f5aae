import { openPartnerView } from '../../runtime/filesystem/open-view';
import { Failure } from '../../runtime/model/failure';
import type { ObjectStore } from '../../runtime/ports/object-store';
import { makeFilesystem, memoryStores } from '../support/filesystem';
import { makeUser, share, startDialogue } from './dialogue';

/** A store that has the bytes and never says so: the client waits as long as CAUSEWAY_GIVE_UP_AFTER says, and is then told the truth. */
it.each([10_000, 300_000])('an upload that the store does not confirm for %i ms is answered 451, and not before', async (giveUpAfter) => {
  const user = makeUser();
  const shared = await share([user]);
  const { metadata, objects } = memoryStores();
  let asked = 0;
  const silent = async (): Promise<never> => {
    asked++;
    throw new Failure('store-unavailable', 'Storage is not available.');
  };
  const store: ObjectStore = Object.assign(objects, { completeSettled: silent });
  const begin = objects.begin.bind(objects);
  objects.begin = (upload) => Object.assign(begin(upload), { complete: silent });
  const fs = makeFilesystem({ metadata, objects: store }, shared.clock, 'task-1', { giveUpAfter });
  const { say, data } = await startDialogue({ shared, openView: (now) => openPartnerView(fs, now) });
  data.uploads.push('a,b,c');
  await say('> TYPE I\n< 200\n> EPSV\n< 229\n> STOR a.csv\n< 150');
  await say(`+ ${giveUpAfter - 5_000}`);
  // Meanwhile it is asked again and again, and the session answers.
  expect(asked).toBeGreaterThan(3);
  await say('> NOOP\n< 200');
  await say('+ 10001\n< 451 Storage did not confirm. The change may still appear; sending it again is safe.');
});
