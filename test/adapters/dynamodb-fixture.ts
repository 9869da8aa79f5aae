import { Agent } from 'node:http';
import type { Dynamo } from '../../runtime/adapters/dynamodb/dynamo';
import { DynamoMetadataStore } from '../../runtime/adapters/dynamodb/dynamodb-metadata-store';
import { type DynamoOptions, openDynamo } from '../../runtime/adapters/dynamodb/open-dynamodb';
import { createTable } from '../../runtime/adapters/dynamodb/table';
import { randomIds } from '../../runtime/adapters/random-ids';
import { systemClock } from '../../runtime/adapters/system-clock';
import type { Clock } from '../../runtime/ports/clock';
import type { Log } from '../../runtime/ports/log';
import type { MetadataStore, RowKey } from '../../runtime/ports/metadata-store';
import { DynamodbFaultProxy } from '../support/dynamodb-fault-proxy';
import type { FakeClock } from '../support/fake-clock';
import { fastClock } from '../support/fast-clock';

/** A table of its own for each test, on a server that the test file has started. */

export const anybody = { accessKeyId: 'anybody', secretAccessKey: 'anything' };

export interface LogLine {
  readonly event: string;
  readonly fields: object | undefined;
}

export function recordingLog(lines: LogLine[] = []): Log {
  const record = (event: string, fields?: object) => void lines.push({ event, fields });
  const log: Log = { debug: record, info: record, warn: record, error: record, with: () => log };
  return log;
}

export function openOn(endpoint: string, options: Partial<DynamoOptions> & { clock?: Clock; log?: Log } = {}): Dynamo {
  const { clock = systemClock, log = recordingLog(), ...rest } = options;
  const table = `causeway-${randomIds.token()}`;
  return openDynamo({ table, endpoint, credentials: anybody, ...rest }, { clock, ids: randomIds, log });
}

/** For a server whose changes are not atomic when two requests come at once: they come one after the other. */
export function oneAtATime(dynamo: Dynamo): Dynamo {
  const handler = dynamo.client.config.requestHandler as unknown as { updateHttpClientConfig(name: string, value: unknown): void };
  handler.updateHttpClientConfig('httpAgent', new Agent({ keepAlive: true, maxSockets: 1 }));
  return dynamo;
}

/** @param through Another way to the same table, for the tests that stand in between. */
export async function openTable(endpoint: string, options: Parameters<typeof openOn>[1] & { through?: string } = {}): Promise<Dynamo> {
  const { through, ...rest } = options;
  const maker = openOn(endpoint, { ...rest, clock: systemClock });
  await createTable(maker);
  if (through === undefined && rest.clock === undefined) return maker;
  maker.close();
  return openOn(through ?? endpoint, { ...rest, table: maker.table });
}

/** Time stands still for the rows, and passes for requests that are tried again: a machine under load may need a second attempt. */
export function stillClock(fake: FakeClock): Clock {
  return {
    now: () => fake.now(),
    monotonic: () => fake.monotonic(),
    timer: (milliseconds, action) => fake.timer(milliseconds, action),
    sleep: (milliseconds, signal) => fastClock(20).sleep(milliseconds, signal),
  };
}

/** A store whose requests pass through a proxy, and the same table without it. */
export interface Between {
  readonly proxy: DynamodbFaultProxy;
  readonly dynamo: Dynamo;
  readonly store: MetadataStore;
  readonly direct: MetadataStore;
  /** What the store has logged. */
  readonly lines: readonly LogLine[];
  /** Size in the entry of the row as it is in the table; undefined: there is none. */
  sizeAt(key: RowKey<'entry'>): Promise<number | undefined>;
  revisionAt(key: RowKey): Promise<string>;
  close(): Promise<void>;
}

export async function openBetween(
  endpoint: string,
  { clock = fastClock(20), request = 10_000 }: { clock?: Clock; request?: number } = {},
): Promise<Between> {
  const proxy = await DynamodbFaultProxy.open(endpoint);
  const lines: LogLine[] = [];
  const timeouts = { connect: 5_000, request };
  const dynamo = await openTable(endpoint, { through: proxy.endpoint, clock, timeouts, log: recordingLog(lines) });
  const directly = openOn(endpoint, { table: dynamo.table });
  const direct = new DynamoMetadataStore(directly);
  return {
    proxy,
    dynamo,
    store: new DynamoMetadataStore(dynamo),
    direct,
    lines,
    sizeAt: async (key) => {
      const [row] = await direct.get([key]);
      return row?.value.kind === 'file' ? row.value.size : undefined;
    },
    revisionAt: async (key) => (await direct.get([key]))[0]?.revision ?? 'absent',
    close: async () => {
      dynamo.close();
      directly.close();
      await proxy.close();
    },
  };
}
