import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { startProcess } from '../support/server-process';

/** From `npm start` to the signal that ends it, as an operator and a client meet them. */
const run = promisify(execFile);
const root = path.join(__dirname, '..', '..');
const folder = mkdtempSync(path.join(tmpdir(), 'causeway-life-'));
const children = new Set<ChildProcess>();

afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe('an upload under way when SIGTERM comes', () => {
  it('finishes, and then the server ends with 0', async () => {
    const data = path.join(folder, 'drained');
    const server = await startProcess(data);
    const file = path.join(folder, 'file');
    const content = randomBytes(12_000_000);
    writeFileSync(file, content);
    const uploading = run('curl', [
      ...['-sS', '-m', '60', '--limit-rate', '6M', '--ssl-reqd', '--cacert', server.certificate, '--user', `demo:${server.password}`],
      ...['-T', file, `ftp://localhost:${server.explicitPort}/file`],
    ]);
    await until(() => server.log().includes('"event":"transfer.start"'), 'the transfer');
    const began = performance.now();
    const ended = server.stop('SIGTERM');
    await until(() => server.log().includes('"event":"server.drain"'), 'the drain');
    // Nobody new is let in meanwhile.
    await expect(run('curl', ['-sS', '-m', '5', `ftp://127.0.0.1:${server.explicitPort}/`])).rejects.toThrow(/connect/i);
    await uploading;
    expect(await ended).toBe(0);
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(digest(readFileSync(path.join(data, 'objects/demo/file')))).toBe(digest(content));
    expect(server.log()).toMatch(/"event":"server\.metrics".*"uploads\.committed":1.*\n(.*\n)*.*"event":"server\.stop"/);
  });

  it('that does not finish within the drain is cut, kept, and continued after the restart', async () => {
    const data = path.join(folder, 'cut');
    const server = await startProcess(data, { CAUSEWAY_DRAIN_TIMEOUT: '1' });
    const file = path.join(folder, 'slow');
    const content = randomBytes(20_000_000);
    writeFileSync(file, content);
    const curl = (port: number, ...args: string[]) =>
      run('curl', [
        ...['-sS', '-m', '60', '--ssl-reqd', '--cacert', server.certificate, '--user', `demo:${server.password}`],
        ...['-T', file, ...args, `ftp://localhost:${port}/slow`],
      ]);
    const cut = curl(server.explicitPort, '--limit-rate', '4M').then(
      () => 'stored',
      () => 'cut',
    );
    await until(() => server.log().includes('"event":"transfer.start"'), 'the transfer');
    expect(await server.stop('SIGTERM')).toBe(0);
    expect(await cut).toBe('cut');
    expect(existsSync(path.join(data, 'objects/demo/slow'))).toBe(false);
    const again = await startProcess(data);
    await curl(again.explicitPort, '-C', '-');
    expect(await again.stop()).toBe(0);
    expect(digest(readFileSync(path.join(data, 'objects/demo/slow')))).toBe(digest(content));
    expect(again.log()).toMatch(/"verb":"APPE"|"event":"upload\.resumed"/);
  });
});

it('the data folder, the index and the key are for their owner only, also in a folder that was there before', async () => {
  const data = path.join(folder, 'private');
  mkdirSync(data, { mode: 0o755 });
  const server = await startProcess(data);
  await server.stop();
  expect(readdirSync(path.join(data, 'index')).sort()).toEqual(['data.mdb', 'leases', 'lock.mdb']);
  const files = ['index/data.mdb', 'index/lock.mdb', 'index/leases/data.mdb', 'index/leases/lock.mdb', 'index/leases/boot-id', 'key.pem'];
  const modes = Object.fromEntries(
    ['index', 'index/leases', 'objects', 'incoming', 'temporary', ...files].map((name) => [
      name,
      (statSync(path.join(data, name)).mode & 0o777).toString(8),
    ]),
  );
  expect(modes).toEqual({
    ...{ index: '700', 'index/leases': '700', objects: '700', incoming: '700', temporary: '700' },
    ...Object.fromEntries(files.map((name) => [name, '600'])),
  });
});

/** `npm start` in this project, with an environment of its own. */
function npmStart(environment: Record<string, string>): { child: ChildProcess; out: () => string; err: () => string } {
  const child = spawn('npm', ['start'], {
    cwd: root,
    env: { PATH: process.env['PATH'], HOME: folder, CAUSEWAY_HOST: '127.0.0.1', CAUSEWAY_PASSIVE_PORTS: 'free:4', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  return { child, out: () => out, err: () => err };
}

it('a second npm start on the same port says so in one line; SIGTERM to the first npm drains its server', async () => {
  const first = npmStart({ CAUSEWAY_DATA: path.join(folder, 'first'), CAUSEWAY_EXPLICIT_PORT: '0', CAUSEWAY_IMPLICIT_PORT: '0' });
  await until(() => /lftp -e .*\n/.test(first.out()), `the connection sheet, got ${first.err()}`);
  const port = /explicit TLS: port (\d+)/.exec(first.out())?.[1] ?? '';

  const second = npmStart({ CAUSEWAY_DATA: path.join(folder, 'second'), CAUSEWAY_EXPLICIT_PORT: port, CAUSEWAY_IMPLICIT_PORT: '0' });
  expect((await once(second.child, 'close'))[0]).toBe(1);
  const told = second
    .err()
    .split('\n')
    .filter((line) => line.startsWith('causeway: '));
  expect(told).toEqual([expect.stringMatching(`^causeway: port 127\\.0\\.0\\.1:${port} is in use by another program: stop that one`)]);
  expect(second.err()).not.toMatch(/^\s+at /m);
  expect(second.out()).not.toContain('Causeway is ready');

  const closed = once(first.child, 'close');
  first.child.kill('SIGTERM');
  await closed;
  expect(first.err()).toMatch(/"event":"server\.stop","text":"SIGTERM"|"event":"server\.stop".*SIGTERM/);
});

async function until(condition: () => boolean, what: string): Promise<void> {
  for (const end = performance.now() + 30_000; !condition(); ) {
    if (performance.now() > end) throw new Error(`waited for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
