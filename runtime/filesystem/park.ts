import { placeOf } from '../model/entry';
import { Failure } from '../model/failure';
import { noProgress, type Progress, type UploadRecord, type UploadState } from '../model/upload-record';
import { endedFor, type Filesystem } from './filesystem';
import { lastBegun } from './logical-time';
import { releaseClaim } from './path-claim';
import { isHeld, readPath, requireAncestors } from './path-state';
import { claimKey, endedKey, uploadKey } from './rows';
import { type Transaction, transact } from './transaction';
import { discardUnnamed } from './unnamed-uploads';

/** How an upload that is cut is kept, and how one that nobody will continue is dropped. */

/** Moves an open record to the ended ones. With leftovers, what it has written is still to be removed from the store. */
export async function endRecord(
  tx: Transaction,
  fs: Filesystem,
  record: UploadRecord,
  state: UploadState,
  leftovers: boolean,
): Promise<void> {
  const open = uploadKey(placeOf(record.key), record.token);
  await tx.get(open);
  await tx.get(endedKey(record.token));
  await releaseReservation(tx, fs, record);
  tx.remove(open);
  tx.put(endedKey(record.token), { ...record, state, owner: 'none', leftovers, expires: fs.clock.now() + endedFor });
}

/** An upload whose name the server chose holds the path's claim from the start; it goes with the record. */
async function releaseReservation(tx: Transaction, fs: Filesystem, record: UploadRecord): Promise<void> {
  const claim = await tx.get(claimKey(placeOf(record.key)));
  if (isHeld(claim) && claim.token === record.token) await releaseClaim(tx, fs, record.key);
}

/**
 * Parks the upload if it is still this task's to park. Gives the parked record, or undefined when nothing is worth keeping or somebody else has taken it
 * over. Dropped instead are: an upload without a durable byte on a path that has no version (there is nothing to continue and nothing to shadow); a
 * continuation of a complete file without a byte of its own (it would show that file's size to whoever sends it); one that began before the version
 * that is there now (it would be shown above an acknowledged one).
 */
export async function parkUpload(
  fs: Filesystem,
  record: UploadRecord,
  progress: Progress,
  receivedOwn: boolean,
): Promise<UploadRecord | undefined> {
  const parked = await transact(fs, async (tx) => {
    const open = uploadKey(placeOf(record.key), record.token);
    const current = await tx.get(open);
    const ended = await tx.get(endedKey(record.token));
    if (ended) return undefined;
    if (current?.state === 'parked') return current;
    if (current && (current.state !== 'receiving' || current.owner !== record.owner)) return undefined;
    const { entry, claim, uploads } = await readPath(tx, record.key);
    const others = uploads.filter((other) => other.token !== record.token && other.user === record.user && other.state === 'parked');
    const outdated = record.begun < lastBegun(entry, claim) || others.some((other) => other.begun > record.begun);
    const worthless = progress.durable === 0 && entry?.kind !== 'file';
    if (outdated || worthless || (record.base !== undefined && !receivedOwn)) {
      await endRecord(tx, fs, { ...record, progress }, 'dropped', true);
      return undefined;
    }
    // Of several cut uploads of one path only the latest can be continued.
    for (const other of others) await endRecord(tx, fs, other, 'dropped', true);
    await releaseReservation(tx, fs, record);
    const next: UploadRecord = {
      ...(current ?? record),
      state: 'parked',
      owner: 'none',
      progress,
      told: (record.told ?? current?.told) === progress.durable ? progress.durable : undefined,
      acknowledged: fs.clock.now(),
      expires: fs.clock.now() + fs.limits.parkedFor,
    };
    tx.put(open, next);
    return next;
  });
  if (!parked) {
    await removeLeftovers(fs, record.token);
    return undefined;
  }
  return parked;
}

