import { mkdir, open } from 'node:fs/promises';
import path from 'node:path';
import { codeOf } from './layout';

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

/** Makes a directory and its parents and flushes every one that got a new name in it. */
export async function makeDirectories(directory: string, mode: number): Promise<void> {
  const first = await mkdir(directory, { recursive: true, mode });
  if (first === undefined) return;
  for (let made = directory; ; made = path.dirname(made)) {
    await flushDirectory(path.dirname(made));
    if (made === first) return;
  }
}
