import { startDialogue } from './dialogue';

/** SIZE, MDTM, MLST, MFMT, RNFR, RNTO, DELE, CWD, CDUP, PWD, MKD, RMD. */

it.each([
  ['SIZE /f', '213 7'],
  ['SIZE f', '213 7'],
  ['SIZE', '501'],
  ['SIZE /none', '550 No such file or directory.'],
  ['SIZE /d', '550 Not a plain file.'],
  ['SIZE a\u0000', '550'],
  ['MDTM /f', '213 20251122215700'],
  ['MDTM', '501'],
  ['MDTM /none', '550'],
  ['MDTM /d', '550'],
  ['MDTM 20240101000000 f', '550 No such file'],
  ['MFMT 20240229010203 /f', '213 Modify=20240229010203; /f'],
  ['MFMT 20240229010203.500 f', '213 Modify=20240229010203; /f'],
  ['MFMT 20230229010203 /f', '501'],
  ['MFMT 20240229010203', '501'],
  ['MFMT /f', '501'],
  ['MFMT', '501'],
  ['MFMT 20240229010203 /none', '550'],
  ['MLST /none', '550'],
  ['DELE /f', '250'],
  ['DELE', '501'],
  ['DELE /none', '550'],
  ['DELE /d', '550 Is a directory.'],
  ['RNFR', '501'],
  ['RNFR /none', '550'],
  ['RNTO /x', '503 Send RNFR first.'],
  ['RNTO', '501'],
  ['CWD /d', '250'],
  ['CWD d/', '250'],
  ['CWD ..', '250'],
  ['CWD /../../d', '250'],
  ['CWD ~', '550'],
  ['CWD', '501'],
  ['CWD /none', '550'],
  ['CWD /f', '550 Not a directory.'],
  ['XCWD /d', '250'],
  ['CDUP', '250'],
  ['CDUP x', '250'],
  ['XCUP', '250'],
  ['PWD', '257 "/" is the current directory'],
  ['PWD x', '257'],
  ['XPWD', '257'],
  ['MKD /n', '257 "/n" created'],
  ['MKD n', '257 "/n" created'],
  ['MKD a "b"', '257 "/a ""b""" created'],
  ['MKD', '501'],
  ['MKD /d', '550 A file or directory of this name already exists.'],
  ['MKD /none/n', '550'],
  ['MKD a\\b', '553'],
  ['XMKD /n', '257'],
  ['RMD /empty', '250'],
  ['RMD', '501'],
  ['RMD /none', '550'],
  ['RMD /d', '550 Directory not empty.'],
  ['RMD /f', '550 Not a directory.'],
  ['XRMD /empty', '250'],
])('%j is answered %s', async (command, reply) => {
  const { say, view } = await startDialogue();
  view.file('/f', 'content').directory('/d').file('/d/in', 'x').directory('/empty');
  await say(`> ${command}\n< ${reply}`);
});

it('SIZE is asked for as one that is told', async () => {
  const { say, view } = await startDialogue();
  view.file('/f', 'x');
  await say('> SIZE f\n< 213 1\n> MDTM f\n< 213\n> CWD /f\n< 550');
  expect(view.calls).toEqual(['stat /f size', 'stat /f time', 'stat /f exists']);
});

it('MLST shows one line of facts with the whole path', async () => {
  const { say, view } = await startDialogue();
  view.directory('/d').file('/d/f', 'content');
  await say(`
    > MLST d/f
    < 250-Listing /d/f
    <  type=file;size=7;modify=20251122215700;perm=adfrw;unique=u4; /d/f
    < 250 End
    > CWD d
    < 250
    > MLST
    < 250-Listing /d
    <  type=dir;modify=20251122215700;perm=ceflmp;unique=u2; /d
    < 250 End
    > OPTS MLST
    < 200
    > MLST f
    < 250-
    <   /d/f
    < 250 End
  `);
});

it('SIZE after MFMT, MDTM says what was set', async () => {
  const { say, view } = await startDialogue();
  view.file('/f', 'x');
  await say('> MFMT 20200101000000 f\n< 213\n> MDTM f\n< 213 20200101000000');
});

it('renames in two steps, also onto a file', async () => {
  const { say, view } = await startDialogue();
  view.file('/x.tmp', 'new').file('/x', 'old');
  await say('> RNFR x.tmp\n< 350\n> RNTO x\n< 250 Renamed.');
  expect(view.content('/x')).toBe('new');
  expect(view.nodes.has('/x.tmp')).toBe(false);
});

it.each([
  ['NOOP', '200'],
  ['PWD', '257'],
  ['NONSENSE', '500'],
  ['RNTO a\\b', '553'],
  ['RNTO', '501'],
  ['RNFR /none', '550'],
])('forgets RNFR when %s comes between', async (command, reply) => {
  const { say, view } = await startDialogue();
  view.file('/f', 'x');
  await say(`> RNFR f\n< 350\n> ${command}\n< ${reply}\n> RNTO g\n< 503 Send RNFR first.`);
  expect(view.nodes.has('/f')).toBe(true);
});

it('follows the working directory', async () => {
  const { say, view } = await startDialogue();
  view.directory('/d').directory('/d/e');
  await say(
    '> CWD d\n< 250\n> CWD e\n< 250\n> PWD\n< 257 "/d/e" is\n> CDUP\n< 250\n> PWD\n< 257 "/d" is\n> CDUP\n< 250\n> CDUP\n< 250\n> PWD\n< 257 "/" is',
  );
});
