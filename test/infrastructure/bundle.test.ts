import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle } from '../../bin/bundle';

/** The folder that the image holds, made here, and a server that has nothing but that folder. */
const root = join(__dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'causeway-bundle-'));
const app = join(folder, 'app');
let server: ChildProcess | undefined;

jest.setTimeout(120_000);
let sources: string[] = [];
beforeAll(() => {
  sources = namesIn(join(root, 'runtime'));
  bundle(app);
});
afterAll(() => {
  server?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

it('the bundle is the compiled server, its dependencies, and the two files that name them', () => {
  expect(readdirSync(app).sort()).toEqual(['dist', 'node_modules', 'package-lock.json', 'package.json']);
  expect(readdirSync(join(app, 'dist'))).toEqual(['runtime']);
});

it('is not made where something else lies, which would be lost', () => {
  const other = join(folder, 'other');
  mkdirSync(other);
  writeFileSync(join(other, 'thesis.txt'), 'the only copy');
  expect(() => bundle(other)).toThrow(`${other} is not empty and no bundle`);
  expect(readdirSync(other)).toEqual(['thesis.txt']);
});

it('has a compiled file for each source, and nothing else', () => {
  expect(namesIn(join(app, 'dist', 'runtime'))).toEqual(sources);
});

it('has only what the server needs when it runs', () => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<
    string,
    Record<string, string>
  >;
  for (const name of Object.keys(dependencies ?? {})) expect(existsSync(join(app, 'node_modules', name))).toBe(true);
  for (const name of ['typescript', 'aws-cdk-lib', 'jest', 'basic-ftp'].filter((dev) => devDependencies?.[dev]))
    expect(existsSync(join(app, 'node_modules', name))).toBe(false);
});

it('is what the image copies, and all that it copies', () => {
  const dockerfile = readFileSync(join(root, 'runtime', 'Dockerfile'), 'utf8');
  const stages = dockerfile.split(/^FROM /m);
  expect(stages[1]).toContain('RUN npx tsx bin/bundle.ts');
  expect([...(stages[2] as string).matchAll(/^(?:COPY|ADD) .*$/gm)].map(([line]) => line)).toEqual([
    'COPY --from=bundle --chown=1000:1000 /volumes/ /',
    'COPY --from=bundle /build/dist/bundle ./',
  ]);
  expect(stages[2]).toMatch(/^USER node$/m);
  expect(stages[2]).toMatch(/^CMD \["node", "--max-semi-space-size=8", "dist\/runtime\/main\.js"\]$/m);
});

it('is built for another processor without emulation: the stage of the target runs nothing, and its data folder is made before', () => {
  const [, builder = '', target = '', ...more] = readFileSync(join(root, 'runtime', 'Dockerfile'), 'utf8').split(/^FROM /m);
  expect(more).toEqual([]);
  expect(builder).toMatch(/^--platform=\$BUILDPLATFORM .* AS bundle$/m);
  expect(builder).toMatch(/^RUN .*mkdir -m 0700 \/volumes\/data$/m);
  expect(target).not.toMatch(/^RUN\b/m);
});

it('serves a client who tries everything that a deployment is accepted by, and stops when it is told to', async () => {
  server = spawn(process.execPath, ['dist/runtime/main.js'], {
    cwd: app,
    env: {
      CAUSEWAY_DATA: join(folder, 'data'),
      CAUSEWAY_HOST: '127.0.0.1',
      CAUSEWAY_EXPLICIT_PORT: '0',
      CAUSEWAY_IMPLICIT_PORT: '0',
      CAUSEWAY_PASSIVE_PORTS: 'free:4',
    },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const sheet = await readSheet(server);
  const told = (pattern: RegExp) => pattern.exec(sheet)?.[1] ?? '';
  expect(healthOf(told(/explicit TLS: port (\d+)/))).toBe(0);
  const smoke = execFile(
    process.execPath,
    [
      join(root, 'node_modules', 'tsx', 'dist', 'cli.mjs'),
      join(root, 'bin', 'smoke.ts'),
      ...[
        '--host',
        'localhost',
        '--ca',
        join(folder, 'data', 'certificate.pem'),
        '--user',
        'demo',
        '--password-stdin',
        '--bytes',
        '5000000',
      ],
      ...['--explicit-port', told(/explicit TLS: port (\d+)/), '--implicit-port', told(/implicit TLS: port (\d+)/)],
      ...['--passive-ports', told(/ports ([\d, ]+)/)],
    ],
    { timeout: 60_000 },
  );
  smoke.stdin?.end(`${told(/password: (\S+)/)}\n`);
  let said = '';
  smoke.stdout?.on('data', (text: string) => {
    said += text;
  });
  smoke.stderr?.on('data', (text: string) => {
    said += text;
  });
  const [code] = (await once(smoke, 'exit')) as [number];
  expect(said).toMatch(/All 5 checks passed\./);
  expect(code).toBe(0);
  server.kill('SIGTERM');
  expect(await once(server, 'exit')).toEqual([0, null]);
  expect(healthOf(told(/explicit TLS: port (\d+)/))).toBe(1);
});

/** Exit code of the health check as the image has it. */
function healthOf(explicitPort: string): number | null {
  const dockerfile = readFileSync(join(root, 'runtime', 'Dockerfile'), 'utf8').replace(/\\\n/g, '');
  const [, script = ''] = JSON.parse(/^HEALTHCHECK .* CMD (\[.*\])$/m.exec(dockerfile)?.[1] ?? '[]').slice(1) as string[];
  return spawnSync(process.execPath, ['-e', script], { env: { CAUSEWAY_EXPLICIT_PORT: explicitPort }, timeout: 10_000 }).status;
}

/** Modules below a folder, without their endings. */
function namesIn(from: string): string[] {
  return readdirSync(from, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.[jt]s$/.test(entry.name))
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(from.length)
        .replace(/\.[jt]s$/, ''),
    )
    .sort();
}

async function readSheet(child: ChildProcess): Promise<string> {
  let text = '';
  for await (const chunk of child.stdout as NodeJS.ReadableStream) {
    text += String(chunk);
    if (/lftp -e .*\n$/.test(text)) return text;
  }
  throw new Error(`the server ended: ${text}`);
}
