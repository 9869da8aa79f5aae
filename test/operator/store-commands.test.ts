import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { killAll, run, start } from './run-program';

/** doctor, import and reconcile as an operator's shell runs them, on a data folder of their own. */
let base: string;
let environment: Record<string, string>;

beforeEach(() => {
  base = mkdtempSync(path.join(tmpdir(), 'causeway-commands-'));
  environment = {
    CAUSEWAY_DATA: path.join(base, 'data'),
    CAUSEWAY_HOST: '127.0.0.1',
    CAUSEWAY_EXPLICIT_PORT: '0',
    CAUSEWAY_IMPLICIT_PORT: '0',
    CAUSEWAY_PASSIVE_PORTS: 'free:2',
  };
  mkdirSync(environment['CAUSEWAY_DATA'] as string, { mode: 0o700 });
});

afterEach(() => rmSync(base, { recursive: true }));
afterAll(killAll);

const causeway = (...args: string[]) => run('cli.ts', args, environment);

it('an empty folder can be used, and doctor says what is still to be done', async () => {
  const { code, out } = await causeway('doctor', '--json');
  const findings = JSON.parse(out) as { level: string; text: string }[];
  expect(findings.filter(({ level }) => level === 'problem')).toEqual([]);
  expect(code).toBe(0);
  expect(findings.map(({ text }) => text)).toEqual(
    expect.arrayContaining([
      'can be written',
      'can be used; 0 partners',
      'the first start makes one',
      'no partner is there yet: causeway partner add NAME',
    ]),
  );
}, 60_000);

it('doctor tells a bucket that nobody answers for in a line, and fails', async () => {
  const s3 = {
    CAUSEWAY_OBJECTS: 's3',
    CAUSEWAY_BUCKET: 'files',
    CAUSEWAY_S3_ENDPOINT: 'http://127.0.0.1:9',
    AWS_ACCESS_KEY_ID: 'a',
    AWS_SECRET_ACCESS_KEY: 'b',
  };
  const { code, out } = await run('cli.ts', ['doctor'], { ...environment, ...s3 });
  expect(code).toBe(1);
  expect(out).toMatch(/^PROBLEM {2}bucket files: nobody answers at the endpoint of the bucket files/m);
}, 60_000);

it('there is nothing to make where everything lies in the folder, and nothing is made on AWS', async () => {
  expect(await causeway('doctor', '--create')).toMatchObject({ code: 2 });
  const aws = { CAUSEWAY_METADATA: 'dynamodb', CAUSEWAY_TABLE: 'causeway', CAUSEWAY_REGION: 'eu-west-1' };
  const { code, err } = await run('cli.ts', ['doctor', '--create'], { ...environment, ...aws });
  expect(code).toBe(2);
  expect(err).toContain('cdk deploy makes it');
}, 60_000);

it('what cannot be made is told in a line, keeps nothing else from being made, and what is wrong is told of bucket, queue and table', async () => {
  const nobody = 'http://127.0.0.1:9';
  const settings = {
    CAUSEWAY_OBJECTS: 's3',
    CAUSEWAY_BUCKET: 'files',
    CAUSEWAY_S3_ENDPOINT: nobody,
    CAUSEWAY_BUCKET_EVENTS: `${nobody}/1/events`,
    CAUSEWAY_METADATA: 'dynamodb',
    CAUSEWAY_TABLE: 'index',
    CAUSEWAY_DYNAMODB_ENDPOINT: nobody,
    AWS_ACCESS_KEY_ID: 'a',
    AWS_SECRET_ACCESS_KEY: 'b',
  };
  const made = await run('cli.ts', ['doctor', '--create'], { ...environment, ...settings });
  expect(made).toMatchObject({ code: 1, err: '' });
  expect(made.out.match(/^PROBLEM {2}bucket files: nobody answers/gm)).toHaveLength(1);
  expect(made.out.match(/^PROBLEM {2}table index: nobody answers/gm)).toHaveLength(1);
  expect(made.out).toMatch(/^PROBLEM {2}queue http:.*: nobody answers there$/m);
  const started = await run('main.ts', [], { ...environment, ...settings });
  expect(started.code).toBe(1);
  expect(started.err).toMatch(
    /^causeway: nobody answers at the endpoint of the table index .*\ncauseway: nobody answers at the endpoint of the bucket files/m,
  );
}, 60_000);

it('a region that the AWS tools find is named, and one that nobody has set is asked for', async () => {
  const aws = {
    CAUSEWAY_METADATA: 'dynamodb',
    CAUSEWAY_TABLE: 'index',
    CAUSEWAY_OBJECTS: 's3',
    CAUSEWAY_BUCKET: 'files',
    AWS_ACCESS_KEY_ID: 'a',
    AWS_SECRET_ACCESS_KEY: 'b',
    AWS_CONFIG_FILE: '/dev/null',
    // Of both services at once, and no server on AWS.
    AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
  };
  const named = await run('cli.ts', ['doctor'], { ...environment, ...aws, AWS_REGION: 'eu-west-3' });
  expect(named.out).toMatch(/^PROBLEM {2}bucket files: .*\(eu-west-3\)$/m);
  expect(named.out).toMatch(/^PROBLEM {2}table index: .*\(eu-west-3\)$/m);
  const missing = await run('cli.ts', ['doctor'], { ...environment, ...aws });
  expect(missing.out).toMatch(/^PROBLEM {2}bucket files: no region is set for the bucket files: set CAUSEWAY_REGION$/m);
  expect(missing.out).toMatch(/^PROBLEM {2}table index: no region is set for the table index: set CAUSEWAY_REGION$/m);
}, 60_000);

