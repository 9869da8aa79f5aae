import { Failure, type FailureKind } from '../../runtime/model/failure';
import type { User } from '../../runtime/model/user';
import { settle } from '../support/fake-clock';
import { type Dialogue, type Start, startDialogue } from './dialogue';

/** STOR, APPE, STOU and ALLO: what is refused before 150, and what 226 means. */

async function ready(start: Start = {}): Promise<Dialogue> {
  const dialogue = await startDialogue(start);
  await dialogue.say('> TYPE I\n< 200\n> EPSV\n< 229');
  return dialogue;
}

describe('an upload', () => {
  it('is announced at once, and acknowledged when it is stored', async () => {
    const { say, data, view, received, session, logged, counted } = await ready();
    await say('> STOR a.csv\n< 150 Ok to send data.');
    expect(session.transferring).toBe(true);
    data.last.arrive('one,');
    data.last.arrive('two');
    await settle();
    expect(received()).toBe('');
    expect(view.content('/a.csv')).toBeUndefined();
    data.last.finish();
    await settle();
    await say('< 226 Transfer complete.');
    expect(view.content('/a.csv')).toBe('one,two');
    expect(session.transferring).toBe(false);
    expect(data.last.request).toMatchObject({ direction: 'receive', protection: 'private' });
    expect(logged.find(({ event }) => event === 'transfer.start')?.fields).toMatchObject({
      session: 's-TEST01',
      partner: 'alice',
      path: '/a.csv',
      direction: 'up',
    });
    expect(logged.find(({ event }) => event === 'transfer.end')?.fields).toMatchObject({
      path: '/a.csv',
      bytes: 7,
      code: 226,
      ms: 0,
      receiptMs: 0,
    });
    expect(counted.get('bytes.in')).toBe(7);
  });

  it('that fails before it has read from its data connection gives that up, so that nobody waits on it', async () => {
    const { say, data, view, logged } = await ready();
    view.fail('receive', new Failure('base-changed', 'The file has been taken.'));
    await say('> APPE a\n< 150\n< 451 The file has been taken.');
    const end = logged.find(({ event }) => event === 'transfer.end')?.fields;
    expect(end).toMatchObject({ code: 451, fault: 'client' });
    expect(end).not.toHaveProperty('receiptMs');
    expect(data.last.request.signal.aborted).toBe(true);
  });

  it.each<[string, Partial<User> | 'removed', string]>([
    ['was disabled', { enabled: false }, '421 This account has been disabled or removed, closing.'],
    ['was removed', 'removed', '421 This account has been disabled or removed, closing.'],
    ['was shut out with his address', { allowedAddresses: ['203.0.113.0/24'] }, '421 This account may no longer be used from this address'],
  ])('of a partner who %s meanwhile is not stored', async (_, changes, farewell) => {
    const { say, data, view, change, users, control } = await ready();
    await say('> STOR a.csv\n< 150');
    data.last.arrive('half');
    if (changes !== 'removed') await change(changes);
    else await users.remove('alice', (await users.find('alice'))?.revision ?? '');
    data.last.finish();
    await settle();
    await say(`< 550 Not stored: this account may not be used any more. [s-TEST01]\n> NOOP\n< ${farewell}`);
    expect(view.content('/a.csv')).toBeUndefined();
    expect(control.ended).toBe(true);
  });

  it('goes on when something else of its partner is changed', async () => {
    const { say, data, view, change } = await ready();
    await say('> STOR a.csv\n< 150');
    await change({ maxSessions: 1, allowedAddresses: ['192.0.2.0/24'] });
    data.last.arrive('whole');
    data.last.finish();
    await settle();
    await say('< 226');
    expect(view.content('/a.csv')).toBe('whole');
  });

  it('of no bytes is a file of no bytes', async () => {
    const { say, data, view } = await ready();
    data.uploads.push('');
    await say('> STOR empty\n< 150\n< 226');
    expect(view.content('/empty')).toBe('');
  });

  it('needs PASV or EPSV before each', async () => {
    const { say, data } = await ready();
    data.uploads.push('x');
    await say('> STOR a\n< 150\n< 226\n> STOR b\n< 425 Use PASV or EPSV first.');
  });

  it.each([
    ['STOR', '501'],
    ['STOR ', '501'],
    ['APPE', '501'],
    ['STOR a\\b', '553 Name not allowed: it holds a backslash.'],
    ['STOR a\u0001b', '553 Name not allowed: it holds a control character.'],
    ['APPE a\u007fb', '553'],
    [`STOR ${'x'.repeat(256)}`, '553 Name not allowed: a part of it is longer than 255 bytes.'],
    ['STOR \u2025', '553'],
    ['STOR /dir', '550 Is a directory.'],
    ['APPE /dir', '550'],
    ['RETR', '501'],
    ['RETR a\u0001b', '550'],
    ['RETR /dir', '550 Is a directory.'],
    ['RETR /none', '550 No such file or directory.'],
    ['MLSD /file', '501 MLSD lists directories'],
    ['LIST /none', '550'],
    ['NLST /none', '550'],
    ['MLSD /none', '550'],
  ])('%j is refused before 150 and its waiting connection closed', async (command, reply) => {
    const { say, data, view } = await ready();
    view.directory('/dir').file('/file', 'x');
    await say(`> ${command}\n< ${reply}`);
    expect(data.refusals).toBe(1);
    expect(data.transfers).toEqual([]);
  });

  it('with a name that is not UTF-8 is refused', async () => {
    const { send, say } = await ready();
    await send(Buffer.from('STOR \xfc.csv\r\n', 'latin1'));
    await say('< 553 Name not allowed: it is not UTF-8.');
    await send(Buffer.from('RETR \xfc.csv\r\n', 'latin1'));
    await say('< 501');
  });

  it('with a name of a legacy charset is taken where the account has one, and shown in it', async () => {
    const { send, say, data, view, control } = await ready({ switches: { legacyCharset: 'windows-1252' } });
    data.uploads.push('x');
    await send(Buffer.from('STOR \xfc.csv\r\n', 'latin1'));
    await say('< 150\n< 226\n> EPSV\n< 229\n> NLST\n< 150\n< 226');
    expect(view.content('/ü.csv')).toBe('x');
    expect(data.last.sent.toString('latin1')).toBe('\xfc.csv\r\n');
    await send(Buffer.from('MKD \xe4\r\n', 'latin1'));
    expect(control.raw.at(-1)?.toString('latin1')).toBe('257 "/\xe4" created\r\n');
  });

  it.each<[FailureKind, string]>([
    ['not-allowed', '550'],
    ['name-not-allowed', '553'],
    ['may-not-overwrite', '553'],
    ['quota', '552'],
    ['too-large', '552'],
    ['disk-full', '452'],
    ['too-many-uploads', '450'],
    ['busy', '450'],
    ['parked', '550'],
    ['restart-not-possible', '554'],
    ['restart-moved-on', '450'],
    ['store-unavailable', '451'],
  ])('is refused for %s before 150, with %s', async (kind, reply) => {
    const { say, view, data } = await ready();
    view.fail('prepareUpload', new Failure(kind, 'Why.'));
    await say(`> STOR a\n< ${reply} Why. [s-TEST01]`);
    expect(data.refusals).toBe(1);
  });

  it.each<[FailureKind, string]>([
    ['no-data-connection', '425'],
    ['wrong-peer', '425'],
    ['cut', '426'],
    ['stalled', '426'],
    ['shutdown', '426'],
    ['store-unavailable', '451'],
    ['unconfirmed', '451'],
    ['overtaken', '451'],
    ['base-changed', '451'],
    ['taken-over', '451'],
    ['disk-full', '452'],
    ['data-tls', '522'],
    ['data-not-resumed', '522'],
    ['too-large', '552'],
    ['may-not-overwrite', '553'],
  ])('that fails for %s after 150 ends with %s, and the session goes on', async (kind, reply) => {
    const { say, data, view, counted } = await ready();
    await say('> STOR a\n< 150');
    data.last.arrive('half');
    data.last.fail(new Failure(kind, 'Why it failed.'));
    await settle();
    await say(`< ${reply} Why it failed. [s-TEST01]\n> NOOP\n< 200`);
    expect(view.content('/a')).toBeUndefined();
    expect(counted.get('uploads.failed')).toBe(1);
  });

  it('that meets a bug costs the session, not the process', async () => {
    const { say, data, control, logged } = await ready();
    await say('> STOR a\n< 150');
    data.last.fail(new TypeError('x is not a function'));
    await settle();
    await say('< 451 Internal error; the transfer was not completed.\n< 421 Internal error, closing this session.');
    expect(control.ended).toBe(true);
    expect(control.text).not.toContain('not a function');
    expect(logged.filter(({ event }) => event === 'session.error')).toHaveLength(1);
  });

  it('gives back what it prepared when its connection cannot be taken', async () => {
    const { say, data, view } = await ready();
    const release = view.hold('prepareUpload');
    await say('> STOR a');
    data.close();
    release();
    await settle();
    await say('< 150\n< 425');
    expect(view.uploads[0]?.cancelled).toBe(true);
  });
});