/** Parks what an owner left that is gone: first the record is taken over, so that the owner, should it come back, is refused. */
export async function parkAbandoned(fs: Filesystem, seen: UploadRecord): Promise<boolean> {
  return fs.active.during(seen.token, async () => {
    const mine = await takeOwnership(fs, seen);
    if (!mine) return false;
    // While the record is still open: if this task dies too, another looks again.
    if (mine.progress.uploadId === undefined) await discardUnnamed(fs, mine);
    const progress = await fs.objects.salvage(mine.token, mine.storedKey, mine.progress);
    await parkUpload(fs, mine, progress, progress.durable > (mine.base?.size ?? 0));
    return true;
  });
}

/** Of the record, and of its claim with a commit under way. Undefined: it is not what was seen any more. */
export async function takeOwnership(fs: Filesystem, seen: UploadRecord): Promise<UploadRecord | undefined> {
  return transact(fs, async (tx) => {
    const row = uploadKey(placeOf(seen.key), seen.token);
    const current = await tx.get(row);
    if (current?.state !== seen.state || (current.owner !== seen.owner && current.owner !== fs.task)) return undefined;
    const quietUntil = current.quietUntil ?? fs.clock.now() + fs.objects.quietTime;
    const next: UploadRecord = { ...current, owner: fs.task, quietUntil: current.state === 'committing' ? quietUntil : undefined };
    tx.put(row, next);
    const claim = await tx.get(claimKey(placeOf(seen.key)));
    if (isHeld(claim) && claim.token === seen.token) tx.put(claimKey(placeOf(seen.key)), { ...claim, owner: fs.task });
    return next;
  });
}

/**
 * Parks, at exactly the size that was told of it, an upload that another task is still waiting on. That task is refused at its next write, and its late
 * parts have numbers below those of whoever continues. False: it has moved on.
 */
export async function parkSilent(fs: Filesystem, seen: UploadRecord): Promise<boolean> {
  return transact(fs, async (tx) => {
    const row = uploadKey(placeOf(seen.key), seen.token);
    const current = await tx.get(row);
    if (current?.state === 'parked') return current.progress.durable === seen.progress.durable;
    if (current?.state !== 'receiving' || current.owner !== seen.owner || current.progress.durable !== seen.progress.durable) return false;
    tx.put(row, { ...current, state: 'parked', owner: 'none', expires: fs.clock.now() + fs.limits.parkedFor });
    return true;
  });
}

/** Ends an open record that nobody will continue, then removes what it has written. Harmless when it has ended already. */
export async function dropUpload(fs: Filesystem, record: UploadRecord, state: UploadState = 'dropped'): Promise<boolean> {
  const dropped = await transact(fs, async (tx) => {
    const current = await tx.get(uploadKey(placeOf(record.key), record.token));
    const ended = await tx.get(endedKey(record.token));
    if (ended) return ended.state === state;
    if (current && (current.state !== record.state || current.owner !== record.owner)) return false;
    await endRecord(tx, fs, current ?? record, state, true);
    return true;
  });
  await removeLeftovers(fs, record.token);
  return dropped;
}

/**
 * Removes what an ended upload has written. The record says `leftovers` before the first removal and until the last one, so a crash in between is
 * finished by the sweeper.
 */
export async function removeLeftovers(fs: Filesystem, token: string): Promise<void> {
  const [row] = await fs.metadata.get([endedKey(token)]);
  const record = row?.value;
  if (!record?.leftovers) return;
  await fs.objects.discard(record.token, record.storedKey, record.progress);
  await transact(fs, async (tx) => {
    const current = await tx.get(endedKey(token));
    if (current?.leftovers) tx.put(endedKey(token), { ...current, leftovers: false, progress: noProgress });
  });
}

/** A parked upload of a directory that has gone meanwhile cannot be continued: drops it. */
export async function dropIfOrphaned(fs: Filesystem, record: UploadRecord): Promise<boolean> {
  try {
    await requireAncestors(fs, record.key, record.home);
    return false;
  } catch (error) {
    if (!(error instanceof Failure && error.kind === 'not-found')) return false;
    await dropUpload(fs, record);
    return true;
  }
}
