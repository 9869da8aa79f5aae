import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Template } from './template';

/** The app as `cdk` runs it, bundling and all, on a machine without network, account or Docker. */
const root = join(__dirname, '..', '..');
const out = mkdtempSync(join(tmpdir(), 'causeway-offline-'));
const app = [process.execPath, join(root, 'node_modules', 'tsx', 'dist', 'cli.mjs'), join(root, 'bin', 'app.ts')] as const;
// Takes the network away where the system can do that for an ordinary user; where it cannot, the run shows less.
const alone = spawnSync('unshare', ['-rn', 'true']).status === 0 ? ['unshare', '-rn', ...app] : [...app];

jest.setTimeout(120_000);
afterAll(() => rmSync(out, { recursive: true, force: true }));

beforeAll(() => {
  const { context } = JSON.parse(readFileSync(join(root, 'cdk.json'), 'utf8')) as { context: Record<string, unknown> };
  const [command = '', ...parameters] = alone;
  execFileSync(command, parameters, {
    cwd: root,
    env: {
      // The shell that bundling starts, and as a rule no Docker; esbuild is the project's own.
      PATH: [join(process.execPath, '..'), '/usr/bin', '/bin'].join(':'),
      HOME: out,
      CDK_OUTDIR: join(out, 'cdk.out'),
      CDK_CONTEXT_JSON: JSON.stringify({
        ...context,
        causeway: { name: 'offline', zones: 3 },
      }),
    },
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 100_000,
  });
});

it('makes the template of the settings it was given', () => {
  const template = JSON.parse(readFileSync(join(out, 'cdk.out', 'offline.template.json'), 'utf8')) as Template;
  expect(Object.values(template.Resources).filter(({ Type }) => Type === 'AWS::EC2::EIP')).toHaveLength(3);
});

it('asks for nothing that an account would have to be looked at for', () => {
  const manifest = JSON.parse(readFileSync(join(out, 'cdk.out', 'manifest.json'), 'utf8')) as { missing?: unknown };
  expect(manifest.missing).toBeUndefined();
});

const assets = () =>
  readdirSync(join(out, 'cdk.out'), { withFileTypes: true }).filter((entry) => entry.isDirectory() && entry.name.startsWith('asset.'));

it('puts into the image only what it is built from', () => {
  const image = assets().find(({ name }) => readdirSync(join(out, 'cdk.out', name)).includes('package.json'));
  expect(readdirSync(join(out, 'cdk.out', image?.name as string)).sort()).toEqual([
    '.dockerignore',
    'bin',
    'package-lock.json',
    'package.json',
    'runtime',
    'tsconfig.json',
  ]);
  expect(readdirSync(join(out, 'cdk.out', image?.name as string, 'bin'))).toEqual(['bundle.ts']);
});

it('bundles each function into one file that Node takes, on any processor', () => {
  const functions = assets().filter(({ name }) => readdirSync(join(out, 'cdk.out', name)).includes('index.js'));
  expect(functions).toHaveLength(2);
  for (const { name } of functions) {
    expect(readdirSync(join(out, 'cdk.out', name))).toEqual(['index.js']);
    expect(readFileSync(join(out, 'cdk.out', name, 'index.js'), 'utf8')).not.toMatch(/require\("[^"]+\.node"\)/);
    const load = `const { handler } = require(${JSON.stringify(join(out, 'cdk.out', name, 'index.js'))}); if (typeof handler !== 'function') process.exit(1);`;
    execFileSync(process.execPath, ['-e', load], { stdio: 'pipe', timeout: 20_000 });
  }
});

it('tells a fault in the settings in its sentence, without where in the code it was noticed', () => {
  const [command, ...parameters] = app;
  const ended = spawnSync(command, parameters, {
    cwd: root,
    env: { PATH: '/usr/bin:/bin', HOME: out, CDK_OUTDIR: join(out, 'faulty.out'), CDK_CONTEXT_JSON: '{"causeway":{"zones":4,"cpu":3}}' },
    encoding: 'utf8',
    timeout: 60_000,
  });
  expect(ended).toMatchObject({
    status: 1,
    stderr:
      'causeway: the settings have 2 faults:\n- zones is 4, but must be one of 1, 2, 3\n- cpu is 3, but must be one of 256, 512, 1024, 2048, 4096\n',
  });
});
