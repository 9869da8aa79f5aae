import type { RenameDirectoryJournal } from '../model/change';
import { type DirectoryEntry, keyOf, type ObjectKey, placeOf } from '../model/entry';
import { Failure } from '../model/failure';
import type { User } from '../model/user';
import { isWithin, type VirtualPath } from '../model/virtual-path';
import type { Filesystem } from './filesystem';
import { joinRename } from './join-rename';
import { nextTime } from './logical-time';
import { moveObjects } from './move-objects';
import { movedElsewhere, moveRows, requireMine } from './move-rows';
import { objectKey, requireSayable, temporaryPrefix } from './object-key';
import { dropUpload } from './park';
import type { RenameSource } from './partner-view';
import { ownsClaim, releaseClaim, takeClaim, waitForClaim } from './path-claim';
import { isHeld, readPath, requireAncestors, requireUnmarked } from './path-state';
import { sourceGone } from './rename-file';
import { allRows, entryKey, journalKey } from './rows';
import { transact } from './transaction';
import { isFinal, unconfirmed } from './until-answered';

/**
 * A directory is moved by the store in one step; the index follows in batches behind the journal. While both rows carry the mark, reads work under
 * whichever name a file has, and every change below is refused, because every writer reads all his ancestors.
 */
export async function renameDirectory(fs: Filesystem, user: User, source: RenameSource, target: VirtualPath): Promise<void> {
  if (isWithin(target, source.path)) throw new Failure('name-not-allowed', 'A directory cannot be moved into itself.');
  const from = objectKey(user, source.path);
  const to = objectKey(user, target);
  if (await joinRename(fs, user.name, from, to)) return;
  const token = fs.ids.token();
  await fs.active.during(token, async () => {
    const deadline = fs.clock.monotonic() + fs.limits.claimWait;
    let journal = await waitForClaim(fs, deadline, () => beginMove(fs, user, from, to, token));
    try {
      await requireAncestors(fs, to, user.home);
      journal = await requireQuiet(fs, journal);
    } catch (error) {
      await abandonMove(fs, journal);
      throw error;
    }
    try {
      await carryDirectoryMove(fs, journal, false);
    } catch (error) {
      // The sweeper carries it on, so its client must not be told that it has failed.
      throw error instanceof Failure && error.kind === 'store-unavailable' ? unconfirmed(error) : error;
    }
  });
}

async function beginMove(fs: Filesystem, user: User, from: ObjectKey, to: ObjectKey, token: string): Promise<RenameDirectoryJournal> {
  return transact(fs, async (tx) => {
    const row = journalKey(token);
    const mine = await tx.get(row);
    if (mine?.kind === 'rename-directory') return mine;
    const { entry } = await readPath(tx, from);
    const there = await readPath(tx, to);
    await requireUnmarked(tx, from);
    await takeClaim(tx, fs, from, { token, owner: fs.task, purpose: 'rename' });
    await takeClaim(tx, fs, to, { token, owner: fs.task, purpose: 'rename' });
    if (entry?.kind !== 'directory') throw sourceGone();
    if (there.entry) throw new Failure('exists', 'The target already exists.');
    const mark = { purpose: 'moving', owner: fs.task, token } as const;
    const sequence = nextTime(fs.clock.now(), undefined, there.claim, there.uploads);
    tx.put(entryKey(placeOf(from)), { ...entry, mark });
    tx.put(entryKey(placeOf(to)), { ...entry, mark, sequence, implicit: false });
    const journal: RenameDirectoryJournal = { kind: 'rename-directory', token, owner: fs.task, from, to, user: user.name, moved: false };
    tx.put(row, journal);
    return journal;
  });
}

/** Every name below must still be sayable behind the new one, and nothing below may be on its way; a cut upload below cannot follow the move and is dropped. */
async function requireQuiet(fs: Filesystem, journal: RenameDirectoryJournal): Promise<RenameDirectoryJournal> {
  const { from, to } = journal;
  const busy = () => new Failure('busy', 'Something below this directory is being uploaded or changed; try again when it is done.');
  if (fs.active.below(from)) throw busy();
  const directories: ObjectKey[] = [];
  for await (const below of directoriesBelow(fs, from, (key) => requireSayable(to + key.slice(from.length)))) directories.push(below);
  for (const below of directories) {
    for await (const { value } of allRows(fs, 'claim', below)) if (isHeld(value)) throw busy();
    for await (const { value } of allRows(fs, 'upload', below)) {
      if (value.state !== 'parked') throw busy();
      await dropUpload(fs, value);
      fs.log.info('upload.dropped', {
        partner: value.user,
        path: value.key,
        bytes: value.progress.durable,
        text: 'its directory is being renamed',
      });
    }
  }
  // Before the first effect, so that nobody who carries it on goes back on it.
  return transact(fs, async (tx) => {
    const looked = { ...(await requireMine(tx, fs, journal)), looked: true };
    tx.put(journalKey(journal.token), looked);
    return looked;
  });
}

