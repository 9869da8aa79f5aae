import { Failure } from '../../runtime/model/failure';
import { type Dialogue, type Start, startDialogue } from './dialogue';

/** RETR, and REST before it and before uploads. */

async function ready(start: Start = {}): Promise<Dialogue> {
  const dialogue = await startDialogue(start);
  await dialogue.say('> TYPE I\n< 200\n> EPSV\n< 229');
  return dialogue;
}

describe('a download', () => {
  it('names the bytes that come', async () => {
    const { say, data, view, counted } = await ready();
    view.file('/a', '0123456789');
    await say('> RETR a\n< 150 Opening data connection (10 bytes).\n< 226');
    expect(data.last.sent.toString()).toBe('0123456789');
    expect(data.last.request).toMatchObject({ direction: 'send', protection: 'private' });
    expect(counted.get('downloads.done')).toBe(1);
    expect(counted.get('bytes.out')).toBe(10);
  });

  it('goes on from REST, to the end of the file or from it', async () => {
    const { say, data, view } = await ready();
    view.file('/a', '0123456789');
    await say(
      '> REST 4\n< 350\n> RETR a\n< 150 Opening data connection (6 bytes).\n< 226\n> EPSV\n< 229\n> REST 10\n< 350\n> RETR a\n< 150 Opening data connection (0 bytes).\n< 226',
    );
    expect(data.transfers.map(({ sent }) => sent.toString())).toEqual(['456789', '']);
    await say('> EPSV\n< 229\n> REST 11\n< 350\n> RETR a\n< 554 The file has 10 bytes');
  });

  it('that the store breaks off says 451', async () => {
    const { say, view } = await ready();
    view.file('/a', 'x').fail('read', new Failure('store-unavailable', 'Storage is not available.', { cause: new Error('EIO') }));
    await say('> RETR a\n< 150\n< 451 Storage is not available.');
  });
});

describe('REST', () => {
  it('is kept over other commands until the next transfer of a file', async () => {
    const { say, view, data } = await ready();
    view.file('/a', '12345');
    data.uploads.push('67');
    await say('> REST 5\n< 350\n> SIZE a\n< 213 5\n> LIST\n< 150\n< 226\n> EPSV\n< 229\n> STOR a\n< 150\n< 226');
    expect(view.content('/a')).toBe('1234567');
    expect(view.calls).toContain('prepareUpload /a at 5 -');
  });

  it.each([
    ['refused by the view', 'STOR /dir', '550'],
    ['refused for its name', 'STOR a\\b', '553'],
    ['of STOU', 'STOU', '503'],
    ['refused for the name of another file', 'RETR a\\b', '550'],
    ['of another file', 'RETR /none', '550'],
  ])('is gone after an attempt %s', async (_, command, reply) => {
    const { say, view, data } = await ready();
    view.directory('/dir').file('/a', '12345');
    data.uploads.push('new');
    await say(`> REST 5\n< 350\n> ${command}\n< ${reply}\n> EPSV\n< 229\n> STOR a\n< 150\n< 226`);
    expect(view.content('/a')).toBe('new');
  });

  it('0 takes it back', async () => {
    const { say, view, data } = await ready();
    view.file('/a', '12345');
    data.uploads.push('new');
    await say('> REST 5\n< 350\n> REST 0\n< 350\n> STOR a\n< 150\n< 226');
    expect(view.content('/a')).toBe('new');
  });

  it('before APPE makes it a STOR from there; a wrong place is 554', async () => {
    const { say, view, data } = await ready();
    view.file('/a', '12345');
    data.uploads.push('67');
    await say(
      '> REST 5\n< 350\n> APPE a\n< 150\n< 226\n> EPSV\n< 229\n> REST 3\n< 350\n> STOR a\n< 554 The file is complete with 7 bytes.',
    );
    expect(view.calls).toContain('prepareUpload /a at 5 -');
  });
});
