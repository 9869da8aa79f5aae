import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ensureSelfSigned } from '../../runtime/adapters/certificates/self-signed';
import { buildCommandLine, explainError } from '../../runtime/cli';
import { describeVariables, variables } from '../../runtime/config/variables';
import { Failure } from '../../runtime/model/failure';
import { OperatorError } from '../../runtime/operator/operator-error';
import { killAll, run, start } from './run-program';

const folder = mkdtempSync(path.join(tmpdir(), 'causeway-cli-'));
const data = path.join(folder, 'my data');

const causeway = (args: readonly string[], input?: string, more: Record<string, string> = {}) =>
  run('cli.ts', args, { CAUSEWAY_DATA: data, ...more }, input);

beforeAll(() => mkdirSync(data, { mode: 0o700 }));

afterAll(() => {
  killAll();
  rmSync(folder, { recursive: true, force: true });
});

it('makes, shows, changes, rotates, disables and removes a partner', async () => {
  const added = await causeway(['partner', 'add', 'acme', '--rights', 'drop-box', '--directory', '/out=list,read']);
  expect(added).toMatchObject({ code: 0, err: '' });
  expect(added.out).toMatch(/^partner acme added, home acme\npassword: [A-Za-z0-9]{20}\n$/);

  const shown = await causeway(['partner', 'show', 'acme', '--json']);
  expect(JSON.parse(shown.out)).toMatchObject({ rights: ['write', 'mkdir'], directories: { '/out': ['list', 'read'] }, passwords: 1 });
  expect(shown.out).not.toMatch(/argon2|passwordHashes/);

  const changed = await causeway(['partner', 'set', 'acme', '--max-sessions', '3', '--switch', 'dataTlsReuse=require']);
  expect(changed.out).toContain('sessions: 3\n');
  expect(changed.out).toContain('rights: write, mkdir\n');
  expect(changed.err).toContain('CAUSEWAY_TLS_MAX=1.2');

  const rotated = await causeway(['partner', 'password', 'acme', '--keep-old', '--password-stdin', '--json'], 'given secret\n');
  expect(JSON.parse(rotated.out)).toMatchObject({ passwords: 2 });
  expect(rotated.out).not.toContain('given secret');

  expect((await causeway(['partner', 'disable', 'acme'])).out).toBe('partner acme disabled\n');
  expect((await causeway(['partner', 'list'])).out).toBe('acme\tacme\tdisabled\twrite,mkdir\n');
  expect((await causeway(['partner', 'enable', 'acme', '--json'])).out).toContain('"enabled": true');
  expect((await causeway(['partner', 'remove', 'acme'])).out).toBe('partner acme removed; his files stay where they are\n');
  expect(JSON.parse((await causeway(['partner', 'list', '--json'])).out)).toEqual([]);
});

it.each([
  ['no command', []],
  ['an unknown command', ['partner', 'promote', 'acme']],
  ['an unknown option', ['partner', 'list', '--loud']],
  ['a missing name', ['partner', 'add']],
])('%s is wrong usage: 2, and the usage is shown', async (_what, args) => {
  let shown = '';
  const program = buildCommandLine((text) => {
    shown += text;
  });
  const error = await program.parseAsync(['node', 'causeway', ...args]).catch((reason: unknown) => reason);
  expect(explainError(error)).toEqual({ code: 2, text: '' });
  expect(shown).toContain('Usage: causeway');
});

it.each([
  ['a wrong name', new OperatorError('no name', 'usage'), 2, 'causeway: no name\n'],
  ['a partner who is not there', new OperatorError('nobody'), 1, 'causeway: nobody\n'],
  ['a full disk', new Failure('disk-full', 'No space left.'), 1, 'causeway: No space left.\n'],
  ['a refusal of the system', Object.assign(new Error('EACCES: denied'), { errno: -13, code: 'EACCES' }), 1, 'causeway: EACCES: denied\n'],
])('%s is told in a line', (_what, error, code, text) => {
  expect(explainError(error)).toEqual({ code, text });
});

it('a bug is told with its stack', () => {
  expect(explainError(new TypeError('x is undefined')).text).toMatch(/^causeway: TypeError: x is undefined\n\s+at /);
});

