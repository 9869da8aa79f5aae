import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Fleet, type FleetOptions } from './fleet';
import { FleetAdversary } from './fleet-adversary';
import { FleetClient, type FleetClientOptions } from './fleet-client';
import { fleetStoresInstalled, openFleetStores } from './fleet-stores';

/** A fleet for one test file: three tasks over versitygw and DynamoDB Local, and a balancer that always chooses the wrong task. */
export interface TestFleet {
  readonly fleet: Fleet;
  readonly adversary: FleetAdversary;
  readonly ca: Buffer;
  /** For what clients read and write. */
  readonly work: string;
  /** As the tasks were told. */
  readonly settings: Readonly<Record<string, string>>;
  connect(options?: Partial<FleetClientOptions>): Promise<FleetClient>;
  close(): Promise<void>;
}

export interface TestFleetOptions extends Pick<FleetOptions, 'zones' | 'lateDeregistration'> {
  readonly tasks?: number;
  readonly settings?: Readonly<Record<string, string>>;
  /** Stands between the tasks and the table: endpoint of the table to endpoint for the tasks. */
  readonly between?: (endpoint: string) => Promise<string>;
}

/** What a crowd on one machine needs, and tasks that are noticed when they die. */
const crowd = {
  CAUSEWAY_SESSIONS_PER_ADDRESS: '5000',
  CAUSEWAY_SESSIONS_PER_USER: '5000',
  CAUSEWAY_DEAD_AFTER: '6',
  CAUSEWAY_SWEEP_EVERY: '1',
};

/** Where the servers are missing one test says so: it fails in CI, where nothing may be left out. */
export function describeFleet(name: string, suite: () => void): void {
  describe(name, () => {
    if (fleetStoresInstalled()) {
      suite();
      return;
    }
    it('is not run: versitygw or DynamoDB Local is not installed', () => {
      const hint = 'The fleet was not tested: test/support/servers/install.sh versitygw, and dynamodb-local';
      if (process.env['CI'] === 'true') throw new Error(hint);
      console.warn(hint);
    });
  });
}

export async function openTestFleet(options: TestFleetOptions = {}): Promise<TestFleet> {
  const work = mkdtempSync(path.join(tmpdir(), 'causeway-fleet-'));
  const stores = await openFleetStores();
  const adversary = new FleetAdversary();
  const settings: Record<string, string> = { ...crowd, ...stores.settings, ...options.settings };
  const endpoint = stores.settings['CAUSEWAY_DYNAMODB_ENDPOINT'] as string;
  if (options.between) settings['CAUSEWAY_DYNAMODB_ENDPOINT'] = await options.between(endpoint);
  const { zones, lateDeregistration, tasks = 3 } = options;
  const data = path.join(work, 'data');
  const fleet = await Fleet.open({ data, settings, tasks, zones, lateDeregistration, choose: adversary.choose }).catch(
    async (error: unknown) => {
      await stores.stop();
      throw error;
    },
  );
  const ca = readFileSync(fleet.certificate);
  return {
    fleet,
    adversary,
    ca,
    work,
    settings,
    connect: ({ implicit = false, ...more } = {}) =>
      FleetClient.connect({ port: implicit ? fleet.implicitPort : fleet.explicitPort, implicit, ca, password: fleet.password, ...more }),
    close: async () => {
      await fleet.close();
      await stores.stop();
      rmSync(work, { recursive: true, force: true });
    },
  };
}

/** Loopback address number `number`: a client that the balancer can tell from others. */
export function addressOf(number: number): string {
  return `127.${1 + (number >> 16)}.${(number >> 8) & 255}.${number & 255 || 255}`;
}

/** So many pieces of work, some at a time; the first that fails is thrown when all have ended. */
export async function inTurns(count: number, atOnce: number, work: (index: number, lane: number) => Promise<void>): Promise<void> {
  let next = 0;
  const failures: unknown[] = [];
  const lane = async (_: unknown, number: number) => {
    while (next < count && failures.length === 0) await work(next++, number).catch((error: unknown) => failures.push(error));
  };
  await Promise.all(Array.from({ length: Math.min(count, atOnce) }, lane));
  if (failures.length > 0) throw failures[0];
}

export async function until(condition: () => boolean | Promise<boolean>, what: string, milliseconds = 30_000): Promise<void> {
  for (const end = performance.now() + milliseconds; !(await condition()); ) {
    if (performance.now() > end) throw new Error(`${what}: not within ${milliseconds} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
