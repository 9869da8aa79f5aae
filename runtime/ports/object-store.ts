import type { ObjectKey, Version } from '../model/entry';
import type { Failure } from '../model/failure';
import type { Base, Progress, Settled } from '../model/upload-record';
import type { Admission } from './part-buffers';

/**
 * Whole objects by key, received in two phases: bytes are accepted and *settled* (every one acknowledged by the store) long before `complete` makes
 * them an object; between the two lies the claim of the path. Nothing is visible under the final key before `complete`.
 *
 * A method whose outcome the caller cannot know (time-out, connection lost) throws `Failure('store-unavailable')`; a full disk is
 * `Failure('disk-full')`, a change that the store does not let this server make, and that has had no effect, `Failure('store-refused')`; settled bytes that are
 * gone, `Failure('not-stored')`. Everything else that can be met is a return value.
 */
export interface ObjectStore {
  /** Throws `Failure('disk-full')` when the store is down to its reserve: asked before a client is told to send. */
  requireRoom(): Promise<void>;

  /** Bytes of the largest object it can hold, where there is a limit that an upload may meet. */
  readonly largestObject?: number;
  /** Memory in bytes that every upload must be able to get, where it is not the ordinary smallest part. */
  readonly smallestBuffer?: number;

  /** Lazy: nothing is created before the first bytes are written out or `settle`. */
  begin(upload: NewUpload): ObjectWriter;

  /** Goes on with what a parked upload left, cut to `progress.durable`. The earlier writer has been closed or is dead. */
  resume(upload: NewUpload, progress: Progress): Promise<ObjectWriter>;

  /** A new object that starts with the bytes of `base`. Throws `Failure('base-changed')` when that version is gone. */
  append(upload: NewUpload, base: Base): Promise<ObjectWriter>;

  /**
   * Makes durable what a dead writer left and says how much of it may be told: never all that was received, because a client that finds its own size
   * sends nothing and reports success.
   */
  salvage(token: string, storedKey: ObjectKey, progress: Progress): Promise<Progress>;

  /** Removes what an upload has written; repeated until nothing of it is left. Never touches an object. */
  discard(token: string, storedKey: ObjectKey, progress: Progress): Promise<void>;

  /**
   * Carries a settled upload to its end when its writer is dead or its answer was lost: the same as `complete` of a writer, and as often as need be. An
   * earlier attempt that had succeeded is recognised by the token and the proof. `lost`: the settled bytes are nowhere; they went out in one
   * request that was never sent or has not landed (yet).
   */
  completeSettled(upload: NewUpload, progress: Progress, settled: Settled, over: Version | undefined): Promise<Completed | 'lost'>;

  /**
   * How long a request without an answer may still land, in milliseconds: the claim of its path is kept that long. 0: no request outlives its caller.
   */
  readonly quietTime: number;

  /** What is at the key now. */
  look(storedKey: ObjectKey): Promise<Found | undefined>;

  /**
   * The bytes from `start` (inclusive) to the end of exactly this version; ends the iteration when the signal aborts. Undefined: that version is not
   * there. Chunks are at most 1 MiB.
   */
  read(storedKey: ObjectKey, version: Version, start: number, signal: AbortSignal): Promise<AsyncIterable<Buffer> | undefined>;

  /** CRC32 of exactly this version, read whole. Undefined: that version is not there. */
  checksum(storedKey: ObjectKey, version: Version): Promise<number | undefined>;

  /**
   * Removes the object on condition that it still is this version.
   *
   * @throws A final `Failure` when the store does not let it; this request has changed nothing then. The same goes for `move` and `copy`.
   */
  remove(storedKey: ObjectKey, version: Version): Promise<'removed' | 'absent' | { other: Found }>;

  /**
   * Moves exactly this version in one step. `over` is what the claim saw at the target: undefined refuses to replace anything. A store that can only
   * copy and remove has no such method.
   */
  readonly move?: (move: Move) => Promise<Moved>;

  /**
   * Copies exactly this version to another key in one step, as a new object with the token given. A store that moves has no such method. Repeated with the
   * same token after a lost answer, it recognises its own copy.
   */
  readonly copy?: (copy: Copy) => Promise<Copied>;

  /**
   * Half-written objects of our own, in no particular order: of this key, or all where the store is ours alone. Recovery removes those that no record names.
   */
  halfWritten(storedKey?: ObjectKey): AsyncIterable<{ readonly uploadId: string; readonly storedKey?: ObjectKey; readonly begun?: number }>;

  /** Every object below the prefix, in byte order of keys, from behind `after`. A store with directories is walked by them instead. */
  readonly list?: (prefix: string, after?: ObjectKey) => AsyncIterable<{ readonly key: ObjectKey; readonly found: Found }>;

  /** Stores whose directories are things of their own, moved as a whole. */
  readonly directories?: DirectoryOperations;
}

