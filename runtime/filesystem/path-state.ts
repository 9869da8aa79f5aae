import type { Claim, HeldClaim } from '../model/change';
import { ancestorsOf, type Entry, type ObjectKey, placeOf } from '../model/entry';
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

export async function lookAtPath(fs: Filesystem, key: ObjectKey): Promise<PathState> {
  const place = placeOf(key);
  const [[entry, claim], uploads] = await Promise.all([
    fs.metadata.get<'entry' | 'claim'>([entryKey(place), claimKey(place)]),
    fs.metadata.page('upload', place.parent, { prefix: `${place.name}\u0000`, limit: 100 }),
  ]);
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
  const keys = ancestorsOf(key).filter((ancestor) => ancestor.length > home.length);
  if (keys.length === 0) return;
  const rows = await fs.metadata.get(keys.map((ancestor) => entryKey(placeOf(ancestor))));
  for (const row of rows) {
    if (!row) throw new Failure('not-found', 'No such file or directory: the parent directory does not exist.');
    const entry = row.value;
    if (entry.kind === 'file') throw new Failure('not-a-directory', 'Not a directory: the parent is a file.');
    if (entry.mark?.purpose === 'removing')
      throw new Failure('not-found', 'No such file or directory: the parent directory is being removed.');
    if (entry.mark?.purpose === 'moving') throw new Failure('busy', 'A directory above is being renamed; try again.');
  }
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
