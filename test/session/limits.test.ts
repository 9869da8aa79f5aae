import { startDialogue } from './dialogue';

/** The limits of one session, each at its number, one below and one above. */

const line = (length: number) => `NOOP ${'x'.repeat(length - 'NOOP \r\n'.length)}`;

it.each([2_048, 4_096])('of a longest line of %i bytes that many are read, and one more is not', async (lineLength) => {
  const { ask } = await startDialogue({ limits: { lineLength } });
  expect(await ask(line(lineLength))).toMatch(/^200 /);
  expect(await ask(line(lineLength + 1))).toMatch(/^500 Command line too long/);
});

it('the limit of lines holds under TLS as it does before', async () => {
  const { ask, say } = await startDialogue({ until: 'greeted', limits: { lineLength: 2_048 } });
  expect(await ask(line(2_049))).toMatch(/^500 Command line too long/);
  await say('> AUTH TLS\n< 234');
  expect(await ask(line(2_049))).toMatch(/^500 Command line too long/);
  expect(await ask(line(2_048))).toMatch(/^200 /);
});

it.each([1, 2, 4])('%i failed logins end the session, one less do not', async (loginFailures) => {
  const { say, control } = await startDialogue({ until: 'secured', limits: { loginFailures } });
  for (let failure = 1; failure < loginFailures; failure++) await say('> USER alice\n< 331\n> PASS wrong\n+ 1500\n< 530 Login incorrect.');
  expect(control.ended).toBe(false);
  await say('> USER alice\n< 331\n> PASS wrong\n+ 1500\n< 421 Login incorrect too often, closing.');
  expect(control.ended).toBe(true);
});

it.each([
  [3, '212-Status:'],
  [2, '450 Too many entries for STAT: use LIST.'],
])('of three names STAT, which may show %i, says %s', async (statusEntries, reply) => {
  const { ask, view } = await startDialogue({ limits: { statusEntries } });
  view.directory('/d').file('/d/a', '').file('/d/b', '').file('/d/c', '');
  expect(await ask('STAT d')).toContain(reply);
});
