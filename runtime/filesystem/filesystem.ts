import type { Clock } from '../ports/clock';
import type { Ids } from '../ports/ids';
import type { Log } from '../ports/log';
import type { MetadataStore } from '../ports/metadata-store';
import type { Metrics } from '../ports/metrics';
import type { ObjectStore } from '../ports/object-store';
import type { PartBuffers } from '../ports/part-buffers';
import type { ActiveUploads } from './active-uploads';
import type { FolderTruth } from './folder-truth';

/** What every rule of the filesystem works on, handed from function to function. */
export interface Filesystem {
  readonly metadata: MetadataStore;
  readonly objects: ObjectStore;
  readonly buffers: PartBuffers;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly metrics: Metrics;
  /** This process, as owner of records and claims. */
  readonly task: string;
  readonly active: ActiveUploads;
  readonly fleet: Fleet;
  readonly folders: FolderTruth;
  readonly limits: FilesystemLimits;
}

/** What this task knows of the others that work on the same stores. */
export interface Fleet {
  /** Nothing that this task holds will be touched by it again, or what it touches is refused. */
  isDead(task: string): boolean;
  /** That task says that no byte of this upload has come for a while. */
  isSilent(task: string, token: string): boolean;
  /**
   * Has the task put that upload aside itself, at exactly this size: where its file is open there, nobody else may write to it before. False: it has moved
   * on. Absent where the store refuses what a late owner writes.
   */
  readonly park?: (task: string, token: string, durable: number) => Promise<boolean>;
}

/** One process, and nobody beside it. */
export const alone: Fleet = { isDead: () => false, isSilent: () => false };

/** All in milliseconds. */
export interface FilesystemLimits {
  /** How long an upload waits for somebody else's claim of its path. */
  readonly claimWait: number;
  /** How long a cut upload is kept. */
  readonly parkedFor: number;
  /** No byte for this long while we were reading: the upload may be taken over. */
  readonly silentAfter: number;
  /** How long a handler carries an unconfirmed commit before it leaves it to the sweeper. */
  readonly giveUpAfter: number;
}

export const defaultLimits: FilesystemLimits = {
  claimWait: 60_000,
  parkedFor: 24 * 3_600_000,
  silentAfter: 5_000,
  giveUpAfter: 300_000,
};

/** Ended records stay this long, so that a handler that lost an answer learns how its upload went. */
export const endedFor = 3_600_000;
/** A free claim row keeps a path's history longer than any parked upload lives. */
export const historyFor = 25 * 3_600_000;
