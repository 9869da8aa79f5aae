import { closeSync, fstatSync, mkdirSync, openSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import { open, type RootDatabase } from 'lmdb';

/**
 * One LMDB environment for everything that is not file content. Two processes may have it open: the server, and the operator's command line beside it.
 *
 * `overlappingSync: false`: a transaction's promise resolves when it is on disk, which is what an acknowledgement needs. `cache: false`: a cache would hide
 * what the other process writes.
 *
 * LMDB must never meet a full disk: it then corrupts its heap. So the file keeps written zeros behind its last used page, which later pages land on;
 * they are written under the write lock, a little at a time, so that no committer is between reading the last page and writing behind it.
 */
export interface Row {
  /** Revision. */
  readonly r: string;
  readonly v: unknown;
}

const wantedHeadroom = 32 * 1024 * 1024;
const lowHeadroom = 16 * 1024 * 1024;
const zeros = Buffer.alloc(4 * 1024 * 1024);

export class Environment {
  readonly db: RootDatabase<Row, Buffer>;
  private readonly file: string;
  private revisions = 0;
  private readonly origin: string;
  private headroom = 0;

  /** @param origin Unlike any other process's, so that a revision never comes back. */
  constructor(folder: string, origin: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.file = path.join(folder, 'data.mdb');
    this.origin = origin;
    this.db = open<Row, Buffer>({ path: folder, noSubdir: false, keyEncoding: 'binary', overlappingSync: false, cache: false });
    this.measureHeadroom();
  }

  nextRevision(): string {
    return `${this.origin}-${++this.revisions}`;
  }

  /** Room for more rows is short: only what removes, or finishes what has begun, may go on. */
  get isShort(): boolean {
    return this.headroom < lowHeadroom;
  }

  measureHeadroom(): void {
    const { lastPageNumber, pageSize } = this.db.getStats() as { lastPageNumber: number; pageSize: number };
    this.headroom = statSync(this.file).size - (lastPageNumber + 1) * pageSize;
  }

  /** Restores the headroom as far as the disk allows, and frees the slots of readers that have died. Returns the headroom in bytes. */
  maintain(): number {
    this.db.readerCheck();
    for (let more = true; more; ) more = this.growHeadroom();
    this.measureHeadroom();
    return this.headroom;
  }

  private growHeadroom(): boolean {
    return this.db.transactionSync(() => {
      const { lastPageNumber, pageSize } = this.db.getStats() as { lastPageNumber: number; pageSize: number };
      const used = (lastPageNumber + 1) * pageSize;
      const descriptor = openSync(this.file, 'r+');
      try {
        const { size } = fstatSync(descriptor);
        const from = Math.max(size, used);
        const missing = used + wantedHeadroom - from;
        if (missing <= 0) return false;
        return writeSync(descriptor, zeros, 0, Math.min(missing, zeros.length), from) > 0;
      } catch (error) {
        // The disk is full already: what headroom there is has to do, and `isShort` says when it is not enough.
        if ((error as NodeJS.ErrnoException).code === 'ENOSPC' || (error as NodeJS.ErrnoException).code === 'EDQUOT') return false;
        throw error;
      } finally {
        closeSync(descriptor);
      }
    });
  }

  async close(): Promise<void> {
    await this.db.close();
  }
}
