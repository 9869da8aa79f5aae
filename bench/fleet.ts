import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import path from 'node:path';
import type { Choice, Target } from '../test/support/fake-load-balancer';
import { Fleet } from '../test/support/fleet';
import { FleetClient } from '../test/support/fleet-client';
import { addressOf, inTurns } from '../test/support/fleet-fixture';
import { type FleetStores, openFleetStores } from '../test/support/fleet-stores';
import { startProcess } from '../test/support/server-process';
import { curl } from './clients';
import { CpuMeter } from './process-tree';

/**
 * Workers of one server; and tasks behind a load balancer, all on this machine, over versitygw and DynamoDB Local: what more of them bring, and what it costs
 * when a data connection reaches the wrong task. Clients, balancer and both stores share the machine with the tasks, so speeds say how it grows, and CPU time is that of the tasks alone.
 */
export interface FleetBench {
  readonly work: string;
  readonly mib: number;
  readonly files: number;
  readonly runs: number;
}

const sizes = [1, 2, 3];
const smallFile = 10_000;
const sessions = 12;
const largeAtOnce = 4;

const median = (numbers: readonly number[]): number => [...numbers].sort((one, other) => one - other)[numbers.length >> 1] ?? Number.NaN;
const print = (text: string) => process.stdout.write(`${text}\n`);

const crowd = { CAUSEWAY_SESSIONS_PER_ADDRESS: '1000', CAUSEWAY_SESSIONS_PER_USER: '1000', CAUSEWAY_DRAIN_TIMEOUT: '1' };

export async function benchFleet(options: FleetBench): Promise<void> {
  print(`one server, its files and its index in a folder; load before ${loadavg()[0]?.toFixed(2)}`);
  await measureWorkers(options);
  const stores = await openFleetStores();
  print(`a fleet over ${stores.text}; load before ${loadavg()[0]?.toFixed(2)}`);
  try {
    await measureGrowth(options, stores);
    await measureRelay(options, stores);
  } finally {
    await stores.stop();
  }
}

async function withFleet(
  { work }: FleetBench,
  stores: FleetStores,
  tasks: number,
  choose: ((choice: Choice) => Target) | undefined,
  use: (fleet: Fleet) => Promise<void>,
): Promise<void> {
  const fleet = await Fleet.open({ data: path.join(work, 'fleet'), settings: { ...crowd, ...stores.settings }, tasks, choose });
  passwords.set(stores, fleet.password || (passwords.get(stores) as string));
  try {
    await use(fleet);
  } finally {
    await fleet.close();
  }
}

/** Shown once, by the first task that found no partner. */
const passwords = new Map<FleetStores, string>();

async function measureGrowth(options: FleetBench, stores: FleetStores): Promise<void> {
  for (const tasks of sizes) {
    await withFleet(options, stores, tasks, undefined, async ({ explicitPort, certificate }) => {
      const password = passwords.get(stores) as string;
      await measureCrowd(options, `${tasks} ${tasks === 1 ? 'task' : 'tasks'}`, { explicitPort, certificate, password });
    });
  }
}

/** One server without a load balancer, whose sessions are spread over processes; its files and its index in its own folder. */
async function measureWorkers(options: FleetBench): Promise<void> {
  for (const workers of sizes) {
    const settings = { ...crowd, CAUSEWAY_LOG_LEVEL: 'warn', CAUSEWAY_PASSIVE_PORTS: 'free:48', CAUSEWAY_WORKERS: String(workers) };
    const server = await startProcess(path.join(options.work, `workers-${workers}`), settings);
    try {
      const { explicitPort, certificate, password = '' } = server;
      await measureCrowd(options, `${workers} ${workers === 1 ? 'worker' : 'workers'}`, { explicitPort, certificate, password });
    } finally {
      await server.stop();
    }
  }
}

interface Measured {
  readonly explicitPort: number;
  /** A file. */
  readonly certificate: string;
  readonly password: string;
}

