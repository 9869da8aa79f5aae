import type { RenameDirectoryJournal } from '../model/change';
import { type FileEntry, keyOf, type ObjectKey, type Version } from '../model/entry';
import { Failure } from '../model/failure';
import type { Found } from '../ports/object-store';
import { adoptedEntry, showFound } from './adopt';
import type { Filesystem } from './filesystem';
import { nextTime } from './logical-time';
import { isTemporaryKey, temporaryPrefix } from './object-key';
import { releaseClaim } from './path-claim';
import { claimKey, entryKey, journalKey, outboxKey } from './rows';
import { type Transaction, transact } from './transaction';

/** How the rows of a renamed directory follow, behind its journal: batch by batch, each with its event, and never but by the journal's owner. */

/** Rows per transaction: each moved file writes its old and new entry, its history and its event, and checks the target's claim. */
const writesPerRow = 6;

export async function moveRows(fs: Filesystem, journal: RenameDirectoryJournal, directory: ObjectKey): Promise<void> {
  const batch = Math.max(1, Math.floor((fs.metadata.maxWrites - 10) / writesPerRow));
  for (;;) {
    const rows = await fs.metadata.page('entry', directory, { limit: batch });
    if (rows.length === 0) return;
    await transact(fs, async (tx) => {
      await requireMine(tx, fs, journal);
      for (const row of rows) await moveRow(tx, fs, journal, directory, row.key.sort, undefined);
    });
  }
}

/** What the store has done with one file; undefined where it has moved the whole directory. */
type FileMoved = { readonly version: Version; readonly sourceNow?: Found } | undefined;

/** The row of one file or directory goes to the new name, with its event; `file` says where its bytes are. */
export async function moveRow(
  tx: Transaction,
  fs: Filesystem,
  journal: RenameDirectoryJournal,
  directory: ObjectKey,
  name: string,
  file: FileMoved,
): Promise<void> {
  const before = { parent: directory, name };
  const after = { parent: journal.to + directory.slice(journal.from.length), name };
  const entry = await tx.get(entryKey(before));
  if (!entry) return;
  const target = await tx.get(entryKey(after));
  const claim = await tx.get(claimKey(after));
  const sequence = nextTime(fs.clock.now(), target, claim, []);
  tx.remove(entryKey(before));
  if (claim?.state === 'free') tx.remove(claimKey(after));
  if (entry.kind === 'directory') {
    // A mark below is of a removal that died together with the begin of this rename: nobody would find it under the new name.
    tx.put(entryKey(after), { ...entry, mark: undefined, sequence });
  } else {
    const moved = { ...movedFile(entry, journal, keyOf(after), sequence), ...(file && { version: file.version }) };
    tx.put(entryKey(after), moved);
    if (file?.sourceNow) tx.put(entryKey(before), adoptedEntry(fs, entry.storedKey, file.sourceNow, entry.sequence + 2));
    await announceMoved(tx, fs, journal, entry, keyOf(before), moved, keyOf(after));
    // A consumer had it before its old name was gone.
    if (moved.version === 'taken') await showFound(tx, fs, keyOf(after), moved.storedKey, undefined, sequence + 1);
  }
  await releaseClaim(tx, fs, keyOf(before), { sequence: entry.sequence + 1, begun: entry.kind === 'file' ? entry.begun : 0 });
}

/** Where a file of the directory goes. Its token tells a repeated move its own copy. */
export function movedFile(entry: FileEntry, journal: RenameDirectoryJournal, key: ObjectKey, sequence: number): FileEntry {
  const storedKey = isTemporaryKey(entry.storedKey) ? temporaryPrefix + key : key;
  return { ...entry, storedKey, token: movedToken(entry, journal), begun: sequence, sequence };
}

/** What tells the files apart is the end of their tokens: of files that were moved before, all begin with the token of that rename. */
function movedToken(entry: FileEntry, journal: RenameDirectoryJournal): string {
  return `${journal.token}-${entry.token.slice(-26)}`;
}

async function announceMoved(
  tx: Transaction,
  fs: Filesystem,
  journal: RenameDirectoryJournal,
  before: FileEntry,
  from: ObjectKey,
  { token, sequence, size, crc32, version }: FileEntry,
  to: ObjectKey,
): Promise<void> {
  if (isTemporaryKey(before.storedKey)) return;
  const row = outboxKey(to, sequence);
  await tx.get(row);
  tx.put(row, {
    type: 'moved',
    id: token,
    key: to,
    sequence,
    user: journal.user,
    time: fs.clock.now(),
    from,
    fromSequence: before.sequence + 1,
    size,
    crc32,
    version,
  });
}

/** Only who still owns the journal goes on. */
export async function requireMine(tx: Transaction, fs: Filesystem, journal: RenameDirectoryJournal): Promise<RenameDirectoryJournal> {
  const current = await tx.get(journalKey(journal.token));
  if (current?.kind !== 'rename-directory' || current.owner !== fs.task) throw movedElsewhere();
  return current;
}

export function movedElsewhere(): Failure {
  return new Failure('taken-over', 'The rename is carried on elsewhere.');
}