it('what cannot be done ends with 1, what was written wrongly with 2, both with one line', async () => {
  const [nobody, wrong, unasked, unnamed, noFolder] = await Promise.all([
    causeway(['partner', 'show', 'nobody']),
    causeway(['partner', 'add', '../acme']),
    causeway(['partner', 'add', 'acme', '--ask']),
    causeway(['partner', 'list', '--stack', '']),
    causeway(['partner', 'list'], undefined, { CAUSEWAY_DATA: path.join(folder, 'nowhere') }),
  ]);
  expect(nobody).toEqual({ code: 1, out: '', err: 'causeway: there is no partner nobody: "causeway partner list" names them\n' });
  for (const { code, out, err } of [wrong, unasked, unnamed]) {
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^causeway: [^\n]+\n$/);
  }
  expect(noFolder.code).toBe(1);
  expect(noFolder.err).toMatch(/^causeway: .*nowhere is no data folder: start the server once, or set CAUSEWAY_DATA\n$/);
});

it.each(['settings', '--help'])('ends %s without a word when whoever read it has gone', async (word) => {
  const list = start('cli.ts', [word], { CAUSEWAY_DATA: data });
  list.process.stdout?.destroy();
  expect(await list.ended).toEqual({ code: 141, out: '', err: '' });
});

const everyCommand = ['', 'serve', 'settings', 'sheet', 'partner', 'doctor', 'reconcile', 'import', 'sessions', 'kick'].concat(
  ['add', 'set', 'password', 'show', 'list', 'enable', 'disable', 'remove'].map((verb) => `partner ${verb}`),
);

it.each(everyCommand)('causeway %s --help shows an example, and that it works on a stack', async (command) => {
  let shown = '';
  const program = buildCommandLine((text) => {
    shown += text;
  });
  const words = command.split(' ').filter((word) => word !== '');
  const error = await program.parseAsync(['node', 'causeway', ...words, '--help']).catch((reason: unknown) => reason);
  expect(explainError(error)).toEqual({ code: 0, text: '' });
  expect(shown).toMatch(new RegExp(`Examples?:\\n(.*\\n)*.*causeway ${command}`));
  expect(shown.includes('--stack <name>')).toBe(command !== 'serve');
});

it('no command is left out of that list', () => {
  const names = (command: ReturnType<typeof buildCommandLine>, prefix: string): string[] =>
    command.commands.flatMap((each) => [`${prefix}${each.name()}`, ...names(each as typeof command, `${prefix}${each.name()} `)]);
  expect(['', ...names(buildCommandLine(), '')].sort()).toEqual([...everyCommand].sort());
});

it('lists the settings, to people and to programs', async () => {
  const [text, json] = await Promise.all([causeway(['settings']), causeway(['settings', '--json'])]);
  expect(text.out).toBe(describeVariables());
  expect(JSON.parse(json.out)).toEqual(variables);
});

it('prints the connection sheet of a partner, for the host that he knows', async () => {
  const certificate = path.join(data, 'certificate.pem');
  await ensureSelfSigned({ certificate, key: path.join(data, 'key.pem') }, 'bridge.example');
  await causeway(['partner', 'add', 'beta']);
  const [sheet, json, nobody] = await Promise.all([
    causeway(['sheet', 'beta', '--host', 'bridge.example']),
    causeway(['sheet', 'beta', '--json'], undefined, { CAUSEWAY_EXPLICIT_PORT: '21' }),
    causeway(['sheet', 'nobody']),
  ]);
  expect(sheet.out).toContain('Connection sheet for partner beta:');
  expect(sheet.out).toContain(`CAUSEWAY_DATA='${data}' npx causeway partner password beta`);
  expect(sheet.out).toContain(`--cacert '${certificate}' --user beta -T FILE ftp://bridge.example:2121/`);
  expect(sheet.out).not.toContain('not made for');
  expect(JSON.parse(json.out)).toMatchObject({
    partner: 'beta',
    host: 'localhost',
    explicitPort: 21,
    implicitPort: 9990,
    hostIsNamed: true,
  });
  expect(nobody.code).toBe(1);
});