/** Many small files over some sessions, and some large ones at once. */
async function measureCrowd({ work, mib, files, runs }: FleetBench, title: string, measured: Measured): Promise<void> {
  const { explicitPort: port, certificate, password } = measured;
  const bytes = randomBytes(smallFile);
  const large = path.join(work, 'large.bin');
  writeFileSync(large, randomBytes(Math.ceil(mib / largeAtOnce) * 1024 * 1024));
  const ca = readFileSync(certificate);
  const small = async () => {
    const clients = await Promise.all(
      Array.from({ length: sessions }, (_, index) => FleetClient.connect({ port, ca, password, from: addressOf(index + 1) })),
    );
    const begun = performance.now();
    await inTurns(files, sessions, (index, lane) => (clients[lane] as FleetClient).upload(`small-${index}`, bytes));
    const seconds = (performance.now() - begun) / 1_000;
    for (const client of clients) await client.quit();
    return files / seconds;
  };
  const many = async () => {
    const begun = performance.now();
    const url = `ftp://demo:${password}@localhost:${port}`;
    await Promise.all(Array.from({ length: largeAtOnce }, (_, index) => curl('-T', large, `${url}/large-${index}`)));
    return (largeAtOnce * Math.ceil(mib / largeAtOnce) * 1.048576) / ((performance.now() - begun) / 1_000);
  };
  const rates = { small: [] as number[], many: [] as number[] };
  for (let round = -1; round < runs; round++) {
    const [files, bytes] = [await small(), await many()];
    // The first round warms up.
    if (round < 0) continue;
    rates.small.push(files);
    rates.many.push(bytes);
  }
  const [smallRate, largeRate] = [rates.small, rates.many].map((found) => median(found).toFixed(0).padStart(5));
  print(
    `${title.padEnd(10)}${smallRate} files/s of ${smallFile} bytes over ${sessions} sessions, ${largeRate} MB/s in ${largeAtOnce} uploads`,
  );
}

/** All sessions are on the first of two tasks; data connections go there too, or to the other. */
async function measureRelay(options: FleetBench, stores: FleetStores): Promise<void> {
  const { work, mib, runs } = options;
  let wrong = false;
  const choose = ({ group, candidates }: Choice) => {
    const [first, second] = [...candidates].sort((one, other) => (one.name < other.name ? -1 : 1));
    return (group === 'data' && wrong ? second : first) as Target;
  };
  const file = path.join(work, 'relay.bin');
  const chunk = randomBytes(1024 * 1024);
  writeFileSync(file, '');
  for (let written = 0; written < mib; written++) writeFileSync(file, chunk, { flag: 'a' });
  await withFleet(options, stores, 2, choose, async (fleet) => {
    const password = passwords.get(stores) as string;
    const meters = fleet.tasks.map(({ server }) => new CpuMeter(server.process.pid));
    const spent = () => {
      for (const meter of meters) meter.look();
      return meters.map(({ seconds }) => seconds);
    };
    const upload = async () => {
      const before = spent();
      const begun = performance.now();
      await curl('-T', file, `ftp://demo:${password}@localhost:${fleet.explicitPort}/relay.bin`);
      const seconds = (performance.now() - begun) / 1_000;
      const after = spent();
      const each = after.map((seconds, index) => ((seconds - (before[index] as number)) * 1024) / mib);
      return { speed: (mib * 1.048576) / seconds, owner: each[0] as number, other: each[1] as number };
    };
    const client = await FleetClient.connect({ port: fleet.explicitPort, ca: readFileSync(fleet.certificate), password });
    const latency = async () => {
      const begun = performance.now();
      await client.upload('latency', randomBytes(1_000));
      return performance.now() - begun;
    };
    const found = [false, true].map(() => ({ uploads: [] as Awaited<ReturnType<typeof upload>>[], small: [] as number[] }));
    for (let round = -1; round < runs; round++) {
      for (const way of [false, true]) {
        wrong = way;
        const measured = await upload();
        const times: number[] = [];
        for (let turn = 0; turn < 20; turn++) times.push(await latency());
        if (round < 0) continue;
        found[Number(way)]?.uploads.push(measured);
        found[Number(way)]?.small.push(...times);
      }
    }
    await client.quit();
    const [right, relayed] = found.map(({ uploads, small }) => ({
      speed: median(uploads.map(({ speed }) => speed)),
      owner: median(uploads.map(({ owner }) => owner)),
      other: median(uploads.map(({ other }) => other)),
      small: median(small),
    })) as [Summary, Summary];
    for (const [name, { speed, owner, other, small }] of [
      ['right task', right],
      ['wrong task', relayed],
    ] as const) {
      print(
        `${name}: ${speed.toFixed(0).padStart(4)} MB/s, owner ${owner.toFixed(2)} and other ${other.toFixed(2)} CPU s/GiB, ${small.toFixed(1)} ms for a file of 1 kB`,
      );
    }
    const more = relayed.owner + relayed.other - right.owner - right.other;
    print(`relay: ${more.toFixed(2)} CPU s/GiB more, ${(relayed.small - right.small).toFixed(1)} ms later`);
  });
}

interface Summary {
  readonly speed: number;
  readonly owner: number;
  readonly other: number;
  readonly small: number;
}