export interface NewUpload {
  readonly token: string;
  readonly storedKey: ObjectKey;
  readonly partner: string;
  /** Address of the client; written beside the object where the store has a place for it. */
  readonly client?: string;
  /** Whose buffers it uses; given before its client was told to send. Absent where nothing is received (`completeSettled`). */
  readonly admission?: Admission;
}

export interface ObjectWriter {
  /**
   * Copies the bytes (a TLS record, at most 16 KiB as a rule) and says whether to go on; after it returns, the caller may reuse them. False: wait for
   * `ready`. Never throws: a failure of the store comes out of `ready`, `settle` and `park`.
   */
  accept(bytes: Buffer): boolean;
  /** Resolves when bytes may come again; rejects with the store's failure. */
  ready(): Promise<void>;
  /** Bytes accepted so far, the base or the resumed part included. */
  readonly received: number;
  /** What is durable now. */
  progress(): Progress;
  /** Makes durable, and tells with `progress`, as much as can be without ending the upload: it has gone silent and may be continued elsewhere. */
  flush(): Promise<void>;
  /** Called whenever `progress` has grown. */
  onProgress?: () => void;
  /** Awaited before something half-written is made where others could not tell whose it is. What it throws ends the upload. */
  beforeBegin?: () => Promise<void>;
  /** Flushes everything; after it only `complete` or `abort` follow. */
  settle(): Promise<Settled>;
  /** Makes the settled bytes the object at the key. `over` is what the claim saw there: undefined refuses to replace anything. */
  complete(over: Version | undefined): Promise<Completed | Refused>;
  /** Flushes, closes, and says what may be told (see `salvage`). */
  park(): Promise<Progress>;
  /** Closes and removes everything written. */
  abort(): Promise<void>;
  /** Gives memory and handles back and changes nothing in the store: somebody else carries the upload to its end. */
  release(): Promise<void>;
}

export interface Found {
  readonly version: Version;
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly modified: number;
  readonly crc32?: number;
  /** Token of the upload or copy that made it, where the store keeps one. */
  readonly token?: string;
}

/**
 * How a completion ended.
 * - `version`: the object at the key is ours.
 * - `occupied`: the target holds something that the claim did not see; nothing was changed, and it can be tried again over that.
 * - `vanished`: what the claim saw at the target is no longer there; nothing was changed, and it can be tried again over nothing.
 * - `taken`: it was stored, and somebody took it away before we looked.
 * - `overtaken`: what others stored or deleted meanwhile wins, and our bytes will never be shown; what is there now.
 */
export type Completed =
  | { readonly version: Version }
  | { readonly occupied: Found }
  | 'vanished'
  | 'taken'
  | { readonly overtaken: Found | undefined };

/** The store does not take these bytes under this key, however often it is asked. This request has changed nothing; one before it may still land. */
export interface Refused {
  readonly refused: Failure;
}

export interface Move {
  readonly from: ObjectKey;
  readonly version: Version;
  readonly to: ObjectKey;
  readonly over: Version | undefined;
}

export type Moved = { readonly version: Version } | { readonly occupied: Found } | 'source-absent' | { readonly sourceOther: Found };

export interface Copy {
  readonly token: string;
  readonly user: string;
  readonly from: ObjectKey;
  readonly version: Version;
  /** Bytes of that version. */
  readonly size: number;
  readonly to: ObjectKey;
  /** What the claim saw at the target: undefined refuses to replace anything. */
  readonly over: Version | undefined;
  /** An attempt before this one may have copied it already, and somebody may have taken that. */
  readonly repeated?: boolean;
  /** Handles of half-written copies of earlier attempts: each is ended before another begins. */
  readonly begun: readonly string[];
  /** A copy in several steps tells its handle before the first one. */
  onBegin(uploadId: string): Promise<void>;
}

export type Copied = Completed | 'source-absent' | { readonly sourceOther: Found };

export interface DirectoryOperations {
  /** Makes the directory and its parents; there already is fine. */
  make(key: ObjectKey): Promise<void>;
  /** Removes an empty directory. */
  remove(key: ObjectKey): Promise<'removed' | 'absent' | 'not-empty'>;
  /** Atomic; the target must not exist. */
  move(from: ObjectKey, to: ObjectKey): Promise<'moved' | 'source-absent' | 'occupied'>;
  /**
   * The folder decides existence: names of one directory, unlistable ones counted and left out, in no particular order. `stamp` changes when a name is
   * added or removed. Undefined: there is no such directory.
   */
  names(key: ObjectKey): Promise<{ stamp: string; names: Map<string, 'file' | 'directory'>; unlistable: number } | undefined>;
  /** What lies there: one cheap look. `other`: a link, a pipe, whatever partners never see. */
  kindOf(key: ObjectKey): Promise<'file' | 'directory' | 'other' | undefined>;
  /** The stamp alone: one cheap look. */
  stamp(key: ObjectKey): Promise<string | undefined>;
  /** True when two names that differ only in case or normalisation are one file here. */
  readonly folds: boolean;
}
