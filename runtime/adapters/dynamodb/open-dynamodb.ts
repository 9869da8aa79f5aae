import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Clock } from '../../ports/clock';
import type { Ids } from '../../ports/ids';
import type { Log } from '../../ports/log';
import type { Metrics } from '../../ports/metrics';
import type { Dynamo } from './dynamo';

/** Opens the table. Nothing is asked of it here: `checkTable` does, with a line for everything that can be wrong. */
export interface DynamoOptions {
  readonly table: string;
  /** Of a local server; without it AWS in the region. */
  readonly endpoint?: string;
  readonly region?: string;
  /** Else what the SDK finds: environment, profile, role of the task. Asked again when they expire. */
  readonly credentials?: Credentials | (() => Promise<Credentials>);
  /** Milliseconds. */
  readonly timeouts?: { readonly connect: number; readonly request: number };
}

interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const defaultTimeouts = { connect: 2_000, request: 5_000 };

/** More than the sessions of a task ask at once: requests never queue for a socket. */
const maxSockets = 256;

export function openDynamo(
  options: DynamoOptions,
  { clock, ids, log, metrics }: { clock: Clock; ids: Ids; log: Log; metrics?: Metrics },
): Dynamo {
  const { table, endpoint, credentials, timeouts = defaultTimeouts } = options;
  // A local server does not care for the region, but a request cannot be signed without one.
  const region = options.region ?? (endpoint === undefined ? undefined : 'us-east-1');
  const agent = { keepAlive: true, maxSockets };
  const client = new DynamoDBClient({
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials !== undefined && { credentials }),
    // Whether an attempt may have been applied decides what the next answer means, so the attempts are counted here (`attempts.ts`), not in the SDK.
    maxAttempts: 1,
    // Handlers are put together once for each kind of request; only for requests without options.
    cacheMiddleware: true,
    // One name per region, so that one rule for it in a firewall or an endpoint policy is enough.
    accountIdEndpointMode: 'disabled',
    requestHandler: {
      connectionTimeout: timeouts.connect,
      requestTimeout: timeouts.request,
      // Without it a request that is late is only warned about.
      throwOnRequestTimeout: true,
      // The time-out of a request ends with the headers of its answer; this one is for the body.
      socketTimeout: timeouts.request,
      httpAgent: agent,
      httpsAgent: agent,
    },
  });
  const origin = ids.token();
  let revisions = 0;
  return {
    client,
    table,
    place: [region, endpoint].filter((part) => part !== undefined).join(' at '),
    clock,
    ids,
    log,
    onFailed: () => metrics?.count('dynamodb.errors'),
    nextRevision: () => `${origin}-${(++revisions).toString(36)}`,
    // Without new ones the next request says what is wrong.
    renewCredentials: () =>
      client.config.credentials({ forceRefresh: true }).then(
        () => undefined,
        () => undefined,
      ),
    close: () => client.destroy(),
  };
}
