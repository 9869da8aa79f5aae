import path from 'node:path';
import { SqsHintSource } from './adapters/bucket-events/sqs-hint-source';
import { openDirectoryStore } from './adapters/directory/open-directory-store';
import { DynamoLeaseStore } from './adapters/dynamodb/dynamodb-lease-store';
import { DynamoMetadataStore } from './adapters/dynamodb/dynamodb-metadata-store';
import { DynamoUserDirectory } from './adapters/dynamodb/dynamodb-user-directory';
import { openDynamo } from './adapters/dynamodb/open-dynamodb';
import { checkTable } from './adapters/dynamodb/table';
import { Environment } from './adapters/lmdb/environment';
import { LmdbLeaseStore, openLeases } from './adapters/lmdb/lmdb-lease-store';
import { LmdbMetadataStore } from './adapters/lmdb/lmdb-metadata-store';
import { LmdbUserDirectory } from './adapters/lmdb/lmdb-user-directory';
import { MemoryLeaseStore } from './adapters/memory/memory-lease-store';
import { bootId } from './adapters/process-identity';
import { openS3Store } from './adapters/s3/open-s3-store';
import type { Config, S3Config } from './config/config';
import { OperatorError } from './operator/operator-error';
import type { Clock } from './ports/clock';
import type { HintSource } from './ports/hint-source';
import type { Ids } from './ports/ids';
import type { LeaseStore } from './ports/lease-store';
import type { Log } from './ports/log';
import type { MetadataStore } from './ports/metadata-store';
import type { Metrics } from './ports/metrics';
import type { ObjectStore } from './ports/object-store';
import type { UserDirectory } from './ports/user-directory';

/** The part of the composition that says, from the settings, which adapter stands behind which store. */

export interface Surroundings {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly metrics?: Metrics;
  /** What is opened is closed by these, the last one first. */
  readonly undo: (() => unknown)[];
}

export interface Index {
  readonly metadata: MetadataStore;
  readonly users: UserDirectory;
  readonly leases: LeaseStore;
  /** Other tasks work on it at the same time, so who is dead is told by heartbeats. */
  readonly shared: boolean;
  /** Housekeeping, before each sweep. */
  upkeep(): void;
}

export const indexFolder = (data: string) => path.join(data, 'index');

/**
 * @param leases Where the index lies in the folder, which has none of its own.
 * @param cached Partners may be up to half a minute old; a command that changes them must not see them so.
 * @throws One line for the operator when the table is not there, or not as it must be.
 */
export async function openIndex(
  config: Pick<Config, 'data' | 'metadata'>,
  { clock, ids, log, metrics, undo }: Surroundings,
  cached: boolean,
  leases: LeaseStore = new MemoryLeaseStore(clock),
): Promise<Index> {
  if (config.metadata.kind === 'dynamodb') {
    const dynamo = openDynamo(config.metadata, { clock, ids, log, metrics });
    undo.push(() => dynamo.close());
    const faults = await checkTable(dynamo);
    if (faults.length > 0) throw new OperatorError(faults.join('\ncauseway: '));
    return {
      metadata: new DynamoMetadataStore(dynamo),
      users: new DynamoUserDirectory(dynamo, cached ? undefined : { cacheFor: 0 }),
      leases: new DynamoLeaseStore(dynamo),
      shared: true,
      upkeep: () => undefined,
    };
  }
  const environment = new Environment(indexFolder(config.data), ids.token());
  undo.push(() => environment.close());
  environment.maintain();
  return {
    metadata: new LmdbMetadataStore(environment),
    users: new LmdbUserDirectory(environment),
    leases,
    shared: false,
    upkeep: () => environment.maintain(),
  };
}

/**
 * Leases beside an index in the data folder, so that the command line sees a running server's sessions. The server empties them; what is opened beside it
 * only looks, and asks.
 */
export function openFolderLeases(data: string, { clock, ids, undo }: Surroundings, owner: 'server' | 'beside it'): LeaseStore {
  const environment = openLeases(path.join(indexFolder(data), 'leases'), ids.token(), owner, bootId());
  undo.push(() => environment.close());
  return new LmdbLeaseStore(environment, new MemoryLeaseStore(clock));
}

/** @throws One line for the operator when the bucket is not there, or may not be used. */
export async function openObjects(config: Config, surroundings: Surroundings): Promise<ObjectStore> {
  return config.objects.kind === 's3' ? openBucket(config, config.objects, surroundings) : openFolder(config, surroundings);
}

async function openBucket(config: Config, s3: S3Config, { clock, ids, log, metrics, undo }: Surroundings): Promise<ObjectStore> {
  const opened = await openS3Store({ ...s3, bufferBudget: config.bufferBudget }, { clock, ids, log, metrics });
  if ('faults' in opened) throw new OperatorError(opened.faults.join('\ncauseway: '));
  undo.push(() => opened.close());
  for (const text of [...opened.report.notes, ...opened.costs]) log.info('server.warning', { text });
  log.info('server.start', { bucket: s3.bucket, profile: opened.profile.name, largestObject: opened.store.largestObject });
  return opened.store;
}

/** Where word comes from of what others do to the bucket. */
export function openHints({ objects }: Config): HintSource | undefined {
  if (objects.kind !== 's3' || objects.events === undefined) return undefined;
  return new SqsHintSource({ queueUrl: objects.events, bucket: objects.bucket, region: objects.region });
}

async function openFolder(config: Config, { clock, log }: Surroundings): Promise<ObjectStore> {
  const ownModes = config.objectsPath === undefined;
  const { store, warnings } = await openDirectoryStore({
    base: config.objectsPath ?? config.data,
    modes: ownModes ? { file: 0o600, directory: 0o700 } : { file: 0o666, directory: 0o777 },
    clock,
    reserve: config.diskReserve,
    bootId: bootId(),
  });
  for (const text of warnings) log.warn('server.warning', { text });
  return store;
}

/** Whether anything of these stores lies in the data folder, which then belongs to one server. */
export function usesFolder(config: Pick<Config, 'objects' | 'metadata'>): boolean {
  return config.objects.kind === 'directory' || config.metadata.kind === 'lmdb';
}
