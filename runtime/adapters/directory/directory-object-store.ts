import { link, open, readdir, rename, stat, statfs, unlink } from 'node:fs/promises';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import type { ObjectKey, Version } from '../../model/entry';
import { Failure } from '../../model/failure';
import type { Base, Progress, Settled } from '../../model/upload-record';
import type { Clock } from '../../ports/clock';
import type { Completed, DirectoryOperations, Found, Move, Moved, NewUpload, ObjectStore, ObjectWriter } from '../../ports/object-store';
import { folderOperations } from './directory-operations';
import { flushDirectory, makeDirectories } from './durable-directory';
import { asidePath, codeOf, foundOf, lookAtFile, type Modes, partPath, pathOf, type Roots, storeFailure, versionOf } from './layout';
import { type Checkpoint, heldBack, PartFileWriter, progressOf } from './part-file-writer';
import { checksumOf, copyFile, readVersion } from './read-file';

/**
 * Objects as plain files. A file appears under its final name whole, by `link(2)` onto a free name or `rename(2)` over a known version, after its
 * bytes have been flushed; so a reader of the folder sees the old file or the new one, at every moment and after every crash.
 */
export interface DirectoryStoreOptions {
  readonly roots: Roots;
  readonly modes: Modes;
  readonly clock: Clock;
  /** Bytes that uploads leave free, so that deletes and the index still work on a full disk. */
  readonly reserve: number;
  readonly hardLinks: boolean;
  readonly folds: boolean;
  /** Part files were written since the machine started: what lies in them has survived whatever ended the last process. */
  readonly sameBoot: boolean;
}

const roomCheckedFor = 1_000;

