import type { ObjectKey, Version } from './entry';

/** Claims, journal and outbox: how a change of a path is announced, carried through and told to the world. */

export type ClaimPurpose = 'commit' | 'delete' | 'rename' | 'mkdir' | 'rmdir' | 'adopt' | 'repair';

/**
 * Whoever changes a path holds its claim. A claim is written in one transaction with its upload record or journal; adopt, mkdir, rmdir and repair
 * have neither and are freed when their owner is dead.
 */
export interface HeldClaim {
  readonly state: 'held';
  readonly token: string;
  readonly owner: string;
  readonly purpose: ClaimPurpose;
  /** The path's history while there is no entry; see `FreeClaim`. */
  readonly sequence: number;
  readonly begun: number;
  /** A request without an answer may still land: the claim is kept until then. Milliseconds since the epoch. */
  readonly quietUntil?: number;
}

/** What stays of a path without an entry: its history, so that sequence and begun go on. Goes after 25 hours. */
export interface FreeClaim {
  readonly state: 'free';
  readonly sequence: number;
  readonly begun: number;
  readonly expires: number;
}

export type Claim = HeldClaim | FreeClaim;

export interface DeleteJournal {
  readonly kind: 'delete';
  readonly token: string;
  readonly owner: string;
  readonly key: ObjectKey;
  readonly storedKey: ObjectKey;
  readonly version: Version;
  readonly user: string;
}

export interface RenameJournal {
  readonly kind: 'rename-file';
  readonly token: string;
  readonly owner: string;
  readonly from: ObjectKey;
  readonly to: ObjectKey;
  readonly fromStored: ObjectKey;
  readonly toStored: ObjectKey;
  readonly version: Version;
  /** Bytes. */
  readonly size: number;
  /** Handles of copies that were begun, in a store that cannot move. */
  readonly copies?: readonly string[];
  /** What the claim saw at the target. */
  readonly over?: Version;
  /** The right to replace, as the partner had it: asked again when something unseen lies at the target. */
  readonly mayOverwrite: boolean;
  readonly user: string;
}

export interface RenameDirectoryJournal {
  readonly kind: 'rename-directory';
  readonly token: string;
  readonly owner: string;
  readonly from: ObjectKey;
  readonly to: ObjectKey;
  readonly user: string;
  /** Nothing below was on its way: from here it only goes forward. */
  readonly looked?: boolean;
  /** The store has moved the directory; what remains is the index. Where the store has no directories, each file moves with its row. */
  readonly moved: boolean;
  /** Handles of copies in several steps that were begun, by the token of the file's move. */
  readonly copies?: readonly { readonly token: string; readonly uploadId: string }[];
}

export type Journal = DeleteJournal | RenameJournal | RenameDirectoryJournal;

/** What a consumer finds at the event's key. */
interface WhatIsThere {
  readonly size: number;
  readonly crc32?: number;
  readonly version: Version;
}

/** One event of one path, written in the transaction that changes the entry, delivered at least once under the same id. */
export type OutboxEvent = {
  /** Token of the change. */
  readonly id: string;
  readonly key: ObjectKey;
  readonly sequence: number;
  readonly user?: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
} & (
  | ({ readonly type: 'arrived' } & WhatIsThere)
  | ({ readonly type: 'moved'; readonly from: ObjectKey; readonly fromSequence: number } & WhatIsThere)
  | { readonly type: 'removed' }
);
