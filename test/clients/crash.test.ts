import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'basic-ftp';
import { openFilesystem } from '../../runtime/compose';
import { type Config, readConfig } from '../../runtime/config/config';
import { reconcile } from '../../runtime/filesystem/reconcile';
import { quietLog } from '../support/filesystem';
import { type ServerProcess, startProcess } from '../support/server-process';
import { describeShapes, embedded, type Store, s3AndLmdb } from '../support/shapes';
import { Expectations, idOf, newContent } from './marked-content';

/**
 * The server is killed again and again while clients upload, overwrite, rename and give up. The store is watched all the time by somebody who takes files and puts
 * others there; what he sees, and what is there in the end, must be whole and one of the contents that it may be.
 */
const workers = 3;

const clients: Client[] = [];

async function connect(server: ServerProcess, password: string): Promise<Client> {
  const client = new Client(10_000);
  clients.push(client);
  await client.access({
    host: 'localhost',
    port: server.explicitPort,
    user: 'demo',
    password,
    secure: true,
    secureOptions: { ca: readFileSync(server.certificate) },
  });
  return client;
}

/** Works until the server is gone. */
async function workUntilKilled(server: ServerProcess, password: string, worker: number, expected: Expectations): Promise<void> {
  let client: Client | undefined;
  try {
    client = await connect(server, password);
    for (let step = 0; ; step++) {
      const { id, serial, bytes } = newContent();
      const known = [...expected.possible.keys()].filter(
        (name) => name.startsWith(`w${worker}-`) && expected.known(name) !== undefined && !name.endsWith('.part'),
      );
      const turn = step % 4;
      if (turn === 0 || known.length === 0) {
        const name = `w${worker}-${serial}`;
        expected.maybe(`${name}.part`, id);
        await client.uploadFrom(Readable.from([bytes]), `${name}.part`);
        expected.sure(`${name}.part`, id);
        expected.maybe(name, id);
        expected.maybe(`${name}.part`, undefined);
        const renamed = await client.rename(`${name}.part`, name);
        // Inside the test runner the client takes a reset connection for a reply: its error comes from another realm.
        if (renamed.code !== 250) throw renamed;
        expected.sure(name, id);
        expected.sure(`${name}.part`, undefined);
      } else if (turn === 1) {
        const name = known[serial % known.length] as string;
        expected.maybe(name, id);
        await client.uploadFrom(Readable.from([bytes]), name);
        expected.sure(name, id);
      } else if (turn === 2) {
        const name = `take-${serial}`;
        expected.maybe(name, id);
        await client.uploadFrom(Readable.from([bytes]), name);
        expected.sure(name, id);
      } else {
        const name = known[serial % known.length] as string;
        const half = bytes.subarray(0, bytes.length / 2);
        const giveUp = (async function* pieces() {
          yield half;
          await pause(5);
          client?.ftp.dataSocket?.destroy();
          yield bytes.subarray(half.length);
        })();
        await client.uploadFrom(Readable.from(giveUp), name).then(
          () => {
            throw new Error(`a cut upload of ${name} was acknowledged`);
          },
          async (error: Error) => {
            client?.close();
            if (!/ECONN|closed|426|ended|EPIPE|reset|destroyed|aborted|premature/i.test(error.message)) throw error;
          },
        );
        client = await connect(server, password);
      }
    }
  } catch (error) {
    if ((error as Error).message.includes('was acknowledged')) throw error;
    // The server was killed under the client.
  } finally {
    client?.close();
  }
}

/** Makes index and bucket equal after the fact, as an operator does where no events of the bucket come in. No server runs. */
async function repair(settings: Record<string, string>): Promise<string[]> {
  Object.assign(process.env, settings);
  const { fs, close } = await openFilesystem(readConfig(settings, 0) as Config, quietLog);
  const left: string[] = [];
  try {
    for await (const { key, drift, repaired } of reconcile(fs, { directory: 'demo', repair: true }))
      if (drift && repaired !== 'adopted' && repaired !== 'removed') left.push(`${key}: ${drift}, ${repaired}`);
  } finally {
    await close();
  }
  return left;
}

/** Looks at every file again and again; what the partners have made for him to take, he takes. */
class Consumer {
  readonly broken: string[] = [];
  readonly taken = new Map<string, string | undefined>();
  private stopped = false;
  private readonly watching: Promise<void>;

  constructor(
    private readonly store: Store,
    private readonly betweenFiles: number,
  ) {
    this.watching = this.watch();
  }

