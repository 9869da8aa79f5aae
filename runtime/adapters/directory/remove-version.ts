import { link, rename } from 'node:fs/promises';
import path from 'node:path';
import type { ObjectKey, Version } from '../../model/entry';
import type { Found } from '../../ports/object-store';
import { flushDirectory, flushLeft, removeFile } from './durable-directory';
import { asidePath, codeOf, foundOf, lookAtFile, orRefused, pathIfAny, type Roots, versionOf } from './layout';
import { mayNotLink } from './publish';
import { removeEmptyFrom } from './temporary-folders';

/**
 * Removes one version. Set aside first: between a look and an `unlink(2)` somebody could put another file there, and it would be the one that goes. What
 * was set aside by an attempt that crashed is decided before anything else.
 */
export async function removeVersion(
  options: { readonly roots: Roots; readonly hardLinks: boolean },
  key: ObjectKey,
  version: Version,
): Promise<'removed' | 'absent' | { other: Found }> {
  const { roots, hardLinks } = options;
  const target = await pathIfAny(roots, key);
  if (target === undefined) return 'absent';
  const aside = asidePath(roots, key);
  if ((await decideAside(hardLinks, aside, target, version)) === 'removed') {
    await flushDirectory(roots.incoming);
    await removeEmptyFrom(roots, path.dirname(target));
    return 'removed';
  }
  const seen = await lookAtFile(target);
  if (!seen) return 'absent';
  if (versionOf(seen) !== version) return { other: foundOf(seen) };
  try {
    await orRefused(() => rename(target, aside));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 'absent';
    throw error;
  }
  const outcome = (await decideAside(hardLinks, aside, target, version)) ?? 'absent';
  // A file that is back after a power loss would be adopted as one that somebody placed there.
  await flushLeft(path.dirname(target));
  await flushDirectory(roots.incoming);
  await removeEmptyFrom(roots, path.dirname(target));
  return outcome;
}

/** What waits aside goes when it is the version, and back to its place when it is another one. Undefined: nothing waits. */
export async function decideAside(
  hardLinks: boolean,
  aside: string,
  target: string,
  version: Version,
): Promise<'removed' | { other: Found } | undefined> {
  const taken = await lookAtFile(aside);
  if (!taken) return undefined;
  if (versionOf(taken) === version) {
    await removeFile(aside);
    return 'removed';
  }
  try {
    await putBack(hardLinks, aside, target);
    await removeFile(aside);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    const there = await lookAtFile(target);
    // Linked back by an attempt that ended before it could remove the other name.
    if (there?.ino === taken.ino) await removeFile(aside);
    // A third file has come meanwhile. It stays, and so does the one set aside: nobody's bytes are thrown away.
    else await rename(aside, `${aside}-${taken.ino}.kept`);
  }
  return { other: foundOf(taken) };
}

async function putBack(hardLinks: boolean, aside: string, target: string): Promise<void> {
  try {
    if (hardLinks) return await link(aside, target);
  } catch (error) {
    if (!mayNotLink(error)) throw error;
  }
  if (await lookAtFile(target)) throw Object.assign(new Error('a file lies there'), { code: 'EEXIST' });
  await rename(aside, target);
}
