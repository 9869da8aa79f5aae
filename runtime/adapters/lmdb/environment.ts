import { chmodSync, closeSync, fstatSync, mkdirSync, openSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import { Failure } from '../../model/failure';

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

/** Bytes of written zeros behind the last used page. */
export interface Headroom {
  /** Restored at start and by the sweeper. */
  readonly wanted: number;
  /** Below it nothing that adds lasting rows is written. */
  readonly low: number;
  /** Below it nothing is written at all. */
  readonly least: number;
}

export const defaultHeadroom: Headroom = { wanted: 32 * 1024 * 1024, low: 16 * 1024 * 1024, least: 4 * 1024 * 1024 };

/** What a transaction may take of the headroom: new pages for itself, and for each row. Dense rows take an eighth of it. */
const pagesOfTransaction = 32 * 1024;
const pagesOfRow = 4 * 1024;
const zeros = Buffer.alloc(4 * 1024 * 1024);

export class Environment {
  readonly db: RootDatabase<Row, Buffer>;
  private readonly file: string;
  private revisions = 0;
  private readonly origin: string;
  /** What writes may take that are not on the disk yet. */
  private underWay = 0;
  /** Growing was refused; it is tried again by `maintain` only. */
  private diskFull = false;

  /**
   * @param origin Unlike any other process's, so that a revision never comes back.
   * @param lasting False: what is written need not survive the machine, and nobody waits for the disk.
   */
  constructor(
    folder: string,
    origin: string,
    private readonly room: Headroom = defaultHeadroom,
    lasting = true,
  ) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.file = path.join(folder, 'data.mdb');
    this.origin = origin;
    this.db = open<Row, Buffer>({
      path: folder,
      noSubdir: false,
      keyEncoding: 'binary',
      overlappingSync: false,
      cache: false,
      noSync: !lasting,
    });
    // It holds password hashes, and its folder may have been made by somebody with other modes in mind.
    for (const name of ['data.mdb', 'lock.mdb']) makePrivate(path.join(folder, name));
  }

  nextRevision(): string {
    return `${this.origin}-${++this.revisions}`;
  }

  /**
   * Runs a write when the headroom has room for it, with everything that is on its way to the disk counted. `grows`: it adds lasting rows; those stop
   * first, so that deletes, and commits that have begun, can use the rest. The headroom is measured each time, which costs microseconds beside a flush:
   * a folder of many files comes in transactions of a thousand rows.
   */
  async write<T>(rows: number, grows: boolean, work: () => Promise<T>): Promise<T> {
    const need = pagesOfTransaction + rows * pagesOfRow;
    this.underWay += need;
    try {
      if (this.restoreTo(this.room.low) < (grows ? this.room.low : this.room.least)) {
        throw new Failure('disk-full', 'No space left in the index; delete files or enlarge the disk.');
      }
      return await work();
    } finally {
      this.underWay -= need;
    }
  }

  /** Bytes of written zeros behind the last used page. */
  headroom(): number {
    const { lastPageNumber, pageSize } = this.db.getStats() as { lastPageNumber: number; pageSize: number };
    return statSync(this.file).size - (lastPageNumber + 1) * pageSize;
  }

  /** Restores the headroom as far as the disk allows, and frees the slots of readers that have died. Returns the headroom in bytes. */
  maintain(): number {
    this.db.readerCheck();
    this.diskFull = false;
    return this.restoreTo(this.room.wanted);
  }

  private restoreTo(wanted: number): number {
    for (;;) {
      const left = this.headroom() - this.underWay;
      if (left >= wanted || this.diskFull || !this.growHeadroom()) return left;
    }
  }

  private growHeadroom(): boolean {
    return this.db.transactionSync(() => {
      const { lastPageNumber, pageSize } = this.db.getStats() as { lastPageNumber: number; pageSize: number };
      const used = (lastPageNumber + 1) * pageSize;
      const descriptor = openSync(this.file, 'r+');
      try {
        const { size } = fstatSync(descriptor);
        const from = Math.max(size, used);
        const missing = used + this.room.wanted + this.underWay - from;
        if (missing <= 0) return false;
        return writeSync(descriptor, zeros, 0, Math.min(missing, zeros.length), from) > 0;
      } catch (error) {
        // The disk is full already: what headroom there is has to do, and `write` refuses what it is not enough for.
        if ((error as NodeJS.ErrnoException).code === 'ENOSPC' || (error as NodeJS.ErrnoException).code === 'EDQUOT') {
          this.diskFull = true;
          return false;
        }
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

function makePrivate(file: string): void {
  if ((statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600);
}
