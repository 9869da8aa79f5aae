import { startDialogue } from './dialogue';

/** SYST, FEAT, HELP, NOOP, STAT, SITE, and verbs that are known and not served. */

const features = `
  < 211-Features:
  <  AUTH TLS
  <  PBSZ
  <  PROT
  <  EPSV
  <  UTF8
  <  TVFS
  <  SIZE
  <  MDTM
  <  MFMT
  <  REST STREAM
  <  MLST type*;size*;modify*;perm*;unique*;
  <  LANG EN*
  <  CLNT
  < 211 End
`;

describe.each(['greeted', 'secured', 'ready'] as const)('a session that is %s', (until) => {
  it('says what it can, always the same', async () => {
    const { say } = await startDialogue({ until });
    await say(`> FEAT${features}> FEAT x\n< 501`);
  });

  it.each([
    ['SYST', '215 UNIX Type: L8'],
    ['SYST x', '215'],
    ['NOOP', '200'],
    ['NOOP x', '200'],
    ['HELP STOR', '214 Syntax: STOR path'],
    ['HELP SITE', '214 Syntax: SITE HELP|CHMOD|UMASK|UTIME'],
    ['HELP stor', '214'],
    ['HELP NONSENSE', '501'],
    ['HELP SMNT', '501'],
    ['CLNT x', '200'],
    ['LANG en', '200'],
    ['OPTS UTF8 ON', '200'],
  ])('answers %s with %s', async (command, reply) => {
    const { say } = await startDialogue({ until });
    await say(`> ${command}\n< ${reply}`);
  });

  it('lists its verbs in less than 4 KiB', async () => {
    const { ask } = await startDialogue({ until });
    const help = await ask('HELP');
    expect(help).toMatch(/^214-Commands:\r\n( [A-Z ]+\r\n)+214 End\r\n$/);
    expect(help).toContain(' STOR ');
    expect(help).not.toContain('SMNT');
    expect(help.length).toBeLessThan(4_096);
    expect(await ask('HELP  ')).toBe(help);
  });
});

it("STAT tells of the session, and no address but the client's own", async () => {
  const { say } = await startDialogue();
  await say(`
    > STAT
    < 211-Status:
    <  Logged in as alice from 192.0.2.7
    <  Control connection protected by TLSv1.3
    <  Data connections protected
    <  TYPE A, STRU F, MODE S
    <  No transfer is running
    < 211 End
  `);
});

it.each([
  ['SITE HELP', '214-Commands:'],
  ['SITE CHMOD 644 f', '200'],
  ['SITE CHMOD 0644 f', '200'],
  ['SITE CHMOD 644 none', '550'],
  ['SITE CHMOD rwx f', '501'],
  ['SITE CHMOD 644', '501'],
  ['SITE CHMOD', '501'],
  ['SITE UTIME 202401020304 f', '200'],
  ['SITE UTIME 20240102030405 f', '200'],
  ['SITE UTIME f 20240102030405 20240102030405 20240102030405 UTC', '200'],
  ['SITE UTIME 20241302030405 f', '501'],
  ['SITE UTIME', '501'],
  ['SITE UTIME 202401020304 none', '550'],
  ['SITE UMASK 022', '200'],
  ['SITE LRECL=80', '202'],
  ['SITE RECFM=FB', '202'],
  ['SITE BLKSIZE=3200', '202'],
  ['SITE FIXrecfm 80', '202'],
  ['SITE VARrecfm', '202'],
  ['SITE PRIMARY=5 SECONDARY=5 CYLINDERS', '202'],
  ['SITE CYLINDERS', '202'],
  ['SITE NAMEFMT 1', '202'],
  ['SITE IDLE 600', '202'],
  ['SITE GROUP x', '202'],
  ['SITE EXEC rm', '500'],
  ['SITE CPFR f', '500'],
  ['SITE CPTO g', '500'],
  ['SITE SYMLINK f g', '500'],
  ['SITE RMDIR d', '500'],
  ['SITE MKDIR d', '500'],
  ['SITE PSWD old new', '500'],
  ['SITE', '501'],
])('%s is answered %s', async (command, reply) => {
  const { ask, view } = await startDialogue();
  view.file('/f', 'x');
  expect((await ask(command)).startsWith(reply)).toBe(true);
});

it('SITE UTIME sets what MDTM says', async () => {
  const { say, view } = await startDialogue();
  view.file('/f', 'x');
  await say('> SITE UTIME 202401020304 f\n< 200\n> MDTM f\n< 213 20240102030400');
});

it.each('AVBL COMB CSID DSIZ HASH HOST MD5 MFCT MFF MMD5 RANG RMDA SMNT THMB XCRC XMD5 XSHA XSHA1 XSHA256'.split(' '))(
  '%s is known and not served',
  async (verb) => {
    const { say } = await startDialogue();
    await say(`> ${verb} x\n< 502\n> ${verb}\n< 502`);
  },
);

it.each('MAIL MSND MSOM MSAM MRSQ MRCP MLFL XSEN XSEM XRSQ XRCP CPSV SSCN PRET NONSENSE'.split(' '))('%s is unknown', async (verb) => {
  const { say } = await startDialogue();
  await say(`> ${verb} x\n< 500 Command not recognised. [s-TEST01]`);
});
