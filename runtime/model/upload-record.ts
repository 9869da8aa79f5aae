import type { ObjectKey, Version } from './entry';

/**
 * The intent of an upload, written before its effects. While it is open it lies in its parent's partition, so that a removal of the directory sees
 * it; when it has ended it is kept for an hour elsewhere, so that a handler that lost an answer learns how its upload went.
 *
 *   receiving → committing → committed | overtaken
 *   receiving → parked → superseded (resumed or replaced) | dropped
 *   receiving → superseded | dropped
 */
export type UploadState = 'receiving' | 'committing' | 'parked' | 'committed' | 'superseded' | 'dropped' | 'overtaken';

export const openStates: readonly UploadState[] = ['receiving', 'committing', 'parked'];

/** A contiguous acknowledged range. On S3 one uploaded part; in a directory the ranges up to the last two flushes. */
export interface Part {
  readonly number: number;
  readonly size: number;
  readonly crc32: number;
  readonly etag?: string;
}

/** What is durable of an upload, in the store's own terms. */
export interface Progress {
  /** The store's handle of the half-written object (S3 upload id, name of the part file); absent until something was sent. */
  readonly uploadId?: string;
  readonly parts: readonly Part[];
  /** Bytes from the start that are durable: the sum of the parts. */
  readonly durable: number;
  /** Highest part number that may be in use; a resume starts above it, so a late part of a frozen task can hurt nothing. */
  readonly reserved: number;
}

/** Part numbers that a record allows for before they are used: a late part of a task that was taken over must not have one of its successor's. */
export const numbersAhead = 64;

export const noProgress: Progress = { parts: [], durable: 0, reserved: 0 };

/** The version an append keeps: the commit succeeds only while it is still the entry. */
export interface Base {
  readonly storedKey: ObjectKey;
  readonly version: Version;
  readonly size: number;
  readonly crc32?: number;
}

/** Everything acknowledged: what a completion needs, and what recovery goes by. */
export interface Settled {
  readonly size: number;
  readonly crc32: number;
  /** Recognises the object after a crash; inode, size and mtime of the part file, or the token's place in the object's metadata. */
  readonly proof: string;
}

export interface UploadRecord {
  readonly token: string;
  readonly key: ObjectKey;
  readonly storedKey: ObjectKey;
  readonly user: string;
  /** Token of the upload that began the half-written object which this one continues: the object will bear that one. */
  readonly mark?: string;
  /** Address of the client that sends it. */
  readonly client?: string;
  /** The partner's home: directories above it need no row. */
  readonly home: ObjectKey;
  /** Task that works on it, or `none`. */
  readonly owner: string;
  readonly state: UploadState;
  readonly begun: number;
  /** Size that some session of the owner was told while it was parked or silent (`filesystem/told.ts`). */
  readonly told?: number;
  readonly progress: Progress;
  /** Time of the last acknowledged part, milliseconds since the epoch: MDTM of a parked upload. */
  readonly acknowledged: number;
  readonly base?: Base;
  readonly settled?: Settled;
  /** Taken under the claim; the outbox event carries it. */
  readonly sequence?: number;
  /** What the claim saw at the path. */
  readonly over?: Version;
  /** The right to replace, as the partner had it at the claim: whoever carries the commit to its end asks it again when something unseen lies there. */
  readonly mayOverwrite?: boolean;
  /** Committed or overtaken, but a request of its went without an answer and may have landed once more since. */
  readonly inDoubt?: boolean;
  /** Taken over while it was being committed: before this time a request of the earlier owner may still land. Milliseconds since the epoch. */
  readonly quietUntil?: number;
  /** Ended, but what it had written still has to be removed from the store. */
  readonly leftovers?: boolean;
  /** When a parked upload expires, or an ended record may go. Milliseconds since the epoch. */
  readonly expires?: number;
}
