import { Failure } from '../../runtime/model/failure';
import { settle } from '../support/fake-clock';
import { password, startDialogue } from './dialogue';

/** What a failure tells the client, what it tells the log, and what neither may ever hold. */

describe('a failure', () => {
  it('of the store has its sentence for the client and its cause for the log', async () => {
    const { say, view, logged } = await startDialogue();
    const cause = new Error('EIO: i/o error, fdatasync /var/data/objects');
    view.fail('deleteFile', new Failure('store-unavailable', 'Storage is not available.', { cause }));
    await say('> DELE f\n< 451 Storage is not available. [s-TEST01]');
    expect(logged.filter(({ event }) => event === 'store.error').map(({ fields }) => fields.cause)).toEqual([cause]);
  });

  it('of the client and its network is none of the store', async () => {
    const { say, data, logged } = await startDialogue();
    await say('> TYPE I\n< 200\n> EPSV\n< 229\n> STOR a\n< 150');
    const cause = new Error('read ECONNRESET');
    data.last.fail(new Failure('cut', 'Upload incomplete.', { cause }));
    await settle();
    await say('< 426');
    expect(logged.filter(({ event }) => event === 'store.error')).toEqual([]);
    expect(logged.find(({ event }) => event === 'transfer.end')?.fields).toMatchObject({ code: 426, fault: 'client', cause });
  });

  it('that is a bug closes the session, and tells the client nothing', async () => {
    const { say, view, logged, control } = await startDialogue();
    view.fail('deleteFile', new TypeError('undefined is not iterable'));
    await say('> DELE f\n< 421 Internal error, closing this session. [s-TEST01]\n> NOOP');
    expect(control.ended).toBe(true);
    expect(logged.filter(({ level, event }) => level === 'error' && event === 'session.error')).toHaveLength(1);
  });

  it('of the directory of partners refuses what needs a login, and nothing else', async () => {
    const { say, users } = await startDialogue();
    users.find = async () => {
      throw new Failure('store-unavailable', 'Storage is not available.');
    };
    await say('> PWD\n< 451\n> NOOP\n< 200\n> QUIT\n< 221');
  });

  it('of the directory of partners at login can be tried again', async () => {
    const { say, users } = await startDialogue({ until: 'secured' });
    const { find } = users;
    users.find = async () => {
      throw new Failure('store-unavailable', 'Storage is not available.');
    };
    await say(`> USER alice\n< 331\n> PASS ${password}\n< 451`);
    users.find = find;
    await say(`> PASS ${password}\n< 230`);
  });
});

describe('the log', () => {
  it('has one line for each command, with partner, code and time', async () => {
    const { say, logged, view, clock } = await startDialogue();
    view.file('/f', 'x');
    logged.length = 0;
    const release = view.hold('deleteFile');
    await say('> DELE f');
    await clock.advance(250);
    release();
    await settle();
    await say('< 250\n> WHAT ever\n< 500\n> DELE a\u0007b\n< 550');
    expect(logged.map(({ event, fields }) => ({ event, ...fields }))).toEqual([
      { event: 'command', session: 's-TEST01', peer: '192.0.2.7', partner: 'alice', verb: 'DELE', argument: 'f', code: 250, ms: 250 },
      { event: 'command', session: 's-TEST01', peer: '192.0.2.7', partner: 'alice', verb: '?', argument: undefined, code: 500, ms: 0 },
      { event: 'command', session: 's-TEST01', peer: '192.0.2.7', partner: 'alice', verb: 'DELE', argument: 'a?b', code: 550, ms: 0 },
    ]);
  });

  it('never holds a secret', async () => {
    const { send, logged, clock } = await startDialogue({ until: 'secured' });
    await send('USER alice\r\n');
    await send('PASS S3CRET-wrong\r\n');
    await clock.advance(2_000);
    await send('PASS S3CRET-too-late\r\n');
    await send('ACCT S3CRET-account\r\n');
    await send('S3CRETVERB\r\n');
    await send('PASSS3CRET\r\n');
    await send('USER alice\r\n');
    await send(`PASS ${password}\r\n`);
    await send('PASS S3CRET-again\r\n');
    await send('ACCT S3CRET-account\r\n');
    await send('SITE PSWD S3CRET-old S3CRET-new\r\n');
    await send(`PASS S3CRET${'x'.repeat(5_000)}\r\n`);
    await send('ADAT S3CRETtoken\r\n');
    const text = JSON.stringify(logged);
    expect(text).not.toContain('S3CRET');
    expect(text).not.toContain(password);
    expect(text).toContain('"verb":"PASS","argument":"***"');
  });
});
