import type { RenameDirectoryJournal } from '../model/change';
import { type FileEntry, keyOf, type ObjectKey, placeOf } from '../model/entry';
import { Failure } from '../model/failure';
import type { Row } from '../ports/metadata-store';
import { showFound, vanish } from './adopt';
import type { Filesystem } from './filesystem';
import { nextTime } from './logical-time';
import { movedFile, moveRow, requireMine } from './move-rows';
import { readPath } from './path-state';
import { relocate } from './relocate';
import { entryKey, journalKey } from './rows';
import { transact } from './transaction';
import { discardUnnamed } from './unnamed-uploads';

/**
 * Renaming a directory in a store that has none: each file is moved by itself, atomically, with its row; the directory as a whole is not. A crash leaves
 * some files under each name, the index says which, and the journal is carried on.
 */

/** Files under way at once. */
const atOnce = 8;
/** Passes over files whose target somebody outside keeps changing. */
const mostPasses = 10;

export async function moveObjects(
  fs: Filesystem,
  journal: RenameDirectoryJournal,
  directory: ObjectKey,
  recovering: boolean,
): Promise<void> {
  const ended = new Set<string>();
  let pages = 0;
  for (let idle = 0; idle < mostPasses; ) {
    const rows = await fs.metadata.page('entry', directory, { limit: atOnce });
    if (rows.length === 0) return;
    // All of them end before anything else happens: whoever carries on after a failure must not meet one that is still moving.
    const moves = await Promise.allSettled(rows.map((row) => moveOne(fs, journal, directory, row, recovering, ended)));
    const failed = moves.find((move) => move.status === 'rejected');
    if (failed) throw failed.reason;
    // No others were under way when an earlier task died.
    if (recovering && pages++ === 0) await discardUnnamedCopies(fs, journal, rows);
    idle = moves.some((move) => move.status === 'fulfilled' && move.value) ? 0 : idle + 1;
  }
  throw new Failure('busy', 'Something outside keeps changing the files of the new directory; the rename goes on later.');
}

async function discardUnnamedCopies(fs: Filesystem, journal: RenameDirectoryJournal, rows: readonly Row<'entry'>[]): Promise<void> {
  for (const { key, value } of rows) {
    if (value.kind !== 'file') continue;
    const to = journal.to + keyOf({ parent: key.partition, name: key.sort }).slice(journal.from.length);
    await discardUnnamed(fs, { token: journal.token, key: to, storedKey: movedFile(value, journal, to, 0).storedKey, begun: 0 });
  }
}

/** True when the row has left the old directory. `ended`: tokens of moves whose copies nobody has to end any more. */
async function moveOne(
  fs: Filesystem,
  journal: RenameDirectoryJournal,
  directory: ObjectKey,
  { key, value: entry }: Row<'entry'>,
  recovering: boolean,
  ended: Set<string>,
): Promise<boolean> {
  const from = keyOf({ parent: directory, name: key.sort });
  const to = journal.to + from.slice(journal.from.length);
  if (entry.kind === 'directory') {
    await transact(fs, async (tx) => {
      await requireMine(tx, fs, journal);
      await moveRow(tx, fs, journal, directory, key.sort, undefined);
    });
    return true;
  }
  const [target] = await fs.metadata.get([entryKey(placeOf(to))]);
  const moved = movedFile(entry, journal, to, 0);
  const relocation = {
    token: moved.token,
    user: journal.user,
    fromStored: entry.storedKey,
    toStored: moved.storedKey,
    version: entry.version,
    size: entry.size,
    over: target?.value.kind === 'file' ? target.value.version : undefined,
    copies: journal.copies?.filter((copy) => copy.token === moved.token).map((copy) => copy.uploadId),
  };
  const { outcome, sourceNow } = await relocate(fs, relocation, recovering, (uploadId) =>
    noteCopy(fs, journal, { token: moved.token, uploadId }, ended),
  );
  if (typeof outcome === 'object' && 'refused' in outcome) throw outcome.refused;
  const there = outcome === 'source-gone' ? await fs.objects.look(moved.storedKey) : undefined;
  const version =
    outcome === 'taken' ? 'taken' : typeof outcome === 'object' && 'version' in outcome ? outcome.version : ours(there, moved);
  const hasLeft = await transact(fs, async (tx) => {
    const current = await requireMine(tx, fs, journal);
    if (version !== undefined) {
      await moveRow(tx, fs, current, directory, key.sort, { version, sourceNow });
      return true;
    }
    if (outcome === 'source-gone') {
      const source = await readPath(tx, from);
      if (source.entry?.kind === 'file') await vanish(tx, fs, from, source.entry, nextTime(fs.clock.now(), source.entry, source.claim, []));
      return true;
    }
    const state = await readPath(tx, to);
    const found =
      typeof outcome === 'object' ? ('occupied' in outcome ? outcome.occupied : (outcome as { overtaken: never }).overtaken) : undefined;
    await showFound(tx, fs, to, moved.storedKey, found, nextTime(fs.clock.now(), state.entry, state.claim, []));
    return false;
  });
  if (hasLeft) ended.add(moved.token);
  return hasLeft;
}

function ours(there: { readonly token?: string; readonly version: string } | undefined, moved: FileEntry): string | undefined {
  return there?.token === moved.token ? there.version : undefined;
}

/** The journal keeps what is under way, not what has ended: with the copies of all files of a large directory it would outgrow what an index takes. */
async function noteCopy(
  fs: Filesystem,
  journal: RenameDirectoryJournal,
  copy: { readonly token: string; readonly uploadId: string },
  ended: ReadonlySet<string>,
): Promise<void> {
  await transact(fs, async (tx) => {
    const current = await requireMine(tx, fs, journal);
    const underWay = (current.copies ?? []).filter(({ token }) => !ended.has(token));
    tx.put(journalKey(journal.token), { ...current, copies: [...underWay, copy] });
  });
}