  async look(name: string): Promise<string | undefined> {
    const bytes = await this.store.read(`demo/${name}`);
    const id = bytes && idOf(bytes);
    if (bytes && id === undefined) this.broken.push(`${name}: ${bytes.length} bytes`);
    return id;
  }

  async names(): Promise<string[]> {
    const keys = await this.store.list('demo/');
    return keys.map((key) => key.slice('demo/'.length)).filter((name) => !name.endsWith('.part'));
  }

  private async watch(): Promise<void> {
    while (!this.stopped) {
      for (const name of await this.names()) {
        const id = await this.look(name);
        if (name.startsWith('take-') && id !== undefined) {
          this.taken.set(name, id);
          await this.store.remove(`demo/${name}`);
        }
        await pause(this.betweenFiles);
      }
      await pause(10);
    }
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.watching;
  }
}

describeShapes([embedded, s3AndLmdb], (shape) => {
  const folder = shape === embedded;
  const kills = Number(process.env['CRASH_KILLS'] ?? (folder ? 50 : 18));

  it(`nothing acknowledged is lost and nothing half is seen in ${kills} kills`, async () => {
    const data = mkdtempSync(path.join(tmpdir(), 'causeway-crash-'));
    // What repairs runs in this process, which trusts no certificate of the store's.
    const store = await shape.start(data, { tls: false });
    const settings = { ...store.environment, CAUSEWAY_DATA: data, CAUSEWAY_SWEEP_EVERY: '1' };
    const expected = new Expectations();
    const consumer = new Consumer(store, folder ? 1 : 10);
    const dropped: string[] = [];
    let password = '';

    for (let round = 0; round < kills; round++) {
      const server = await startProcess(data, settings);
      password ||= server.password ?? '';
      const work = Promise.all(Array.from({ length: workers }, (_, worker) => workUntilKilled(server, password, worker, expected)));
      // On a busy machine a login may take longer than this pause: most kills come after something was acknowledged, some as early as can be.
      const before = expected.acknowledged;
      const patience = round % 3 === 0 ? 0 : 5_000;
      for (const end = performance.now() + patience; expected.acknowledged === before && performance.now() < end; ) await pause(5);
      await pause(100 + ((round * 37) % 400));
      if (round % 10 === 5) {
        const name = `drop-${round}`;
        await store.put(`demo/${name}`, newContent().bytes);
        dropped.push(name);
      }
      await server.stop('SIGKILL');
      // A client that was in the middle of its TLS handshake may wait for ever for a server that is gone.
      await Promise.race([work, pause(1_000)]);
      for (const client of clients.splice(0)) client.close();
    }

    let server = await startProcess(data, settings);
    // On a busy machine no kill may have come late enough for a file that the consumer takes.
    const { id, bytes } = newContent();
    const last = await connect(server, password);
    await last.uploadFrom(Readable.from([bytes]), 'take-last');
    expected.sure('take-last', id);
    last.close();
    for (let attempt = 0; attempt < 300 && !consumer.taken.has('take-last'); attempt++) await pause(100);
    await consumer.stop();
    if (!folder) {
      expect(await server.stop()).toBe(0);
      expect(await repair(settings)).toEqual([]);
      server = await startProcess(data, settings);
    }
    const client = await connect(server, password);
    const listed = new Map<string, number>();
    for (let attempt = 0; attempt < 100; attempt++) {
      listed.clear();
      for (const { name, size } of await client.list()) listed.set(name, size);
      if (dropped.every((name) => listed.has(name))) break;
      await pause(200);
    }
    expect(expected.acknowledged).toBeGreaterThan(kills * (folder ? 3 : 1));
    expect(dropped.filter((name) => !listed.has(name))).toEqual([]);

    const there = (await consumer.names()).sort();
    const wrong: string[] = [];
    for (const [name, ids] of expected.possible) {
      if (name.endsWith('.part')) continue;
      const isThere = there.includes(name);
      const id = isThere ? await consumer.look(name) : consumer.taken.get(name);
      if (!ids.has(id)) wrong.push(`${name} is ${id}, possible: ${[...ids].join(', ')}`);
      if (isThere && !listed.has(name)) wrong.push(`${name} is there and not listed`);
    }
    expect(wrong).toEqual([]);
    expect(consumer.broken).toEqual([]);
    expect(consumer.taken.get('take-last')).toBe(id);
    // Cut uploads of existing names are shown to their owner at their own size; names are what must agree.
    expect([...listed.keys()].filter((name) => !name.endsWith('.part')).sort()).toEqual(there);
    client.close();
    expect(await server.stop()).toBe(0);
    await store.stop();
    rmSync(data, { recursive: true, force: true });
  });
});