describe('the verdict', () => {
  it.each([
    [
      10,
      'check',
      'I',
      '426 Upload incomplete: 10 bytes were announced with ALLO and 4 arrived. If the client announces wrong sizes, set announcedSize to ignore',
    ],
    [4, 'check', 'I', '226'],
    [3, 'check', 'I', '226'],
    [10, 'ignore', 'I', '226'],
    [10, 'check', 'A', '226'],
  ] as const)('on 4 bytes where ALLO said %s, announcedSize %s, TYPE %s', async (announced, announcedSize, type, reply) => {
    const { say, data, view } = await ready({ switches: { announcedSize } });
    data.uploads.push('four');
    await say(`> TYPE ${type}\n< 200\n> ALLO ${announced}\n< 202\n> STOR a\n< 150\n< ${reply}`);
    expect(view.content('/a')).toBe(reply === '226' ? 'four' : undefined);
  });

  it('counts what was there before, and does not: some clients announce the whole, some the rest', async () => {
    for (const [announced, reply] of [
      [10, '226'],
      [4, '226'],
      [11, '426'],
    ] as const) {
      const { say, data, view } = await ready();
      view.file('/a', '6bytes');
      data.uploads.push('four');
      await say(`> ALLO ${announced}\n< 202\n> REST 6\n< 350\n> STOR a\n< 150\n< ${reply}`);
    }
  });

  it('asks ALLO of the next upload only', async () => {
    const { say, data } = await ready();
    data.uploads.push('four', 'four');
    await say('> ALLO 10\n< 202\n> STOR a\n< 150\n< 426\n> EPSV\n< 229\n> STOR a\n< 150\n< 226');
  });

  it('is no while the control connection is lost', async () => {
    const { say, data, view, session, logged } = await ready();
    await say('> STOR a\n< 150');
    data.last.arrive('all of it');
    session.ended();
    data.last.finish();
    await settle();
    expect(view.content('/a')).toBeUndefined();
    expect(logged.at(-1)?.event).toBe('session.close');
    expect(logged.find(({ event }) => event === 'transfer.end')?.fields).toMatchObject({ code: 426 });
  });

  it('is no when the connection is lost between the last byte and the claim', async () => {
    const { say, data, view, session } = await ready();
    const release = view.hold('claim');
    data.uploads.push('all');
    await say('> STOR a\n< 150');
    session.ended();
    release();
    await settle();
    expect(view.content('/a')).toBeUndefined();
  });

  it('is yes when QUIT came before the connection was lost', async () => {
    const { say, data, view, session, received, logged } = await ready();
    await say('> STOR a\n< 150\n> QUIT');
    session.ended();
    expect(session.transferring).toBe(true);
    data.last.arrive('all');
    data.last.finish();
    await settle();
    expect(view.content('/a')).toBe('all');
    expect(received()).toBe('');
    expect(logged.filter(({ event }) => event === 'session.close')).toHaveLength(1);
  });

  it('is yes for an upload that QUIT followed before it had even begun', async () => {
    const { data, view, session } = await ready();
    data.uploads.push('all');
    session.bytes(Buffer.from('STOR a\r\nQUIT\r\n'));
    session.ended();
    await settle();
    expect(view.content('/a')).toBe('all');
  });

  it('keeps a commit that has begun, though the connection is lost in the middle of it', async () => {
    const { say, data, view, session } = await ready();
    const release = view.hold('complete');
    data.uploads.push('all');
    await say('> STOR a\n< 150');
    session.ended();
    release();
    await settle();
    expect(view.content('/a')).toBe('all');
  });

  it('does not begin a transfer whose client has gone while it was prepared', async () => {
    const { data, view, session, logged } = await ready();
    const release = view.hold('prepareUpload');
    session.bytes(Buffer.from('STOR a\r\n'));
    await settle();
    session.ended();
    data.prepared = true;
    data.uploads.push('all');
    release();
    await settle();
    expect(view.content('/a')).toBeUndefined();
    expect(session.transferring).toBe(false);
    expect(logged.filter(({ event }) => event === 'session.error')).toEqual([]);
    expect(logged.filter(({ event }) => event === 'session.close')).toHaveLength(1);
  });
});

describe('APPE and STOU', () => {
  it('APPE adds to what is there, or begins', async () => {
    const { say, view, data } = await ready();
    data.uploads.push('1', '2');
    await say('> APPE a\n< 150\n< 226\n> EPSV\n< 229\n> APPE a\n< 150\n< 226');
    expect(view.content('/a')).toBe('12');
  });

  it('STOU names what it made', async () => {
    const { say, view, data } = await ready();
    view.file('/upload', 'there').directory('/in').file('/in/x', 'there');
    data.uploads.push('1', '2', '3');
    await say(
      '> STOU\n< 150 FILE: upload.2\n< 226\n> EPSV\n< 229\n> STOU in/x\n< 150 FILE: x.2\n< 226\n> CWD in\n< 250\n> EPSV\n< 229\n> STOU\n< 150 FILE: upload\n< 226',
    );
    expect(view.content('/upload.2')).toBe('1');
    expect(view.content('/in/x.2')).toBe('2');
    expect(view.content('/in/upload')).toBe('3');
  });
});
