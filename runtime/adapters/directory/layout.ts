import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { lstat, realpath } from 'node:fs/promises';
import path from 'node:path';
import type { ObjectKey, Version } from '../../model/entry';
import { Failure } from '../../model/failure';
import type { Found } from '../../ports/object-store';

/**
 * Where things lie. `objects` holds finished files under their keys and nothing else, ever; `incoming` the part files, on the same file system, so that
 * publishing is one link or rename; `temporary` the finished files whose names say that they are not finished deliveries. No symbolic link is part of them.
 */
export interface Roots {
  readonly objects: string;
  readonly incoming: string;
  readonly temporary: string;
}

export interface Modes {
  readonly file: number;
  readonly directory: number;
}

const temporary = '.temporary/';

/** Throws ENOTDIR where something else than a directory lies on the way: a symbolic link that somebody put there must lead nobody out of a home. */
export async function pathOf(roots: Roots, storedKey: ObjectKey): Promise<string> {
  const { root, full } = nameOf(roots, storedKey);
  await requireDirectories(root, path.dirname(full));
  return full;
}

/** The same for what may be a directory itself. */
export async function folderOf(roots: Roots, key: ObjectKey): Promise<string> {
  const { root, full } = nameOf(roots, key);
  await requireDirectories(root, full);
  return full;
}

/** A regular file's state, or undefined. */
export async function lookAtKey(roots: Roots, storedKey: ObjectKey): Promise<BigIntStats | undefined> {
  const file = await pathIfAny(roots, storedKey);
  return file === undefined ? undefined : lookAtFile(file);
}

/** Undefined: nothing that partners can see can lie there. */
export async function pathIfAny(roots: Roots, storedKey: ObjectKey): Promise<string | undefined> {
  try {
    return await pathOf(roots, storedKey);
  } catch (error) {
    if (codeOf(error) === 'ENOTDIR') return undefined;
    throw codeOf(error) === undefined ? error : storeFailure(error);
  }
}

async function requireDirectories(root: string, folder: string): Promise<void> {
  // One call where all is well. Otherwise it is not there yet, or spelled differently on a file system that folds names, or a link, or it cannot be looked at: the
  // walk below finds out which, and throws what has to be told.
  if (!folder.startsWith(root + path.sep) || (await realpath(folder).catch(() => undefined)) === folder) return;
  let at = root;
  for (const name of folder.slice(root.length + 1).split(path.sep)) {
    at = path.join(at, name);
    const stats = await lstat(at).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    });
    if (!stats) return;
    if (!stats.isDirectory()) throw Object.assign(new Error(`no directory: ${at}`), { code: 'ENOTDIR' });
  }
}

function nameOf(roots: Roots, storedKey: ObjectKey): { root: string; full: string } {
  const inTemporary = storedKey.startsWith(temporary);
  const root = inTemporary ? roots.temporary : roots.objects;
  const full = path.join(root, inTemporary ? storedKey.slice(temporary.length) : storedKey);
  // Keys come from resolved paths; this is the last look before the file system.
  if (full !== root && !full.startsWith(root + path.sep)) throw new Error('a key leaves its root');
  return { root, full };
}

export function partPath(roots: Roots, uploadId: string): string {
  // Names that begin with a dot are this adapter's own.
  if (!/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(uploadId)) throw new Error('not the name of a part file');
  return path.join(roots.incoming, uploadId);
}

/** Where a file waits while it is decided whether it is the version to remove. One place per key: a crash in between finds it again. */
export function asidePath(roots: Roots, storedKey: ObjectKey): string {
  return path.join(roots.incoming, `aside-${createHash('sha256').update(storedKey).digest('hex').slice(0, 40)}`);
}

/** An inode alone is reused at once; with size and time in nanoseconds it names one state of one file. */
export function versionOf(stats: BigIntStats): Version {
  return `${stats.ino}:${stats.size}:${stats.mtimeNs}`;
}

export function foundOf(stats: BigIntStats): Found {
  return { version: versionOf(stats), size: Number(stats.size), modified: Number(stats.mtimeMs) };
}

/** A regular file's state, or undefined. Links and everything else that is no plain file do not exist for partners. */
export async function lookAtFile(file: string): Promise<BigIntStats | undefined> {
  try {
    const stats = await lstat(file, { bigint: true });
    return stats.isFile() ? stats : undefined;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    throw storeFailure(error);
  }
}

export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

/** No rights, a file system that may only be read, one that is mounted in the middle of the folder. */
const refusals = new Set(['EACCES', 'EPERM', 'EROFS', 'EXDEV']);

/** One step that changes the folder: refused, it has had no effect, and asking again has none either until somebody has seen to the rights. */
export async function orRefused<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (!refusals.has(codeOf(error) ?? '')) throw error;
    throw new Failure('store-refused', 'Storage refuses this to the server: whoever runs it has to see to that.', {
      cause: error,
    });
  }
}

/** System errors as failures: what the partner may read on top, the cause below. */
export function storeFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const code = codeOf(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') return new Failure('disk-full', 'No space left on the storage.', { cause: error });
  if (code === 'ENAMETOOLONG') return new Failure('name-not-allowed', 'Name not allowed: too long for the storage.', { cause: error });
  if (code === 'EISDIR') return new Failure('is-a-directory', 'Is a directory.', { cause: error });
  if (code === 'ENOTDIR')
    return new Failure('not-a-directory', 'Not a directory: a file or a link lies where a directory is needed.', { cause: error });
  return new Failure('store-unavailable', 'Storage is not available; try again later.', { cause: error });
}
