import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { SqsHintSource } from './adapters/bucket-events/sqs-hint-source';
import { openDirectoryStore } from './adapters/directory/open-directory-store';
import { DynamoLeaseStore } from './adapters/dynamodb/dynamodb-lease-store';
import { DynamoMetadataStore } from './adapters/dynamodb/dynamodb-metadata-store';
import { DynamoUserDirectory } from './adapters/dynamodb/dynamodb-user-directory';
import { openDynamo } from './adapters/dynamodb/open-dynamodb';
import { checkTable } from './adapters/dynamodb/table';
import { damageOf } from './adapters/lmdb/damage';
import { Environment } from './adapters/lmdb/environment';
import { LmdbLeaseStore, openLeases } from './adapters/lmdb/lmdb-lease-store';
import { LmdbMetadataStore } from './adapters/lmdb/lmdb-metadata-store';
import { LmdbUserDirectory } from './adapters/lmdb/lmdb-user-directory';
import { MemoryLeaseStore } from './adapters/memory/memory-lease-store';
import { bootId } from './adapters/process-identity';
import { openS3Store } from './adapters/s3/open-s3-store';
import type { Config, S3Config } from './config/config';
import { damagedIndex, indexIn } from './operator/explain-start';
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

/** Of a folder that nobody else reads: passwords and keys lie in it. */
export const ownMode = 0o700;

/** Folder by folder: in places such as /proc Node's own recursive way never comes back. */
export function makeFolder(folder: string, mode: number): void {
  if (isFolder(folder)) return;
  makeFolder(path.dirname(path.resolve(folder)), mode);
  try {
    mkdirSync(folder, { mode });
  } catch (error) {
    // The command line and the server may begin at the same moment.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !isFolder(folder)) throw error;
  }
}

function isFolder(folder: string): boolean {
  return statSync(folder, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** A typing error in CAUSEWAY_DATA must not make a second data folder, in which nobody is known. */
export function requireDataFolder(data: string): void {
  if (isFolder(data)) return;
  throw new OperatorError(`${path.resolve(data)} is no data folder: start the server once, or set CAUSEWAY_DATA`);
}

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
  const folder = indexIn(config.data);
  makeFolder(folder, ownMode);
  const damage = damageOf(folder);
  if (damage) throw new OperatorError(damagedIndex(folder, damage));
  const environment = new Environment(folder, ids.token());
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
  const folder = path.join(indexIn(data), 'leases');
  const damage = owner === 'beside it' && damageOf(folder);
  if (damage) throw new OperatorError(`the list of sessions is damaged: ${damage}. The server makes a new one when it is started again`);
  const environment = openLeases(folder, ids.token(), owner, bootId());
  undo.push(() => environment.close());
  return new LmdbLeaseStore(environment, new MemoryLeaseStore(clock));
}

/** @throws What is wrong with either, a line each: whoever sets a server up has often both wrong. */
export async function openStores(
  config: Config,
  surroundings: Surroundings,
  leases: LeaseStore | undefined,
): Promise<{ readonly index: Index; readonly objects: ObjectStore }> {
  const faults: string[] = [];
  const note = (error: unknown) => {
    if (!(error instanceof OperatorError)) throw error;
    faults.push(error.message);
  };
  const index = await openIndex(config, surroundings, true, leases).catch(note);
  const objects = await openObjects(config, surroundings).catch(note);
  if (!index || !objects) throw new OperatorError(faults.join('\ncauseway: '));
  return { index, objects };
}

/** @throws One line for the operator when the bucket is not there, or may not be used. */
export async function openObjects(config: Config, surroundings: Surroundings): Promise<ObjectStore> {
  return config.objects.kind === 's3' ? openBucket(config, config.objects, surroundings) : openFolder(config, surroundings);
}

async function openBucket(config: Config, s3: S3Config, { clock, ids, log, metrics, undo }: Surroundings): Promise<ObjectStore> {
  const opened = await openS3Store({ ...s3, bufferBudget: config.bufferBudget, rights: 'begin' }, { clock, ids, log, metrics });
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
  const base = config.objectsPath ?? config.data;
  const modes = ownModes ? { file: 0o600, directory: ownMode } : { file: 0o666, directory: 0o777 };
  makeFolder(base, modes.directory);
  const { store, warnings } = await openDirectoryStore({
    base,
    modes,
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
