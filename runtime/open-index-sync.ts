import { DynamoLeaseStore } from './adapters/dynamodb/dynamodb-lease-store';
import { DynamoMetadataStore } from './adapters/dynamodb/dynamodb-metadata-store';
import { openDynamo } from './adapters/dynamodb/open-dynamodb';
import { checkTable } from './adapters/dynamodb/table';
import { BudgetedPartBuffers } from './adapters/memory/budgeted-part-buffers';
import { ProcessMetrics } from './adapters/process-metrics';
import { randomIds } from './adapters/random-ids';
import { openS3Store } from './adapters/s3/open-s3-store';
import { systemClock } from './adapters/system-clock';
import type { Config, S3Config } from './config/config';
import { ActiveUploads } from './filesystem/active-uploads';
import type { Filesystem } from './filesystem/filesystem';
import { FolderTruth } from './filesystem/folder-truth';
import { Heartbeat } from './filesystem/heartbeat';
import { TaskObserver } from './filesystem/task-observer';
import type { Log } from './ports/log';

/**
 * The composition of the function that follows the bucket's events: table and bucket, and the rules on top. Apart from `compose`, because the function is one
 * file of script: what the server loads of native code, for its index in a folder and for passwords, cannot go into it.
 */
export interface SyncTools {
  readonly fs: Filesystem;
  /** Says at once that this process lives: for one that stands still in between. */
  beat(): Promise<void>;
}

/** As in a task: an observer sees several beats missing. */
const beatsBeforeDeath = 6;

export async function openSync(config: Config, s3: S3Config, log: Log): Promise<SyncTools> {
  if (config.metadata.kind !== 'dynamodb') throw new Error('the index is not shared with any server: CAUSEWAY_METADATA is not dynamodb');
  const clock = systemClock;
  const ids = randomIds;
  const dynamo = openDynamo(config.metadata, { clock, ids, log });
  const faults = await checkTable(dynamo);
  const opened = faults.length > 0 ? { faults } : await openS3Store({ ...s3, bufferBudget: config.bufferBudget }, { clock, ids, log });
  if ('faults' in opened) {
    dynamo.close();
    throw new Error(opened.faults.join('; '));
  }
  const leases = new DynamoLeaseStore(dynamo);
  const observer = new TaskObserver(leases, clock, config.times.deadAfter);
  const folders = new FolderTruth();
  const { claimWait, parkedFor, silentAfter, giveUpAfter } = config.times;
  const fs: Filesystem = {
    metadata: new DynamoMetadataStore(dynamo),
    objects: opened.store,
    buffers: new BudgetedPartBuffers(config.bufferBudget, clock, config.smallestPart),
    clock,
    ids,
    log,
    metrics: new ProcessMetrics(),
    task: ids.token(),
    active: new ActiveUploads(),
    fleet: observer,
    folders,
    limits: { claimWait, parkedFor, silentAfter, giveUpAfter },
  };
  folders.attach(fs);
  const heartbeat = new Heartbeat(fs, { leases, observer, every: config.times.deadAfter / beatsBeforeDeath });
  try {
    await heartbeat.start();
  } catch (error) {
    opened.close();
    dynamo.close();
    throw error;
  }
  return { fs, beat: () => heartbeat.beat() };
}
