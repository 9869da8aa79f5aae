import type { Claim } from '../model/change';
import { type FileEntry, type ObjectKey, placeOf } from '../model/entry';
import type { Found } from '../ports/object-store';
import { type Filesystem, historyFor } from './filesystem';
import { isTemporaryKey } from './object-key';
import { releaseClaim } from './path-claim';
import { isHeld } from './path-state';
import { claimKey, entryKey, outboxKey } from './rows';
import type { Transaction } from './transaction';

/** An entry made equal to what lies in the store: how the index takes over what others put there or took away. */

/** A change that somebody asked for: its token, and who. */
export interface Change {
  readonly id: string;
  readonly user?: string;
}

/** An entry for something that others put into the store: no user, no event, its checksum is computed when first asked for. */
export function adoptedEntry(fs: Filesystem, storedKey: ObjectKey, found: Found, sequence: number): FileEntry {
  return {
    kind: 'file',
    storedKey,
    version: found.version,
    size: found.size,
    crc32: found.crc32,
    token: fs.ids.token(),
    begun: sequence,
    committed: fs.clock.now(),
    modified: found.modified,
    sequence,
  };
}

/** The entry says what was found: that version, or nothing, which the path's event tells. The claim stays as it is. */
export async function showFound(
  tx: Transaction,
  fs: Filesystem,
  key: ObjectKey,
  storedKey: ObjectKey,
  found: Found | undefined,
  sequence: number,
  by?: Change,
): Promise<void> {
  const row = entryKey(placeOf(key));
  const entry = await tx.get(row);
  if (found) {
    tx.put(row, adoptedEntry(fs, storedKey, found, sequence));
    fs.log.info('file.adopted', { path: key, bytes: found.size, text: 'placed outside' });
  } else if (entry?.kind === 'file') {
    tx.remove(row);
    await keepHistory(tx, fs, key, { sequence, begun: entry.begun });
    await announceRemoved(tx, fs, key, entry.storedKey, sequence, by);
    if (!by) fs.log.info('file.vanished', { path: key, bytes: entry.size });
  }
}

/** Without an entry the claim row has the path's history, held or not: whoever gives the claim back may not know that there was an entry. */
async function keepHistory(tx: Transaction, fs: Filesystem, key: ObjectKey, last: { sequence: number; begun: number }): Promise<void> {
  const row = claimKey(placeOf(key));
  const claim = await tx.get(row);
  const history = { sequence: Math.max(claim?.sequence ?? 0, last.sequence), begun: Math.max(claim?.begun ?? 0, last.begun) };
  tx.put(row, isHeld(claim) ? { ...claim, ...history } : { state: 'free', ...history, expires: fs.clock.now() + historyFor });
}

/** The object is gone: the entry goes, the event says so, the history stays. */
export async function vanish(
  tx: Transaction,
  fs: Filesystem,
  key: ObjectKey,
  entry: FileEntry,
  sequence: number,
  quiet = false,
  by?: Change,
): Promise<void> {
  await showFound(tx, fs, key, entry.storedKey, undefined, sequence, by);
  await releaseClaim(tx, fs, key, { sequence, begun: entry.begun }, quiet);
}

/** Temporary names concern nobody downstream. */
export async function announceRemoved(
  tx: Transaction,
  fs: Filesystem,
  key: ObjectKey,
  storedKey: ObjectKey,
  sequence: number,
  { id, user }: Change = { id: fs.ids.token() },
): Promise<void> {
  if (isTemporaryKey(storedKey)) return;
  const row = outboxKey(key, sequence);
  await tx.get(row);
  tx.put(row, { type: 'removed', id, key, sequence, user, time: fs.clock.now() });
}

/** The history that a claim row keeps: what comes after must be later. */
export function historyOf(entry: FileEntry | undefined, claim: Claim | undefined): { sequence: number; begun: number } {
  return {
    sequence: Math.max(entry?.sequence ?? 0, claim?.sequence ?? 0),
    begun: Math.max(entry?.begun ?? 0, claim?.begun ?? 0),
  };
}
