import type { BigIntStats } from 'node:fs';
import { lstat, readdir, rename, rmdir } from 'node:fs/promises';
import path from 'node:path';
import type { ObjectKey } from '../../model/entry';
import { Failure } from '../../model/failure';
import { isListable } from '../../model/virtual-path';
import type { DirectoryOperations } from '../../ports/object-store';
import { flushDirectory, flushLeft, makeDirectories } from './durable-directory';
import { codeOf, folderOf, type Modes, orRefused, pathIfAny, pathOf, type Roots, storeFailure } from './layout';
import { inDirectoryOf, removeEmptyFrom } from './temporary-folders';

/** Folders of the object store: they are what operators and consumers see and move. */
export function folderOperations(roots: Roots, modes: Modes, folds: boolean): DirectoryOperations {
  return {
    folds,

    async make(key: ObjectKey) {
      try {
        await makeDirectories(await folderOf(roots, key), modes.directory);
      } catch (error) {
        throw storeFailure(error);
      }
    },

    async remove(key: ObjectKey) {
      const folder = await pathIfAny(roots, key);
      if (folder === undefined) return 'absent';
      try {
        await orRefused(() => rmdir(folder));
        await flushDirectory(path.dirname(folder));
        return 'removed';
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return 'absent';
        if (codeOf(error) === 'ENOTEMPTY' || codeOf(error) === 'EEXIST') return 'not-empty';
        throw storeFailure(error);
      }
    },

    async move(from: ObjectKey, to: ObjectKey) {
      const source = await pathIfAny(roots, from);
      try {
        if (to === from || to.startsWith(`${from}/`)) throw new Failure('not-allowed', 'A directory cannot be moved into itself.');
        if (source === undefined || (await stampOf(source)) === undefined) return 'source-absent';
        const target = await pathOf(roots, to);
        await removeEmptyFrom(roots, target);
        if (await statsOf(target)) return 'occupied';
        await inDirectoryOf(target, modes.directory, () => orRefused(() => rename(source, target)));
        await flushDirectory(path.dirname(target));
        await flushLeft(path.dirname(source));
        await removeEmptyFrom(roots, path.dirname(source));
        return 'moved';
      } catch (error) {
        if (codeOf(error) === 'ENOTEMPTY' || codeOf(error) === 'EEXIST' || codeOf(error) === 'ENOTDIR') return 'occupied';
        if (codeOf(error) === 'ENOENT') return 'source-absent';
        throw storeFailure(error);
      }
    },

    async names(key: ObjectKey) {
      const folder = await pathIfAny(roots, key);
      if (folder === undefined) return undefined;
      try {
        const stamp = await stampOf(folder);
        if (stamp === undefined) return undefined;
        const names = new Map<string, 'file' | 'directory'>();
        let unlistable = 0;
        for (const found of await readdir(folder, { withFileTypes: true, encoding: 'buffer' })) {
          const name = found.name.toString('utf8');
          const kind = found.isFile() ? 'file' : found.isDirectory() ? 'directory' : undefined;
          // A name that is no UTF-8 would not survive the round trip and could not be opened again.
          if (kind && isListable(name) && Buffer.from(name).equals(found.name)) names.set(name, kind);
          else unlistable++;
        }
        return { stamp, names, unlistable };
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return undefined;
        throw storeFailure(error);
      }
    },

    async kindOf(key: ObjectKey) {
      const place = await pathIfAny(roots, key);
      const stats = place === undefined ? undefined : await statsOf(place);
      return stats && (stats.isFile() ? 'file' : stats.isDirectory() ? 'directory' : 'other');
    },

    async stamp(key: ObjectKey) {
      const folder = await pathIfAny(roots, key);
      return folder === undefined ? undefined : stampOf(folder);
    },
  };
}

async function stampOf(folder: string): Promise<string | undefined> {
  const stats = await statsOf(folder);
  return stats?.isDirectory() ? `${stats.ino}:${stats.mtimeNs}` : undefined;
}

async function statsOf(place: string): Promise<BigIntStats | undefined> {
  try {
    return await lstat(place, { bigint: true });
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    throw storeFailure(error);
  }
}
