import { startDialogue } from './dialogue';

/** TYPE, STRU, MODE, REST, ALLO, OPTS, LANG, CLNT, PASV, EPSV, PORT, EPRT, LPRT, LPSV. */

it.each([
  ['TYPE A', '200 Type set to A.'],
  ['TYPE A N', '200'],
  ['TYPE a n', '200'],
  ['TYPE A T', '200'],
  ['TYPE A C', '504'],
  ['TYPE I', '200 Type set to I.'],
  ['TYPE L 8', '200 Type set to I.'],
  ['TYPE L 7', '504'],
  ['TYPE E', '504'],
  ['TYPE', '501'],
  ['TYPE Q', '501'],
  ['STRU F', '200'],
  ['STRU R', '504'],
  ['STRU P', '504'],
  ['STRU X', '501'],
  ['STRU', '501'],
  ['MODE S', '200'],
  ['MODE B', '504'],
  ['MODE C', '504'],
  ['MODE Z', '504'],
  ['MODE X', '501'],
  ['MODE', '501'],
  ['REST 0', '350'],
  ['REST 1234', '350 Restarting at 1234.'],
  ['REST 9007199254740991', '350'],
  ['REST 9007199254740992', '501'],
  ['REST -1', '501'],
  ['REST 1.5', '501'],
  ['REST', '501'],
  ['ALLO 0', '202'],
  ['ALLO 1234', '202'],
  ['ALLO 1234 R 80', '202'],
  ['ALLO x', '501'],
  ['ALLO', '501'],
  ['OPTS UTF8 ON', '200'],
  ['OPTS utf8 on', '200'],
  ['OPTS UTF8 OFF', '501'],
  ['OPTS UTF8 NLST', '501'],
  ['OPTS MLST type;size;', '200 MLST OPTS type;size;'],
  ['OPTS MLST size;nonsense;TYPE;', '200 MLST OPTS type;size;'],
  ['OPTS MLST', '200 MLST OPTS'],
  ['OPTS MLST type; size;', '501'],
  ['OPTS HASH SHA-1', '502'],
  ['OPTS NONSENSE', '501'],
  ['OPTS', '501'],
  ['LANG', '200'],
  ['LANG EN', '200'],
  ['LANG en-GB', '200'],
  ['LANG de', '504'],
  ['LANG !', '501'],
  ['CLNT curl 8', '200'],
  ['CLNT', '501'],
  ['PASV', '227 Entering Passive Mode (192,0,2,1,32,0).'],
  ['PASV x', '227'],
  ['EPSV', '229 Entering Extended Passive Mode (|||8192|)'],
  ['EPSV 1', '229'],
  ['EPSV 2', '522 Network protocol not supported, use (1)'],
  ['EPSV 9', '522'],
  ['EPSV x', '501'],
  ['EPSV ALL', '200'],
  ['PORT 192,0,2,7,4,1', '502'],
  ['PORT 192,0,2,7,4', '501'],
  ['PORT 192,0,2,256,4,1', '501'],
  ['PORT', '501'],
  ['EPRT |1|192.0.2.7|1025|', '502'],
  ['EPRT |2|2001:db8::1|1025|', '522 Network protocol not supported, use (1)'],
  ['EPRT |3|x|1025|', '522'],
  ['EPRT |1|192.0.2.7|', '501'],
  ['LPRT 4,4,192,0,2,7,2,4,1', '500'],
  ['LPSV', '500'],
  ['SMNT /x', '502'],
])('%s is answered %s', async (command, reply) => {
  const { say } = await startDialogue();
  await say(`> ${command}\n< ${reply}`);
});

it('a type that was refused leaves the one before', async () => {
  const { say } = await startDialogue();
  await say(
    '> TYPE I\n< 200\n> TYPE E\n< 504\n> TYPE\n< 501\n> STAT\n< 211-Status:\n<  Logged\n<  Control\n<  Data connections protected\n<  TYPE I, STRU F\n<  No transfer\n< 211 End',
  );
});

it('EPSV ALL leaves EPSV alone', async () => {
  const { say } = await startDialogue();
  await say(`
    > EPSV ALL
    < 200
    > PASV
    < 503 Only EPSV is accepted after EPSV ALL.
    > PORT 192,0,2,7,4,1
    < 503
    > EPRT |1|192.0.2.7|1025|
    < 503
    > LPRT 4,4,192,0,2,7,2,4,1
    < 503
    > LPSV
    < 503
    > EPSV
    < 229
  `);
});

it('IPv6 has EPSV only', async () => {
  const { say, control } = await startDialogue();
  control.ipv6 = true;
  await say('> PASV\n< 501 Use EPSV on IPv6.\n> EPSV 1\n< 522 Network protocol not supported, use (2)\n> EPSV 2\n< 229');
});

it('says 425 when no port is free', async () => {
  const { say, data } = await startDialogue();
  data.noPort = true;
  await say('> PASV\n< 425\n> EPSV\n< 425');
});

it('ALLO above what the account may store is refused at once, and forgotten', async () => {
  const { say, view, data } = await startDialogue({ user: { maxFileBytes: 1_000 } });
  data.uploads.push('x');
  await say(
    '> TYPE I\n< 200\n> ALLO 1000\n< 202\n> ALLO 0\n< 202\n> ALLO 1001\n< 552 File too large\n> EPSV\n< 229\n> STOR a\n< 150\n< 226',
  );
  expect(view.calls).toContain('prepareUpload /a new 0');
});

it('CLNT is kept for the log, short and printable', async () => {
  const { say, logged } = await startDialogue({ until: 'secured' });
  await say(`> CLNT ${'x'.repeat(100)}\u0007\n< 200\n> USER alice\n< 331\n> PASS correct horse\n< 230`);
  expect(logged.find(({ event }) => event === 'login.ok')?.fields['client']).toBe('x'.repeat(64));
});

it('OPTS MLST marks its choice in FEAT', async () => {
  const { ask } = await startDialogue();
  expect(await ask('FEAT')).toContain('\r\n MLST type*;size*;modify*;perm*;unique*;\r\n');
  await ask('OPTS MLST size;modify;');
  expect(await ask('FEAT')).toContain('\r\n MLST type;size*;modify*;perm;unique;\r\n');
});
