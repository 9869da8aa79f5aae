import { link, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Version } from '../../model/entry';
import { Failure } from '../../model/failure';
import type { Settled } from '../../model/upload-record';
import type { Completed, Found } from '../../ports/object-store';
import { flushDirectory, removeFile } from './durable-directory';
import { codeOf, foundOf, lookAtFile, type Modes, orRefused, versionOf } from './layout';
import { inDirectoryOf } from './temporary-folders';

/** The part file becomes the object: the only place where new content appears below `objects`. Repeating it after a crash in between ends the same way. */
export async function publish(
  options: { readonly modes: Modes; readonly hardLinks: boolean },
  file: string,
  target: string,
  settled: Settled,
  over: Version | undefined,
): Promise<Completed> {
  await requirePart(file, settled);
  const other = await inDirectoryOf(target, options.modes.directory, () =>
    over === undefined ? placeOnto(options.hardLinks, file, target) : renameOver(file, target, over),
  ).catch(async (error: unknown) => {
    if (codeOf(error) === 'ENOENT') await requirePart(file, settled);
    throw error;
  });
  if (other) return other === 'vanished' ? other : { occupied: other };
  await flushDirectory(path.dirname(target));
  await flushDirectory(path.dirname(file));
  return { version: settled.proof };
}

/**
 * Somebody has cleared the folder of what is being received, or changed it there. Said here, before any effect: asked again, a part file that is gone means that it
 * was published and taken, and the client would get a receipt for a file that is nowhere.
 */
async function requirePart(file: string, { proof }: Settled): Promise<void> {
  const part = await lookAtFile(file);
  if (part && versionOf(part) === proof) return;
  throw new Failure('not-stored', 'What was received of this file is gone from the storage; send it again.');
}

/** Onto a free name: a file dropped there a moment ago is not overwritten. An own link from an attempt that crashed in between is gone on from. */
async function placeOnto(hardLinks: boolean, file: string, target: string): Promise<Found | undefined> {
  if (!hardLinks) {
    const there = await lookAtFile(target);
    if (there) return foundOf(there);
    await orRefused(() => rename(file, target));
    return undefined;
  }
  const there = await linkOnto(file, target);
  if (there) return there;
  await removeFile(file);
  return undefined;
}

/** Links `source` to the free name `target`; gives what lies there when it is another file. */
export async function linkOnto(source: string, target: string): Promise<Found | undefined> {
  try {
    await orRefused(() => link(source, target));
    return undefined;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    const there = await lookAtFile(target);
    if (!there) throw new Failure('exists', 'Something that is not a plain file lies at this path.', { cause: error });
    const mine = await stat(source, { bigint: true });
    return there.ino === mine.ino ? undefined : foundOf(there);
  }
}

/**
 * Linux lets nobody link a file of another user that he may not write (`protected_hardlinks`), and what operators drop in is theirs. It is renamed after a look
 * instead, as where there are no links.
 */
export function mayNotLink(error: unknown): boolean {
  return codeOf(error) === 'EPERM' || codeOf((error as Error).cause) === 'EPERM';
}

/** Over the version that the claim saw. A look is not atomic with the `rename(2)`, but an append may have run for hours since its base was taken or replaced. */
async function renameOver(file: string, target: string, over: Version): Promise<Found | 'vanished' | undefined> {
  const there = await lookAtFile(target);
  const mine = await stat(file, { bigint: true });
  // `rename(2)` of two links to one file does nothing and reports success.
  if (there?.ino === mine.ino) await removeFile(file);
  else if (!there) return 'vanished';
  else if (versionOf(there) !== over) return foundOf(there);
  else await orRefused(() => rename(file, target));
  return undefined;
}
