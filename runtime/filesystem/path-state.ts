import type { Claim, HeldClaim } from '../model/change';
import { ancestorsOf, type Entry, keyOf, type ObjectKey, placeOf } from '../model/entry';
import { Failure } from '../model/failure';
import type { UploadRecord } from '../model/upload-record';
import type { RowKey } from '../ports/metadata-store';
import type { Filesystem } from './filesystem';
import { claimKey, entryKey } from './rows';
import type { Transaction } from './transaction';

/** What the index says of one path: entry, claim, open uploads. Read strongly; inside a transaction each row is a condition of the commit. */
export interface PathState {
  readonly entry: Entry | undefined;
  readonly claim: Claim | undefined;
  readonly uploads: readonly UploadRecord[];
}

/** @param also Rows that the rule asks for as well: they come with the same request. */
export async function readPath(tx: Transaction, key: ObjectKey, ...also: readonly RowKey[]): Promise<PathState> {
  const place = placeOf(key);
  const [uploads] = await Promise.all([
    tx.page('upload', place.parent, `${place.name}\u0000`),
    tx.load([entryKey(place), claimKey(place), ...also]),
  ]);
  return { entry: await tx.get(entryKey(place)), claim: await tx.get(claimKey(place)), uploads };
}

/** @param home If given, the directories above are asked for together with the path, and required as by `requireAncestors`. */
export async function lookAtPath(fs: Filesystem, key: ObjectKey, home?: ObjectKey): Promise<PathState> {
  const place = placeOf(key);
  const above = home === undefined ? [] : rowsBelow(home, key);
  const [[entry, claim, ...ancestors], uploads] = await Promise.all([
    fs.metadata.get<'entry' | 'claim'>([entryKey(place), claimKey(place), ...above]),
    fs.metadata.page('upload', place.parent, { prefix: `${place.name}\u0000`, limit: 1_000 }),
  ]);
  for (const ancestor of ancestors) requireDirectory(ancestor?.value as Entry | undefined);
  return {
    entry: entry?.value as Entry | undefined,
    claim: claim?.value as Claim | undefined,
    uploads: uploads.map((row) => row.value),
  };
}

export async function readEntry(fs: Filesystem, key: ObjectKey): Promise<Entry | undefined> {
  const [row] = await fs.metadata.get([entryKey(placeOf(key))]);
  return row?.value;
}

export function isHeld(claim: Claim | undefined): claim is HeldClaim {
  return claim?.state === 'held';
}

/**
 * Every writer below a directory first writes its record or claim and then comes here, before any effect; a removal of the directory first marks it
 * and then looks for records and claims. So one of the two always sees the other. The home itself needs no row.
 */
export async function requireAncestors(fs: Filesystem, key: ObjectKey, home: ObjectKey): Promise<void> {
  const above = rowsBelow(home, key);
  if (above.length === 0) return;
  for (const ancestor of await fs.metadata.get(above)) requireDirectory(ancestor?.value);
}

/** Directories between home and path. */
function rowsBelow(home: ObjectKey, key: ObjectKey): RowKey<'entry'>[] {
  return rowsAbove(key).filter(({ partition, sort }) => keyOf({ parent: partition, name: sort }).length > home.length);
}

function requireDirectory(entry: Entry | undefined): void {
  if (!entry) throw new Failure('not-found', 'No such file or directory: the parent directory does not exist.');
  if (entry.kind === 'file') throw new Failure('not-a-directory', 'Not a directory: the parent is a file.');
  if (entry.mark?.purpose === 'removing')
    throw new Failure('not-found', 'No such file or directory: the parent directory is being removed.');
  if (entry.mark?.purpose === 'moving') throw new Failure('busy', 'A directory above is being renamed; try again.');
}

/** Directories above, home and its own parents included. */
export function rowsAbove(key: ObjectKey): RowKey<'entry'>[] {
  return ancestorsOf(key).map((ancestor) => entryKey(placeOf(ancestor)));
}

/** A directory above is being renamed or removed: its files are not where their entries say, and whoever carries that on puts it right. */
export async function isUnderMark(tx: Transaction, key: ObjectKey): Promise<boolean> {
  const rows = rowsAbove(key);
  await tx.load(rows);
  for (const row of rows) {
    const entry = await tx.get(row);
    if (entry?.kind === 'directory' && entry.mark) return true;
  }
  return false;
}

/** Whoever takes away what is there: in one transaction with his claim, so that a rename of a directory above either sees the claim or is seen. */
export async function requireUnmarked(tx: Transaction, key: ObjectKey): Promise<void> {
  if (await isUnderMark(tx, key)) throw new Failure('busy', 'A directory above is being renamed or removed; try again.');
}
