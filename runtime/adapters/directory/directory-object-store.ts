import { type FileHandle, open, readdir, statfs } from 'node:fs/promises';
import { crc32 } from '../../model/crc32';
import type { ObjectKey, Version } from '../../model/entry';
import { Failure } from '../../model/failure';
import type { Base, Progress, Settled } from '../../model/upload-record';
import type { Clock } from '../../ports/clock';
import type { Completed, DirectoryOperations, Found, Move, Moved, NewUpload, ObjectStore, ObjectWriter } from '../../ports/object-store';
import { type Checkpoint, fileStart, heldBack, placeOfProgress, progressOf } from './checkpoint';
import { folderOperations } from './directory-operations';
import { removeFile } from './durable-directory';
import {
  codeOf,
  foundOf,
  lookAtFile,
  lookAtKey,
  type Modes,
  partPath,
  pathIfAny,
  pathOf,
  type Roots,
  storeFailure,
  versionOf,
} from './layout';
import { moveVersion } from './move-version';
import { PartFileWriter } from './part-file-writer';
import { publish } from './publish';
import { checksumOf, copyVersion, readVersion } from './read-file';
import { removeVersion } from './remove-version';

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
  /** The part file was written since the machine started: what lies in it has survived whatever ended the last process. */
  readonly survived: (uploadId: string) => boolean;
}

/** Milliseconds for which the answer holds while there are so many bytes more than the reserve. */
const roomKnownFor = 1_000;
const plentyOfRoom = 4 * 1024 * 1024 * 1024;

export class DirectoryObjectStore implements ObjectStore {
  readonly directories: DirectoryOperations;
  private roomUntil = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: DirectoryStoreOptions) {
    this.directories = folderOperations(options.roots, options.modes, options.folds);
  }

  async requireRoom(): Promise<void> {
    const { clock, roots, reserve } = this.options;
    if (clock.monotonic() < this.roomUntil) return;
    const { bavail, bsize } = await guarded(() => statfs(roots.incoming));
    const free = bavail * bsize;
    if (free < reserve) throw new Failure('disk-full', 'No space left on the storage: it is down to its reserve.');
    // Near the reserve it is asked every time: a fast sender writes more than the reserve within a second.
    this.roomUntil = free > reserve + plentyOfRoom ? clock.monotonic() + roomKnownFor : Number.NEGATIVE_INFINITY;
  }

  begin(upload: NewUpload): ObjectWriter {
    return this.writer(upload, upload.token, fileStart);
  }

  async resume(upload: NewUpload, progress: Progress): Promise<ObjectWriter> {
    const uploadId = progress.uploadId ?? upload.token;
    const kept = placeOfProgress(progress);
    if (kept.size === 0) return this.writer(upload, uploadId, fileStart);
    return guarded(async () => {
      await cutPartFile(partPath(this.options.roots, uploadId), kept.size);
      return this.writer(upload, uploadId, kept);
    });
  }

  async append(upload: NewUpload, base: Base): Promise<ObjectWriter> {
    const { roots, modes } = this.options;
    const file = partPath(roots, upload.token);
    return guarded(async () => {
      const copied = await copyVersion(await pathOf(roots, base.storedKey), base.version, file, modes.file, () => this.requireRoom());
      if (!copied) throw new Failure('base-changed', 'The file to be continued has been changed or taken; send it whole.');
      return this.writer(upload, upload.token, copied);
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

  private async publish(storedKey: ObjectKey, file: string, settled: Settled, over: Version | undefined): Promise<Completed> {
    return guarded(async () => publish(this.options, file, await pathOf(this.options.roots, storedKey), settled, over));
  }

  readonly quietTime = 0;

  async completeSettled(upload: NewUpload, progress: Progress, settled: Settled, over: Version | undefined): Promise<Completed | 'lost'> {
    const file = partPath(this.options.roots, progress.uploadId ?? upload.token);
    const part = await lookAtFile(file);
    if (part) return versionOf(part) === settled.proof ? this.publish(upload.storedKey, file, settled, over) : 'lost';
    // The part file is gone, so it was published before. Not there any more: a consumer took it, which is success too.
    const found = await this.look(upload.storedKey);
    return found?.version === settled.proof ? { version: found.version } : 'taken';
  }

  async look(storedKey: ObjectKey): Promise<Found | undefined> {
    const stats = await lookAtKey(this.options.roots, storedKey);
    return stats && foundOf(stats);
  }

  async salvage(token: string, _storedKey: ObjectKey, progress: Progress): Promise<Progress> {
    const { roots, survived } = this.options;
    const uploadId = progress.uploadId ?? token;
    const file = partPath(roots, uploadId);
    const part = await lookAtFile(file);
    const known = placeOfProgress(progress);
    if (!part || part.size < known.size) return progressOf(uploadId, fileStart);
    if (!survived(uploadId)) return progressOf(uploadId, known);
    return guarded(async () => {
      const handle = await open(file, 'r+');
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
      // Never less than was flushed and written down: some session may have been told it.
      const size = Math.max(known.size, Number(part.size) - heldBack);
      return progressOf(uploadId, { size, crc32: await checksumOf(file, size, known) });
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
    const file = await pathIfAny(this.options.roots, storedKey);
    return file === undefined ? undefined : readVersion(file, version, start, signal);
  }

  async checksum(storedKey: ObjectKey, version: Version): Promise<number | undefined> {
    const bytes = await this.read(storedKey, version, 0, new AbortController().signal);
    if (!bytes) return undefined;
    let sum = 0;
    for await (const chunk of bytes) sum = crc32(chunk, sum);
    return sum;
  }

  async remove(storedKey: ObjectKey, version: Version): Promise<'removed' | 'absent' | { other: Found }> {
    return guarded(() => removeVersion(this.options, storedKey, version));
  }

  readonly move = async (move: Move): Promise<Moved> => guarded(() => moveVersion(this.options, move));
}

/** What lies behind the durable size was never told; the client sends it again. */
async function cutPartFile(file: string, size: number): Promise<void> {
  const gone = 'What was kept of this upload is gone; send the file whole.';
  let handle: FileHandle;
  try {
    handle = await open(file, 'r+');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw new Failure('restart-not-possible', gone, { cause: error });
    throw error;
  }
  try {
    if ((await handle.stat()).size < size) throw new Failure('restart-not-possible', gone);
    await handle.truncate(size);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw storeFailure(error);
  }
}
