import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { LmdbLeaseStore, openLeases } from '../../runtime/adapters/lmdb/lmdb-lease-store';
import { MemoryLeaseStore } from '../../runtime/adapters/memory/memory-lease-store';
import { systemClock } from '../../runtime/adapters/system-clock';
import { type ServerProcess, startProcess } from '../support/server-process';

/** One server of several processes, met by curl: what a worker leaves that dies, is stopped, or is told to go. */
const run = promisify(execFile);
const folder = mkdtempSync(path.join(tmpdir(), 'causeway-workers-'));
const data = path.join(folder, 'data');
const file = path.join(folder, 'file');
const content = randomBytes(60_000_000);
let server: ServerProcess;
let password: string | undefined;

beforeAll(() => writeFileSync(file, content));

beforeEach(async () => {
  server = await startProcess(data, { CAUSEWAY_WORKERS: '2', CAUSEWAY_DRAIN_TIMEOUT: '3' });
  password ??= server.password;
});

afterEach(() => server.stop('SIGKILL'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const curl = (...args: readonly string[]) => {
  const login = ['--ssl-reqd', '--cacert', server.certificate, '--user', `demo:${password}`];
  return run('curl', ['-sS', '-m', '60', ...login, ...args], { maxBuffer: 2 * content.length, encoding: 'buffer' });
};
const url = (name: string) => `ftp://localhost:${server.explicitPort}/${name}`;
const upload = (name: string, ...options: readonly string[]) => curl(...options, '-T', file, url(name));
const stored = (name: string) => readFileSync(path.join(data, 'objects', 'demo', name));

interface Line {
  readonly event: string;
  readonly path?: string;
  readonly worker?: number;
  readonly bytes?: number;
  readonly text?: string;
}

const lines = (event: string): Line[] =>
  server
    .log()
    .split('\n')
    .filter((line) => line.includes(`"event":"${event}"`))
    .map((line) => JSON.parse(line) as Line);

async function until<T>(look: () => T | undefined, what: string): Promise<T> {
  for (const end = performance.now() + 20_000; performance.now() < end; ) {
    const found = look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`waited for ${what}: ${server.log().slice(-2_000)}`);
}

const workerOf = (name: string) =>
  until(() => lines('transfer.start').find((line) => line.path === `/${name}`)?.worker, `the transfer of ${name}`);

/** So much has been written that a record tells it. */
const halfWritten = (bytes: number) =>
  until(() => readdirSync(path.join(data, 'incoming')).some((name) => sizeOf(name) > bytes) || undefined, `a part file of ${bytes} bytes`);

function sizeOf(name: string): number {
  try {
    return name.startsWith('.') ? 0 : readFileSync(path.join(data, 'incoming', name)).length;
  } catch {
    // Published meanwhile.
    return 0;
  }
}

/** Ports in a row that nobody else has. */
async function freeRange(count: number): Promise<string> {
  for (let first = 20_000; first < 60_000; first += count) {
    const tried = Array.from({ length: count }, (_, index) => listenOn(first + index));
    const bound = await Promise.allSettled(tried);
    for (const each of bound) if (each.status === 'fulfilled') each.value.close();
    if (bound.every(({ status }) => status === 'fulfilled')) return `${first}-${first + count - 1}`;
  }
  throw new Error(`there are no ${count} free ports in a row`);
}

async function listenOn(port: number): Promise<Server> {
  const listener = createServer();
  listener.listen(port, '127.0.0.1');
  await once(listener, 'listening');
  return listener;
}

it('uploads at once are spread over the workers, and each is whole and listed', async () => {
  const names = ['a1', 'a2', 'a3', 'a4'];
  await Promise.all(names.map((name) => upload(name, '--limit-rate', '30M')));
  for (const name of names) expect(stored(name).equals(content)).toBe(true);
  const listed = (await curl('-l', url(''))).stdout.toString().trim().split(/\r?\n/);
  expect(listed).toEqual(expect.arrayContaining(names));
  expect(new Set(lines('transfer.start').map(({ worker }) => worker)).size).toBe(2);
  expect((await curl(url('a3'))).stdout.equals(content)).toBe(true);
});

it('connections over many ports are handed over without a warning in the log', async () => {
  await server.stop('SIGKILL');
  // Numbers of their own: Node counts connections by the port that was asked for.
  server = await startProcess(data, { CAUSEWAY_WORKERS: '2', CAUSEWAY_PASSIVE_PORTS: await freeRange(24) });
  await curl('-l', ...Array.from({ length: 60 }, () => url('')));
  expect(lines('server.warning')).toEqual([]);
});

it('a worker that is killed costs its own transfers only, and they are continued on the other one', async () => {
  const dying = upload('killed', '--limit-rate', '15M').then(
    () => 'done',
    () => 'cut',
  );
  const victim = await workerOf('killed');
  const other = upload('beside', '--limit-rate', '15M');
  expect(await workerOf('beside')).not.toBe(victim);
  await halfWritten(20_000_000);
  process.kill(victim, 'SIGKILL');
  expect(await dying).toBe('cut');
  await until(() => lines('sweep.repaired').find(({ text }) => text === 'an upload was parked'), 'the recovery');
  await upload('killed', '-C', '-');
  expect(stored('killed').equals(content)).toBe(true);
  await until(
    () => lines('transfer.end').find((line) => line.path === '/killed' && (line.bytes ?? 0) < content.length - 8_000_000),
    'a resume',
  );
  await other;
  expect(stored('beside').equals(content)).toBe(true);
  await until(() => lines('server.warning').find(({ text }) => text?.includes('is gone')), 'the loss');
});

it('a worker that hangs does not keep a client from continuing on the other one', async () => {
  const stopped = new AbortController();
  const login = ['--ssl-reqd', '--cacert', server.certificate, '--user', `demo:${password}`];
  const client = execFile('curl', ['-sS', ...login, '--limit-rate', '15M', '-T', file, url('hung')], { signal: stopped.signal });
  client.on('error', () => undefined); // Aborted below.
  const worker = await workerOf('hung');
  await halfWritten(20_000_000);
  client.kill('SIGSTOP');
  // After five seconds without a byte the worker says so with its next beat; then it hangs itself.
  const environment = openLeases(path.join(data, 'index', 'leases'), 'test', 'beside it', undefined);
  const leases = new LmdbLeaseStore(environment, new MemoryLeaseStore(systemClock));
  let silent = 0;
  await until(() => {
    void leases.tasks().then((tasks) => {
      silent = tasks.filter((task) => Object.keys(task.silent).length > 0).length;
    });
    return silent > 0 || undefined;
  }, 'the silence');
  await environment.close();
  process.kill(worker, 'SIGSTOP');
  const first = await upload('hung', '-C', '-').then(
    () => 'done',
    () => 'refused',
  );
  await until(() => lines('sweep.repaired').find(({ text }) => text === 'an upload was parked'), 'the recovery');
  if (first === 'refused') await upload('hung', '-C', '-');
  expect(stored('hung').equals(content)).toBe(true);
  client.kill('SIGCONT');
  stopped.abort();
});

it('a drain lets what fits finish, keeps the rest, and leaves no process behind', async () => {
  const fits = upload('fits', '--limit-rate', '40M');
  const long = upload('long', '--limit-rate', '8M').then(
    () => 'done',
    () => 'cut',
  );
  const workers = [await workerOf('fits'), await workerOf('long')];
  expect(await server.stop('SIGTERM')).toBe(0);
  await fits;
  expect(stored('fits').equals(content)).toBe(true);
  expect(await long).toBe('cut');
  expect(lines('upload.parked').map(({ path: key }) => key)).toEqual(['demo/long']);
  for (const worker of workers) expect(() => process.kill(worker, 0)).toThrow('ESRCH');

  server = await startProcess(data, { CAUSEWAY_WORKERS: '2' });
  await upload('long', '-C', '-');
  expect(stored('long').equals(content)).toBe(true);
});

it('workers whose primary is killed end at once, and the next server carries on what they left', async () => {
  const cut = upload('orphan', '--limit-rate', '15M').then(
    () => 'done',
    () => 'cut',
  );
  const worker = await workerOf('orphan');
  await halfWritten(20_000_000);
  await server.stop('SIGKILL');
  expect(await cut).toBe('cut');
  await until(() => {
    try {
      process.kill(worker, 0);
      return undefined;
    } catch {
      // ESRCH: it is gone.
      return true;
    }
  }, 'the end of the worker');
  server = await startProcess(data, { CAUSEWAY_WORKERS: '2' });
  await upload('orphan', '-C', '-');
  expect(stored('orphan').equals(content)).toBe(true);
});
