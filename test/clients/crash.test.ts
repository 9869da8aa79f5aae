import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'basic-ftp';
import { type ServerProcess, startProcess } from '../support/server-process';

/**
 * The server is killed again and again while clients upload, overwrite, rename and give up. Every file says what it is in its first line, so a prefix or a
 * mixture is recognised wherever it is seen: in the folder, which is watched all the time, at the consumer, or in the end.
 */
const kills = Number(process.env['CRASH_KILLS'] ?? 50);
const workers = 3;

let serial = 0;
const newContent = (): { id: string; bytes: Buffer } => {
  const id = `content-${++serial}`;
  const size = 2_000 + ((serial * 7919) % 400_000);
  return { id, bytes: contentOf(id, size) };
};

function contentOf(id: string, size: number): Buffer {
  const head = `${id} ${size}\n`;
  return Buffer.concat([Buffer.from(head), Buffer.alloc(Math.max(0, size - head.length), id)]);
}

/** The id of a whole file; undefined for anything else. */
function idOf(bytes: Buffer): string | undefined {
  const [id = '', size = ''] = bytes.toString('latin1', 0, 64).split('\n')[0]?.split(' ') ?? [];
  return /^content-\d+$/.test(id) && bytes.equals(contentOf(id, Number(size))) ? id : undefined;
}

function read(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    // Taken or renamed between the look and the read.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** What may lie at a name: acknowledged content, and what was under way when the server was killed. */
class Expectations {
  readonly possible = new Map<string, Set<string | undefined>>();
  acknowledged = 0;

  known(name: string): string | undefined {
    const ids = this.possible.get(name);
    return ids?.size === 1 ? [...ids][0] : undefined;
  }

  maybe(name: string, id: string | undefined): void {
    const ids = this.possible.get(name) ?? new Set([undefined]);
    ids.add(id);
    this.possible.set(name, ids);
  }

  sure(name: string, id: string | undefined): void {
    this.acknowledged++;
    this.possible.set(name, new Set([id]));
  }
}

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
      const { id, bytes } = newContent();
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

it(`nothing acknowledged is lost and nothing half is seen in ${kills} kills`, async () => {
  const data = mkdtempSync(path.join(tmpdir(), 'causeway-crash-'));
  const objects = path.join(data, 'objects', 'demo');
  const taken = path.join(data, 'taken');
  mkdirSync(taken);
  const expected = new Expectations();
  const broken: string[] = [];
  const dropped: string[] = [];
  let password = '';
  let stop = false;

  const look = (folder: string, name: string) => {
    const bytes = read(path.join(folder, name));
    if (bytes && idOf(bytes) === undefined) broken.push(`${name}: ${bytes.length} bytes`);
    return bytes && idOf(bytes);
  };
  const listFolder = () => {
    try {
      return readdirSync(objects).filter((name) => !name.endsWith('.part'));
    } catch {
      // Before the first upload.
      return [];
    }
  };
  const watch = async () => {
    while (!stop) {
      for (const name of listFolder()) {
        look(objects, name);
        if (name.startsWith('take-')) renameSync(path.join(objects, name), path.join(taken, name));
        await pause(1);
      }
      await pause(10);
    }
  };
  const watching = watch();

  for (let round = 0; round < kills; round++) {
    const server = await startProcess(data, { CAUSEWAY_SWEEP_EVERY: '1' });
    password ||= server.password ?? '';
    const work = Promise.all(Array.from({ length: workers }, (_, worker) => workUntilKilled(server, password, worker, expected)));
    // On a busy machine a login may take longer than this pause: most kills come after something was acknowledged, some as early as can be.
    const before = expected.acknowledged;
    const patience = round % 3 === 0 ? 0 : 3_000;
    for (const end = performance.now() + patience; expected.acknowledged === before && performance.now() < end; ) await pause(5);
    await pause(100 + ((round * 37) % 400));
    if (round % 10 === 5) {
      const name = `drop-${round}`;
      writeFileSync(path.join(data, name), newContent().bytes);
      mkdirSync(objects, { recursive: true });
      renameSync(path.join(data, name), path.join(objects, name));
      dropped.push(name);
    }
    await server.stop('SIGKILL');
    // A client that was in the middle of its TLS handshake may wait for ever for a server that is gone.
    await Promise.race([work, pause(1_000)]);
    for (const client of clients.splice(0)) client.close();
  }

  const server = await startProcess(data, { CAUSEWAY_SWEEP_EVERY: '1' });
  stop = true;
  await watching;
  const client = await connect(server, password);
  const listed = new Map<string, number>();
  for (let attempt = 0; attempt < 100; attempt++) {
    listed.clear();
    for (const { name, size } of await client.list()) listed.set(name, size);
    if (dropped.every((name) => listed.has(name))) break;
    await pause(200);
  }
  expect(broken).toEqual([]);
  expect(expected.acknowledged).toBeGreaterThan(kills * 3);
  expect(dropped.filter((name) => !listed.has(name))).toEqual([]);

  const wrong: string[] = [];
  for (const [name, ids] of expected.possible) {
    if (name.endsWith('.part')) continue;
    const folder = name.startsWith('take-') && !listFolder().includes(name) ? taken : objects;
    const id = look(folder, name);
    if (!ids.has(id)) wrong.push(`${name} is ${id}, possible: ${[...ids].join(', ')}`);
    if (folder === objects && id !== undefined && !listed.has(name)) wrong.push(`${name} is there and not listed`);
  }
  expect(wrong).toEqual([]);
  const there = listFolder().sort();
  // Cut uploads of existing names are shown to their owner at their own size; names are what must agree.
  expect([...listed.keys()].filter((name) => !name.endsWith('.part')).sort()).toEqual(there);
  client.close();
  expect(await server.stop()).toBe(0);
  rmSync(data, { recursive: true, force: true });
});
