import { createHash, randomBytes } from 'node:crypto';
import type { Fleet } from './fleet';
import type { FleetAdversary } from './fleet-adversary';
import type { FleetClient, FleetClientOptions } from './fleet-client';
import { addressOf } from './fleet-fixture';

/** Clients that upload without end while tasks are pulled away under them, and the look afterwards whether everything that was acknowledged is there. */
interface Loaded {
  readonly fleet: Fleet;
  readonly adversary: FleetAdversary;
  connect(options?: Partial<FleetClientOptions>): Promise<FleetClient>;
}

export interface Load {
  /** Digests of what was acknowledged, by name. */
  readonly acknowledged: Map<string, string>;
  readonly failures: string[];
  /** Resolves when every client has ended what it was doing. */
  stop(): Promise<void>;
}

export interface LoadOptions {
  readonly clients: number;
  readonly prefix: string;
  readonly bytes?: number;
  /** Milliseconds that a client waits for a task that stands still. */
  readonly patience?: number;
  /** Each file is read again at once, through another session. */
  readonly readsBack?: boolean;
}

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
/** Clients of one load; those of the next have other addresses. */
const crowd = 1_000;
let loads = 0;

export function startLoad(test: Loaded, { clients, prefix, bytes = 100_000, patience, readsBack = false }: LoadOptions): Load {
  const acknowledged = new Map<string, string>();
  const failures: string[] = [];
  const base = crowd * (1 + ++loads);
  let stopping = false;
  const transfer = async (from: string, implicit: boolean, name: string) => {
    const content = randomBytes(bytes);
    const client = await test.connect({ from, implicit, patience });
    try {
      await client.upload(name, content);
      acknowledged.set(name, digest(content));
      await client.quit();
    } finally {
      client.close();
    }
    if (!readsBack) return;
    const reader = await test.connect({ from, implicit, patience });
    try {
      if (digest(await reader.download(name)) !== digest(content)) throw new Error(`${name} is not what was sent`);
      await reader.quit();
    } finally {
      reader.close();
    }
  };
  const work = async (_: unknown, lane: number) => {
    for (let turn = 0; !stopping; turn++) {
      await transfer(addressOf(base + lane), turn % 2 === 1, `${prefix}-${lane}-${turn}`).catch(async (error: Error) => {
        failures.push(
          `${prefix}-${lane}-${turn}, ${turn % 2 === 1 ? 'implicit' : 'explicit'}: ${error.message} (${error.stack?.split('\n')[2]?.trim()})`,
        );
        // A client that is turned away does not come back at once.
        await new Promise((resolve) => setTimeout(resolve, 100));
      });
    }
  };
  const working = Promise.all(Array.from({ length: clients }, work));
  return {
    acknowledged,
    failures,
    stop: async () => {
      stopping = true;
      await working;
    },
  };
}

/** What is wrong, a line each: every name must be listed by every task, and be whole from every task. */
export async function lookFromEveryTask(test: Loaded, acknowledged: ReadonlyMap<string, string>): Promise<string[]> {
  const faults: string[] = [];
  await Promise.all(
    test.fleet.tasks.map(async ({ name: task }, index) => {
      const from = addressOf(500 + index);
      test.adversary.pinned.set(from, task);
      const client = await test.connect({ from });
      const listed = new Set(await client.names());
      for (const [name, expected] of acknowledged) {
        if (!listed.has(name)) faults.push(`${task} does not list ${name}`);
        const found = await client.download(name).then(digest, (error: Error) => error.message);
        if (found !== expected) faults.push(`${task} gives another ${name}: ${found}`);
      }
      await client.quit();
    }),
  );
  return faults;
}
