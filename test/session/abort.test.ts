import { Failure } from '../../runtime/model/failure';
import { settle } from '../support/fake-clock';
import { type Dialogue, type Start, startDialogue } from './dialogue';

/** ABOR, before, in the middle of and after what it is meant for (RFC 959 §4.1.3). */

async function ready(start: Start = {}): Promise<Dialogue> {
  const dialogue = await startDialogue(start);
  await dialogue.say('> TYPE I\n< 200\n> EPSV\n< 229');
  return dialogue;
}

describe('ABOR', () => {
  it('with nothing to abort is done', async () => {
    const { say, data } = await ready();
    await say('> ABOR\n< 226 No transfer to abort.');
    expect(data.prepared).toBe(false);
  });

  it('ends an upload: 426, then 226', async () => {
    const { say, data, view } = await ready();
    await say('> STOR a\n< 150');
    data.last.arrive('half');
    await say('> ABOR\n< 426 Transfer aborted.\n< 226 Abort done.\n> NOOP\n< 200');
    expect(view.content('/a')).toBeUndefined();
  });

  it('ends a download and a listing', async () => {
    const { say, data, view, counted } = await ready();
    view.file('/a', 'content');
    data.manual = true;
    await say('> RETR a\n< 150\n> ABOR\n< 426\n< 226\n> EPSV\n< 229\n> LIST\n< 150\n> ABOR\n< 426\n< 226');
    expect(counted.get('downloads.failed')).toBe(1);
  });

  it('after the commit has begun is too late: 226, then 226', async () => {
    const { say, data, view } = await ready();
    const release = view.hold('complete');
    data.uploads.push('all');
    await say('> STOR a\n< 150\n> ABOR');
    release();
    await settle();
    await say('< 226 Transfer complete.\n< 226 Abort done.');
    expect(view.content('/a')).toBe('all');
  });

  it('that came before 150 is meant for the transfer behind it', async () => {
    const { say, view } = await ready();
    const release = view.hold('prepareUpload');
    await say('> STOR a\n> ABOR');
    release();
    await settle();
    await say('< 150\n< 426\n< 226');
  });

  it('behind a transfer that is refused has nothing to abort', async () => {
    const { say, view } = await ready();
    const release = view.hold('prepareUpload');
    view.fail('prepareUpload', new Failure('quota', 'Quota exceeded.'));
    await say('> STOR a\n> ABOR');
    release();
    await settle();
    await say('< 552 Quota exceeded.\n< 226 No transfer to abort.');
  });

  it('is answered each time', async () => {
    const { say, view, data } = await ready();
    const release = view.hold('complete');
    data.uploads.push('all');
    await say('> STOR a\n< 150\n> ABOR\n> ABOR');
    release();
    await settle();
    await say('< 226\n< 226\n< 226');
  });

  it.each([
    ['a Telnet interrupt', Buffer.from([0xff, 0xf4, 0xff, 0xf2, ...Buffer.from('ABOR\r\n')])],
    ['what is left of one', Buffer.from([0xf2, ...Buffer.from('ABOR\r\n')])],
  ])('is understood behind %s', async (_, bytes) => {
    const { say, send } = await ready();
    await say('> STOR a\n< 150');
    await send(bytes);
    await say('< 426\n< 226');
  });

  it('whose line feed was lost is waited for a moment, and counts', async () => {
    const { say, send, clock } = await ready();
    await say('> STOR a\n< 150');
    await send('ABOR\r');
    await say('');
    await clock.advance(300);
    await say('< 426\n< 226\n> NOOP\n< 200');
  });

  it('whose line feed comes late counts once', async () => {
    const { say, send, clock } = await ready();
    await say('> STOR a\n< 150');
    await send('ABOR\r');
    await clock.advance(100);
    await send('\n');
    await clock.advance(1_000);
    await say('< 426\n< 226');
  });
});
