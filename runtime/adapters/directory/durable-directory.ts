import { mkdir, open, unlink } from 'node:fs/promises';
import path from 'node:path';
import { codeOf, orRefused } from './layout';

/** A name is durable only when its directory has been flushed; `rename(2)` and `link(2)` alone promise nothing after a power loss. */
export async function flushDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Some network file systems refuse to flush a directory; they have nothing better to offer.
    if (codeOf(error) !== 'EINVAL' && codeOf(error) !== 'ENOTSUP') throw error;
  } finally {
    await handle.close();
  }
}

/** Of a directory that a name has left: where it was the last one, the directory may be gone with it. */
export async function flushLeft(directory: string): Promise<void> {
  try {
    await flushDirectory(directory);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

/** Makes a directory and its parents and flushes every one that got a new name in it. */
export async function makeDirectories(directory: string, mode: number): Promise<void> {
  const first = await orRefused(() => mkdir(directory, { recursive: true, mode })).catch((error: unknown) => {
    // `mkdir` of a path where a file lies says EEXIST for the last segment and ENOTDIR for one before.
    throw codeOf(error) === 'EEXIST' ? Object.assign(error as Error, { code: 'ENOTDIR' }) : error;
  });
  if (first === undefined) return;
  for (let made = directory; ; made = path.dirname(made)) {
    await flushDirectory(path.dirname(made));
    if (made === first) return;
  }
}

export async function removeFile(file: string): Promise<void> {
  try {
    await unlink(file);
  } catch (error) {
    // Gone already is what was wanted.
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}
