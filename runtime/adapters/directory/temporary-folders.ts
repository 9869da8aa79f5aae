import { rmdir } from 'node:fs/promises';
import path from 'node:path';
import { makeDirectories } from './durable-directory';
import { codeOf, type Roots } from './layout';

/**
 * Directories below `temporary` are made for the files in them and belong to nobody: they go with the last one. Else a client that uploads into a directory
 * of each day would leave one for each day, and an empty one would stand in the way of a directory that gets its name.
 */
export async function removeEmptyFrom(roots: Roots, folder: string): Promise<void> {
  for (let at = folder; at.startsWith(roots.temporary + path.sep); at = path.dirname(at)) {
    try {
      await rmdir(at);
    } catch (error) {
      // Something is in it, or somebody else has just removed it and goes on above.
      if (codeOf(error) === 'ENOTEMPTY' || codeOf(error) === 'EEXIST' || codeOf(error) === 'ENOENT') return;
      throw error;
    }
  }
}

/** Each of them would have to lose against another removal above. */
const mostAttempts = 10;

/** Makes the directory of the target and works in it: again when it was empty just long enough for somebody to remove it. `work` may be repeated. */
export async function inDirectoryOf<T>(target: string, mode: number, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      await makeDirectories(path.dirname(target), mode);
      return await work();
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' || attempt === mostAttempts) throw error;
    }
  }
}