it('a folder is imported, imported again, and what others change is reconciled', async () => {
  const folder = path.join(base, 'old');
  mkdirSync(path.join(folder, 'sub'), { recursive: true });
  writeFileSync(path.join(folder, 'one'), 'first');
  writeFileSync(path.join(folder, 'sub', 'two'), 'second');
  await causeway('partner', 'add', 'acme');
  expect(await causeway('import', folder, '--partner', 'acme', '--to', '/archive')).toMatchObject({
    code: 0,
    out: '2 imported, 0 there already, 0 differ, 0 ignored, 0 failed\n',
  });
  const objects = path.join(environment['CAUSEWAY_DATA'] as string, 'objects');
  expect(readFileSync(path.join(objects, 'acme/archive/sub/two'), 'utf8')).toBe('second');
  writeFileSync(path.join(folder, 'one'), 'changed');
  expect(await causeway('import', folder, '--partner', 'acme', '--to', '/archive')).toMatchObject({
    code: 1,
    out: '0 imported, 1 there already, 1 differ, 0 ignored, 0 failed\n',
    err: expect.stringContaining('differs  "one"'),
  });
  unlinkSync(path.join(objects, 'acme/archive/one'));
  expect(await causeway('reconcile', '--dry-run')).toMatchObject({ code: 1, out: expect.stringContaining('missing  "acme/archive/one"') });
  const { out, err } = await causeway('reconcile', '--dry-run', '--json');
  expect(JSON.parse(out)).toMatchObject({ compared: 2, drifts: 1 });
  expect(err).toContain('missing  "acme/archive/one"\n');
  expect(await causeway('reconcile')).toMatchObject({ code: 0, out: expect.stringContaining('2 files compared, 1 differ, 1 put right') });
  expect(await causeway('reconcile', '--prefix', 'acme/archive/sub')).toMatchObject({
    code: 0,
    out: '1 files compared, 0 differ, 0 put right\n',
  });
}, 60_000);

it('a Ctrl-C tells how far import and reconcile came, and what to type to go on', async () => {
  await causeway('partner', 'add', 'acme');
  const folder = path.join(base, 'old');
  const placed = path.join(environment['CAUSEWAY_DATA'] as string, 'objects/acme');
  for (const at of [folder, placed]) {
    mkdirSync(at, { recursive: true });
    for (let index = 0; index < 5_000; index++) writeFileSync(path.join(at, `f${index}`), 'content');
  }
  symlinkSync('f1', path.join(folder, 'a-link'));
  const interrupt = async (...args: string[]) => {
    const running = start('cli.ts', args, environment);
    await running.until(/ignored|unknown/);
    running.process.kill('SIGINT');
    return running.ended;
  };
  const imported = await interrupt('import', folder, '--partner', 'acme', '--parallel', '1', '--to', '/in');
  expect(imported).toMatchObject({
    code: 130,
    out: expect.stringMatching(/^\d+ imported, .* 1 ignored, 0 failed\nthe same command goes on/),
  });
  const compared = await interrupt('reconcile', '--dry-run', '--prefix', '/acme');
  expect(compared.code).toBe(130);
  const again = /^go on with: causeway (reconcile --dry-run --prefix '\/acme') --after '(acme\/f\d+)'$/m.exec(compared.out);
  const last = again?.[2] as string;
  expect(
    compared.out
      .trim()
      .split('\n')
      .filter((line) => line.startsWith('unknown'))
      .at(-1),
  ).toBe(`unknown  "${last}"`);
  const rest = await causeway('reconcile', '--dry-run', '--prefix', '/acme', '--after', last);
  expect(rest.code).toBe(1);
  expect(rest.out).not.toContain('go on with');
  const told = [compared, rest].flatMap(({ out }) => out.split('\n').filter((line) => line.startsWith('unknown')));
  expect(new Set(told).size).toBe(5_000);
  expect(told).toHaveLength(5_000);
}, 60_000);

it.each([
  [['import', '/nowhere', '--partner', 'nobody'], 1, 'there is no partner nobody'],
  [['import', '/tmp', '--partner', 'x', '--parallel', 'many'], 2, '--parallel must be a number from 1 to 999'],
  [['reconcile', '--prefix', 'other'], 2, 'lies in no home'],
])(
  '%j ends with %d and a sentence',
  async (args, code, text) => {
    const ended = await causeway(...args);
    expect(ended.code).toBe(code);
    expect(ended.err).toContain(text);
  },
  20_000,
);
