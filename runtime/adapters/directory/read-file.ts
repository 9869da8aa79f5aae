import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import type { Version } from '../../model/entry';
import { codeOf, storeFailure, versionOf } from './layout';
import type { Checkpoint } from './part-file-writer';

/** Reading files: one version to a partner, a part file for its checksum, a whole file into a new part file. */

const chunkSize = 1024 * 1024;

/** Undefined when the file is not that version now. What has been opened stays that version: a replaced file lives on until it is closed. */
export async function readVersion(
  file: string,
  version: Version,
  start: number,
  signal: AbortSignal,
): Promise<AsyncIterable<Buffer> | undefined> {
  const handle = await openVersion(file, version);
  return handle && chunks(handle, start, signal);
}

async function openVersion(file: string, version: Version): Promise<FileHandle | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(file, 'r');
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    throw storeFailure(error);
  }
  const stats = await handle.stat({ bigint: true });
  if (stats.isFile() && versionOf(stats) === version) return handle;
  await handle.close();
  return undefined;
}

async function* chunks(handle: FileHandle, start: number, signal: AbortSignal): AsyncGenerator<Buffer> {
  try {
    for (let position = start; ; ) {
      signal.throwIfAborted();
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafeSlow(chunkSize), 0, chunkSize, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      yield bytesRead === buffer.length ? buffer : buffer.subarray(0, bytesRead);
    }
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

/** Copies exactly one version and gives its checksum; undefined when the file is another one, before or after. */
export async function copyFile(source: string, version: Version, target: string, mode: number): Promise<number | undefined> {
  const from = await openVersion(source, version);
  if (!from) return undefined;
  const to = await open(target, 'w', mode);
  try {
    const buffer = Buffer.allocUnsafeSlow(chunkSize);
    let sum = 0;
    for (let position = 0; ; ) {
      const { bytesRead } = await from.read(buffer, 0, buffer.length, position);
      if (bytesRead === 0) break;
      const bytes = buffer.subarray(0, bytesRead);
      sum = crc32(bytes, sum);
      await to.write(bytes, 0, bytes.length, position);
      position += bytesRead;
    }
    await to.sync();
    return versionOf(await from.stat({ bigint: true })) === version ? sum : undefined;
  } finally {
    await from.close();
    await to.close();
  }
}