export class DirectoryObjectStore implements ObjectStore {
  readonly directories: DirectoryOperations;
  private roomKnownAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: DirectoryStoreOptions) {
    this.directories = folderOperations(options.roots, options.modes, options.folds);
  }

  async requireRoom(): Promise<void> {
    const { clock, roots, reserve } = this.options;
    if (clock.monotonic() - this.roomKnownAt < roomCheckedFor) return;
    const { bavail, bsize } = await guarded(() => statfs(roots.incoming));
    if (bavail * bsize < reserve) {
      throw new Failure('disk-full', 'No space left on the storage: it is down to its reserve.');
    }
    this.roomKnownAt = clock.monotonic();
  }

  begin(upload: NewUpload): ObjectWriter {
    return this.writer(upload, upload.token, { size: 0, crc32: 0 });
  }

  async resume(upload: NewUpload, progress: Progress): Promise<ObjectWriter> {
    const uploadId = progress.uploadId ?? upload.token;
    const size = progress.durable;
    if (size === 0) return this.writer(upload, uploadId, { size: 0, crc32: 0 });
    const file = partPath(this.options.roots, uploadId);
    return guarded(async () => {
      const handle = await open(file, 'r+');
      try {
        const { size: there } = await handle.stat();
        if (there < size) throw new Failure('restart-not-possible', 'What was kept of this upload is gone; send the file whole.');
        await handle.truncate(size);
        await handle.sync();
      } finally {
        await handle.close();
      }
      return this.writer(upload, uploadId, { size, crc32: progress.parts[0]?.crc32 ?? 0 });
    });
  }

  async append(upload: NewUpload, base: Base): Promise<ObjectWriter> {
    const file = partPath(this.options.roots, upload.token);
    return guarded(async () => {
      await this.requireRoom();
      const sum = await copyFile(pathOf(this.options.roots, base.storedKey), base.version, file, this.options.modes.file);
      if (sum === undefined) throw new Failure('base-changed', 'The file to be continued has been changed or taken; send it whole.');
      return this.writer(upload, upload.token, { size: base.size, crc32: sum });
    });
  }

  private writer(upload: NewUpload, uploadId: string, start: Checkpoint): ObjectWriter {
    if (!upload.admission) throw new Error('an upload without admission');
    const { roots, modes } = this.options;
    const file = partPath(roots, uploadId);
    return new PartFileWriter({
      file,
      uploadId,
      admission: upload.admission,
      mode: modes.file,
      start,
      requireRoom: () => this.requireRoom(),
      complete: (over, settled) => this.publish(upload.storedKey, file, settled, over),
      remove: () => removeFile(file),
      checksumUpTo: (size, from) => checksumOf(file, size, from),
    });
  }

  /** The part file becomes the object: the only place where a name appears below `objects`. */
  private async publish(storedKey: ObjectKey, file: string, settled: Settled, over: Version | undefined): Promise<Completed> {
    const target = pathOf(this.options.roots, storedKey);
    return guarded(async () => {
      await makeDirectories(path.dirname(target), this.options.modes.directory);
      const occupied = over === undefined ? await this.linkOnto(file, target) : await this.renameOver(file, target);
      if (occupied) return { occupied };
      await flushDirectory(path.dirname(target));
      await flushDirectory(path.dirname(file));
      return { version: settled.proof };
    });
  }

  /** Onto a free name: a file dropped there a moment ago is not overwritten. An own link from an attempt that crashed in between is gone on from. */
  private async linkOnto(file: string, target: string): Promise<Found | undefined> {
    if (!this.options.hardLinks) {
      const there = await lookFound(target);
      if (!there) await rename(file, target);
      return there;
    }
    try {
      await link(file, target);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
      const there = await lookAtFile(target);
      if (!there) throw new Failure('exists', 'Something that is not a plain file lies at this path.', { cause: error });
      const mine = await stat(file, { bigint: true });
      if (there.ino !== mine.ino) return foundOf(there);
    }
    await unlink(file);
    return undefined;
  }

  private async renameOver(file: string, target: string): Promise<undefined> {
    const there = await lookAtFile(target);
    const mine = await stat(file, { bigint: true });
    // `rename(2)` of two links to one file does nothing and reports success.
    if (there?.ino === mine.ino) await unlink(file);
    else await rename(file, target);
    return undefined;
  }

  async completeSettled(upload: NewUpload, progress: Progress, settled: Settled, over: Version | undefined): Promise<Completed | 'gone'> {
    const file = partPath(this.options.roots, progress.uploadId ?? upload.token);
    const part = await lookAtFile(file);
    if (!part || versionOf(part) !== settled.proof) return 'gone';
    return this.publish(upload.storedKey, file, settled, over);
  }

  async confirm(storedKey: ObjectKey, _token: string, settled: Settled): Promise<{ ours: Found } | { other: Found } | 'absent'> {
    const found = await this.look(storedKey);
    if (!found) return 'absent';
    return found.version === settled.proof ? { ours: found } : { other: found };
  }

  async look(storedKey: ObjectKey): Promise<Found | undefined> {
    return lookFound(pathOf(this.options.roots, storedKey));
  }

  async salvage(token: string, _storedKey: ObjectKey, progress: Progress): Promise<Progress> {
    const uploadId = progress.uploadId ?? token;
    const file = partPath(this.options.roots, uploadId);
    const part = await lookAtFile(file);
    if (!part) return progressOf(uploadId, { size: 0, crc32: 0 });
    if (!this.options.sameBoot) return progress;
    return guarded(async () => {
      const handle = await open(file, 'r+');
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
      const size = Math.max(0, Number(part.size) - heldBack);
      const known = { size: progress.durable, crc32: progress.parts[0]?.crc32 ?? 0 };
      const from = known.size <= size ? known : { size: 0, crc32: 0 };
      return progressOf(uploadId, { size, crc32: await checksumOf(file, size, from) });
    });
  }

  async discard(token: string, _storedKey: ObjectKey, progress: Progress): Promise<void> {
    await guarded(() => removeFile(partPath(this.options.roots, progress.uploadId ?? token)));
  }

  async *halfWritten(): AsyncGenerator<{ uploadId: string }> {
    for (const name of await readdir(this.options.roots.incoming)) {
      // What was set aside belongs to a delete or rename, which decides it when it is carried on.
      if (!name.startsWith('.') && !name.startsWith('aside-')) yield { uploadId: name };
    }
  }

  async read(storedKey: ObjectKey, version: Version, start: number, signal: AbortSignal): Promise<AsyncIterable<Buffer> | undefined> {
    return readVersion(pathOf(this.options.roots, storedKey), version, start, signal);
  }

  async checksum(storedKey: ObjectKey, version: Version): Promise<number | undefined> {
    const bytes = await this.read(storedKey, version, 0, new AbortController().signal);
    if (!bytes) return undefined;
    let sum = 0;
    for await (const chunk of bytes) sum = crc32(chunk, sum);
    return sum;
  }

  /** Set aside first: between a look and an `unlink(2)` somebody could put another file there, and it would be the one that goes. */
  async remove(storedKey: ObjectKey, version: Version): Promise<'removed' | 'absent' | { other: Found }> {
    const target = pathOf(this.options.roots, storedKey);
    const aside = asidePath(this.options.roots, storedKey);
    return guarded(async () => {
      const left = await lookAtFile(aside);
      if (left) {
        if ((await this.decideAside(aside, target, version)) === 'removed') return 'removed';
      }
      const seen = await lookAtFile(target);
      if (!seen) return 'absent';
      if (versionOf(seen) !== version) return { other: foundOf(seen) };
      try {
        await rename(target, aside);
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return 'absent';
        throw error;
      }
      const outcome = await this.decideAside(aside, target, version);
      await flushDirectory(path.dirname(target));
      return outcome;
    });
  }

  private async decideAside(aside: string, target: string, version: Version): Promise<'removed' | { other: Found }> {
    const taken = await lookAtFile(aside);
    if (!taken || versionOf(taken) === version) {
      await removeFile(aside);
      return 'removed';
    }
    try {
      if (this.options.hardLinks) await link(aside, target);
      else if (await lookAtFile(target)) throw Object.assign(new Error('a file lies there'), { code: 'EEXIST' });
      else await rename(aside, target);
      await removeFile(aside);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
      // A third file has come meanwhile. It stays, and so does the one set aside: nobody's bytes are thrown away.
      await rename(aside, `${aside}-${taken.ino}.kept`);
    }
    return { other: foundOf(taken) };
  }

  readonly move = async ({ from, version, to, over }: Move): Promise<Moved> => {
    const source = pathOf(this.options.roots, from);
    const target = pathOf(this.options.roots, to);
    return guarded(async () => {
      const aside = asidePath(this.options.roots, from);
      if (await lookAtFile(aside)) await this.decideAside(aside, source, version);
      const seen = await lookAtFile(source);
      if (!seen) return 'source-absent';
      if (versionOf(seen) !== version) return { sourceOther: foundOf(seen) };
      await makeDirectories(path.dirname(target), this.options.modes.directory);
      if (over === undefined && this.options.hardLinks) {
        try {
          await link(source, target);
        } catch (error) {
          if (codeOf(error) === 'ENOENT') return 'source-absent';
          if (codeOf(error) !== 'EEXIST') throw error;
          const there = await lookAtFile(target);
          if (!there) throw new Failure('exists', 'Something that is not a plain file lies at this path.', { cause: error });
          if (there.ino !== seen.ino) return { occupied: foundOf(there) };
        }
        await this.remove(from, version);
      } else {
        const there = over === undefined ? await lookFound(target) : undefined;
        if (there) return { occupied: there };
        const linked = (await lookAtFile(target))?.ino === seen.ino;
        if (linked) await this.remove(from, version);
        else await rename(source, target);
      }
      await flushDirectory(path.dirname(target));
      await flushDirectory(path.dirname(source));
      return { version };
    });
  };
}

async function lookFound(file: string): Promise<Found | undefined> {
  const stats = await lookAtFile(file);
  return stats && foundOf(stats);
}

async function removeFile(file: string): Promise<void> {
  try {
    await unlink(file);
  } catch (error) {
    // Gone already is what was wanted.
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw storeFailure(error);
  }
}
