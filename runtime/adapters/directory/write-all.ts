import type { FileHandle } from 'node:fs/promises';

/** Every byte, at an explicit offset. `pwritev(2)` may write less than asked for (a disk about to be full), and what comes next must not leave a hole. */
export async function writeAll(handle: FileHandle, pieces: readonly Buffer[], position: number): Promise<void> {
  let rest = pieces;
  let at = position;
  while (rest.length > 0) {
    const { bytesWritten } = await handle.writev(rest, at);
    at += bytesWritten;
    let skip = bytesWritten;
    while (rest.length > 0 && skip >= (rest[0] as Buffer).length) {
      skip -= (rest[0] as Buffer).length;
      rest = rest.slice(1);
    }
    if (skip > 0) rest = [(rest[0] as Buffer).subarray(skip), ...rest.slice(1)];
  }
}
