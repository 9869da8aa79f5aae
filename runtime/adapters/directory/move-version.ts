import { rename, unlink } from 'node:fs/promises';
import path from 'node:path';
import { Failure } from '../../model/failure';
import type { Move, Moved } from '../../ports/object-store';
import { flushDirectory, flushLeft } from './durable-directory';
import {
  asidePath,
  codeOf,
  foundOf,
  lookAtFile,
  type Modes,
  orRefused,
  pathIfAny,
  pathOf,
  type Roots,
  storeFailure,
  versionOf,
} from './layout';
import { linkOnto, mayNotLink } from './publish';
import { decideAside, removeVersion } from './remove-version';
import { inDirectoryOf, removeEmptyFrom } from './temporary-folders';

/** Moves one version in one step: over a file that the claim saw by `rename(2)`, onto a free name by a link, which overwrites nobody. */
export async function moveVersion(
  options: { readonly roots: Roots; readonly modes: Modes; readonly hardLinks: boolean },
  { from, version, to, over }: Move,
): Promise<Moved> {
  const { roots, modes, hardLinks } = options;
  const place = await pathIfAny(roots, from);
  if (place === undefined) return 'source-absent';
  const source = place;
  const target = await pathOf(roots, to);
  await decideAside(hardLinks, asidePath(roots, from), source, version);
  const seen = await lookAtFile(source);
  if (!seen) return 'source-absent';
  if (versionOf(seen) !== version) return { sourceOther: foundOf(seen) };
  const refused = await inDirectoryOf(target, modes.directory, () => (over === undefined && hardLinks ? linkThenRemove() : renameOnto()));
  if (refused) return refused;
  await flushDirectory(path.dirname(target));
  await flushLeft(path.dirname(source));
  await removeEmptyFrom(roots, path.dirname(source));
  return { version };

  async function linkThenRemove(): Promise<Moved | undefined> {
    try {
      const occupied = await linkOnto(source, target);
      if (occupied) return { occupied };
    } catch (error) {
      // Or the directory of the target is.
      if (codeOf(error) === 'ENOENT' && !(await lookAtFile(source))) return 'source-absent';
      if (mayNotLink(error)) return renameOnto();
      throw error;
    }
    const linked = await lookAtFile(target);
    if (linked && versionOf(linked) !== version) {
      // The source was replaced between the look and the link: what was linked is not what was to be moved.
      await unlink(target);
      return { sourceOther: foundOf(linked) };
    }
    await removeSource();
    return undefined;
  }

  /** Linked already: a refusal now must not be taken for one that has changed nothing. */
  async function removeSource(): Promise<void> {
    try {
      await removeVersion(options, from, version);
    } catch (error) {
      throw storeFailure(error instanceof Failure && error.kind === 'store-refused' ? error.cause : error);
    }
  }

  async function renameOnto(): Promise<Moved | undefined> {
    const there = await lookAtFile(target);
    if (there && over === undefined) return { occupied: foundOf(there) };
    // An earlier attempt has linked it already; `rename(2)` of two links to one file does nothing and reports success.
    if (there?.ino === seen?.ino) await removeSource();
    else await orRefused(() => rename(source, target));
    return undefined;
  }
}