/** The directory itself and all below it, parents first; `see` is told of every entry. */
async function* directoriesBelow(
  fs: Filesystem,
  directory: ObjectKey,
  see: (key: ObjectKey) => void = () => undefined,
): AsyncGenerator<ObjectKey> {
  const waiting = [directory];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    yield next;
    for await (const { key, value } of allRows(fs, 'entry', next)) {
      const entry = keyOf({ parent: next, name: key.sort });
      see(entry);
      if (value.kind === 'directory') waiting.push(entry);
    }
  }
}

async function abandonMove(fs: Filesystem, journal: RenameDirectoryJournal): Promise<void> {
  const { from, to, token } = journal;
  await transact(fs, async (tx) => {
    const current = await tx.get(journalKey(token));
    if (current?.owner !== fs.task) return;
    const source = await readPath(tx, from);
    const target = await readPath(tx, to);
    if (source.entry?.kind === 'directory') tx.put(entryKey(placeOf(from)), { ...source.entry, mark: undefined });
    if (target.entry?.kind === 'directory' && target.entry.mark?.token === token) tx.remove(entryKey(placeOf(to)));
    await releaseClaim(tx, fs, from);
    await releaseClaim(tx, fs, to);
    tx.remove(journalKey(token));
  });
}

async function hasBegun(fs: Filesystem, { to, looked, moved }: RenameDirectoryJournal): Promise<boolean> {
  if (looked || moved) return true;
  const { directories } = fs.objects;
  if (directories) return (await directories.stamp(to)) !== undefined;
  return (await fs.metadata.page('entry', to, { limit: 1 })).length > 0;
}

/** From the journal to the end; also what the sweeper does. */
export async function carryDirectoryMove(fs: Filesystem, begun: RenameDirectoryJournal, recovering: boolean): Promise<void> {
  const { from, to, token } = begun;
  const { directories } = fs.objects;
  if (recovering && !(await hasBegun(fs, begun))) {
    // Its task died before it had looked below, or just after: whoever came meanwhile goes first.
    try {
      await requireQuiet(fs, begun);
    } catch (error) {
      if (!(error instanceof Failure) || !isFinal(error)) throw error;
      return abandonMove(fs, begun);
    }
  }
  if (directories && !begun.moved) {
    const outcome = await directories.move(from, to).catch(async (error: unknown) => {
      if (error instanceof Failure && error.kind === 'store-refused') await abandonMove(fs, begun);
      throw error;
    });
    if (outcome === 'occupied') {
      await abandonMove(fs, begun);
      fs.folders.noteDifferences([to]);
      throw new Failure('exists', 'The target already exists.');
    }
    // Temporary files lie elsewhere and move along one by one with their rows; an absent source was moved by an earlier run, or taken.
    await directories.move(temporaryPrefix + from, temporaryPrefix + to).catch((cause: unknown) => {
      // The directory itself has moved: from here it only goes forward.
      throw new Failure('store-unavailable', 'Storage is not available; try again later.', { cause });
    });
    await transact(fs, async (tx) => {
      const current = await tx.get(journalKey(token));
      if (current?.kind !== 'rename-directory' || current.owner !== fs.task) throw movedElsewhere();
      tx.put(journalKey(token), { ...current, moved: true });
    });
  }
  // Deepest first, so that a directory row goes only when nothing is below it.
  const directoriesToMove: ObjectKey[] = [];
  for await (const directory of directoriesBelow(fs, from)) directoriesToMove.push(directory);
  for (const directory of directoriesToMove.reverse()) {
    await (directories ? moveRows(fs, begun, directory) : moveObjects(fs, begun, directory, recovering));
  }
  await finishMove(fs, begun);
}

async function finishMove(fs: Filesystem, journal: RenameDirectoryJournal): Promise<void> {
  const { from, to, token } = journal;
  await transact(fs, async (tx) => {
    if (!(await tx.get(journalKey(token)))) return;
    if (!(await ownsClaim(tx, from, token, fs.task)) || !(await ownsClaim(tx, to, token, fs.task))) throw movedElsewhere();
    const source = await readPath(tx, from);
    const target = await readPath(tx, to);
    tx.remove(entryKey(placeOf(from)));
    const moved = target.entry as DirectoryEntry;
    tx.put(entryKey(placeOf(to)), { ...moved, mark: undefined });
    await releaseClaim(tx, fs, from, { sequence: nextTime(fs.clock.now(), source.entry, source.claim, []), begun: 0 });
    await releaseClaim(tx, fs, to);
    tx.remove(journalKey(token));
  });
}
