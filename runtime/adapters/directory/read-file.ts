import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from '../../model/crc32';
import type { Version } from '../../model/entry';
import { Failure } from '../../model/failure';
import { type Checkpoint, fileStart } from './checkpoint';
import { removeFile } from './durable-directory';
import { codeOf, orRefused, storeFailure, versionOf } from './layout';
import { writeAll } from './write-all';

/** Reading files: one version to a partner, a part file for its checksum, a whole file into a new part file. */

const chunkSize = 1024 * 1024;

interface OpenVersion {
  readonly handle: FileHandle;
  readonly size: number;
}

/** Undefined when the file is not that version now. What has been opened stays that version: a replaced file lives on until it is closed. */
export async function readVersion(
  file: string,
  version: Version,
  start: number,
  signal: AbortSignal,
): Promise<AsyncIterable<Buffer> | undefined> {
  signal.throwIfAborted();
  const opened = await openVersion(file, version);
  if (!opened) return undefined;
  const { handle } = opened;
  if (signal.aborted) {
    await handle.close();
    throw signal.reason;
  }
  // Aborted before the first chunk was asked for, the iteration never begins, and nobody else would close the file.
  let begun = false;
  const abandon = () => {
    if (!begun) handle.close().catch(() => undefined); // Nothing was written, and nobody is left to tell.
  };
  signal.addEventListener('abort', abandon, { once: true });
  return {
    [Symbol.asyncIterator]: () => {
      signal.throwIfAborted();
      begun = true;
      signal.removeEventListener('abort', abandon);
      return chunks(opened, start, signal);
    },
  };
}

async function openVersion(file: string, version: Version): Promise<OpenVersion | undefined> {
  let handle: FileHandle;
  try {
    // Somebody may have put a pipe or a link there: neither may block us nor lead elsewhere.
    handle = await orRefused(() => open(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes(codeOf(error) ?? '')) return undefined;
    throw storeFailure(error);
  }
  try {
    const stats = await handle.stat({ bigint: true });
    if (stats.isFile() && versionOf(stats) === version) return { handle, size: Number(stats.size) };
  } catch (error) {
    await handle.close();
    throw storeFailure(error);
  }
  await handle.close();
  return undefined;
}

async function* chunks({ handle, size }: OpenVersion, start: number, signal: AbortSignal): AsyncGenerator<Buffer> {
  try {
    for (let position = start; position < size; ) {
      signal.throwIfAborted();
      const wanted = Math.min(chunkSize, size - position);
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafeSlow(wanted), 0, wanted, position);
      // Half a file must not look like a whole one to whoever reads it.
      if (bytesRead === 0) throw new Failure('busy', 'The file was cut short by somebody while it was being read; try again.');
      position += bytesRead;
      yield bytesRead === buffer.length ? buffer : buffer.subarray(0, bytesRead);
    }
  } catch (error) {
    throw signal.aborted ? error : storeFailure(error);
  } finally {
    await handle.close();
  }
}

/** Checksum of the first `size` bytes, going on from a place where it is known. Throws when the file is shorter. */
export async function checksumOf(file: string, size: number, from: Checkpoint): Promise<number> {
  if (size === from.size) return from.crc32;
  const handle = await open(file, 'r');
  try {
    const buffer = Buffer.allocUnsafeSlow(Math.min(chunkSize, size - from.size));
    let sum = from.crc32;
    for (let position = from.size; position < size; ) {
      const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, size - position), position);
      if (bytesRead === 0) throw new Error('a part file is shorter than what was flushed of it');
      sum = crc32(buffer.subarray(0, bytesRead), sum);
      position += bytesRead;
    }
    return sum;
  } finally {
    await handle.close();
  }
}

const askForRoomEvery = 8 * 1024 * 1024;

/** Copies exactly one version into a new file; undefined, and no new file, when the source is another one, before or after. */
export async function copyVersion(
  source: string,
  version: Version,
  target: string,
  mode: number,
  requireRoom: () => Promise<void>,
): Promise<Checkpoint | undefined> {
  await requireRoom();
  const from = await openVersion(source, version);
  if (!from) return undefined;
  let copied: Checkpoint | undefined;
  try {
    const to = await open(target, 'w', mode);
    try {
      copied = await copyAll(from, to, requireRoom);
      if (versionOf(await from.handle.stat({ bigint: true })) !== version) copied = undefined;
    } finally {
      await to.close();
      if (!copied) await removeFile(target);
    }
    return copied;
  } finally {
    await from.handle.close();
  }
}

async function copyAll({ handle, size }: OpenVersion, to: FileHandle, requireRoom: () => Promise<void>): Promise<Checkpoint | undefined> {
  const buffer = Buffer.allocUnsafeSlow(chunkSize);
  let copied = fileStart;
  while (copied.size < size) {
    if (copied.size % askForRoomEvery === 0) await requireRoom();
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, size - copied.size), copied.size);
    if (bytesRead === 0) return undefined;
    const bytes = buffer.subarray(0, bytesRead);
    await writeAll(to, [bytes], copied.size);
    copied = { size: copied.size + bytesRead, crc32: crc32(bytes, copied.crc32) };
  }
  await to.sync();
  return copied;
}
