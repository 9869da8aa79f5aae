import { type Entry, type FileEntry, placeOf, type Version } from '../model/entry';
import { Failure } from '../model/failure';
import type { Settled, UploadRecord } from '../model/upload-record';
import type { Completed, Found, ObjectWriter } from '../ports/object-store';
import { endedFor, type Filesystem } from './filesystem';
import { lastBegun, nextTime } from './logical-time';
import { isTemporaryKey } from './object-key';
import { endRecord } from './park';
import { ownsClaim, releaseClaim, takeClaim, waitForClaim } from './path-claim';
import { readPath, requireAncestors } from './path-state';
import { endedKey, entryKey, outboxKey, uploadKey } from './rows';
import { type Transaction, transact } from './transaction';

/**
 * From settled bytes to a listed file: claim, complete, one transaction. Intent before effect, effect before entry, entry before reply: whoever finds
 * the record after a crash knows from its state how far this went and carries it on (`rollForward`).
 */

export interface CommitRequest {
  readonly record: UploadRecord;
  readonly settled: Settled;
  readonly writer: ObjectWriter;
  readonly mayOverwrite: boolean;
  /** Throws the `Failure` that forbids the commit. */
  readonly verdict: () => void;
  readonly signal: AbortSignal;
  /** The claim is taken: from here on it only goes forward. */
  readonly onClaimed: () => void;
}

export async function commitUpload(fs: Filesystem, request: CommitRequest): Promise<FileEntry> {
  const { record, settled, mayOverwrite } = request;
  const deadline = fs.clock.monotonic() + fs.limits.claimWait;
  const claimed = await waitForClaim(
    fs,
    deadline,
    () => claimPath(fs, record, settled, mayOverwrite),
    () => {
      request.signal.throwIfAborted();
      request.verdict();
    },
    request.signal,
  );
  request.onClaimed();
  try {
    await requireAncestors(fs, record.key, record.home);
  } catch (error) {
    // The directory went, or moves, between the look before the transfer and the claim: no effect has begun.
    const moving = error instanceof Failure && error.kind === 'busy';
    await giveUpClaim(fs, claimed, moving ? 'receiving' : 'dropped');
    throw error;
  }
  return carryForward(fs, claimed, (over) => request.writer.complete(over));
}

/** One transaction: the path is free, the record is mine, the right to replace is there, nothing newer has come. */
async function claimPath(fs: Filesystem, record: UploadRecord, settled: Settled, mayOverwrite: boolean): Promise<UploadRecord> {
  return transact(fs, async (tx) => {
    const open = uploadKey(placeOf(record.key), record.token);
    const current = await tx.get(open);
    if (current?.state === 'committing' && current.owner === fs.task) return current;
    if (await tx.get(endedKey(record.token))) throw takenOver();
    if (current && (current.state !== 'receiving' || current.owner !== fs.task)) throw takenOver();
    const { entry, claim, uploads } = await readPath(tx, record.key);
    await takeClaim(tx, record.key, { token: record.token, owner: fs.task, purpose: 'commit' });
    checkTarget(record, entry, mayOverwrite);
    if (lastBegun(entry, claim) > record.begun) {
      throw new Failure('overtaken', 'A later upload of this file has been stored; this one was dropped.');
    }
    for (const other of uploads) {
      const older = other.token !== record.token && other.user === record.user && other.begun < record.begun;
      if (older && (other.state === 'parked' || (other.state === 'receiving' && other.owner === 'none'))) {
        await endRecord(tx, fs, other, 'superseded', true);
      }
    }
    const next: UploadRecord = {
      ...(current ?? record),
      progress: record.progress,
      state: 'committing',
      owner: fs.task,
      settled,
      over: entry?.kind === 'file' ? entry.version : undefined,
      mayOverwrite,
      sequence: nextTime(fs.clock.now(), entry, claim, uploads),
    };
    tx.put(open, next);
    return next;
  });
}

function checkTarget(record: UploadRecord, entry: Entry | undefined, mayOverwrite: boolean): void {
  if (entry?.kind === 'directory') throw new Failure('is-a-directory', 'Is a directory.');
  if (record.base) {
    if (entry?.kind !== 'file' || entry.version !== record.base.version) {
      throw new Failure('base-changed', 'The file that was to be continued has been changed meanwhile; nothing was stored. Send it whole.');
    }
  }
  if (entry && !mayOverwrite) {
    throw new Failure('may-not-overwrite', 'File exists and this account may not overwrite.');
  }
}

/** Carries a claimed record whose handler is gone to its end. Any owner may come back meanwhile: each transaction asks who owns it. */
export async function rollForward(fs: Filesystem, record: UploadRecord): Promise<FileEntry> {
  const settled = record.settled;
  if (!settled) throw new Error('a committing record without settled bytes');
  const upload = { token: record.token, storedKey: record.storedKey, partner: record.user };
  return carryForward(fs, record, async (over) => {
    const completed = await fs.objects.completeSettled(upload, record.progress, settled, over);
    return completed === 'gone' ? confirmPublished(fs, record, settled) : completed;
  });
}

type Published = Completed | 'taken';

/** Nothing is left to complete, so it was published before. Not there any more: a consumer took it, which is success too. */
async function confirmPublished(fs: Filesystem, record: UploadRecord, settled: Settled): Promise<Published> {
  const found = await fs.objects.confirm(record.storedKey, record.token, settled);
  return found !== 'absent' && 'ours' in found ? { version: found.ours.version } : 'taken';
}

async function carryForward(
  fs: Filesystem,
  record: UploadRecord,
  complete: (over: Version | undefined) => Promise<Published>,
): Promise<FileEntry> {
  const deadline = fs.clock.monotonic() + fs.limits.giveUpAfter;
  let claimed = record;
  let attempt = complete;
  for (let pause = 100; ; pause = Math.min(pause * 2, 5_000)) {
    try {
      const outcome = await attempt(claimed.over);
      if (outcome === 'taken') return await finishTaken(fs, claimed);
      if ('version' in outcome) return await finishCommit(fs, claimed, outcome.version);
      claimed = await adoptOccupant(fs, claimed, outcome.occupied);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      // No room for a name: nothing was published, so the upload is parked like any other that met a full disk.
      if (error.kind === 'disk-full') await giveUpClaim(fs, claimed, 'receiving');
      if (error.kind !== 'store-unavailable') throw error;
      fs.log.warn('store.error', { path: claimed.key, text: 'the commit is repeated until the store answers', cause: error });
      if (fs.clock.monotonic() >= deadline) {
        await leaveToSweeper(fs, claimed);
        throw new Failure('unconfirmed', 'Storage did not confirm. The file may still appear; sending it again is safe.', { cause: error });
      }
      // What the lost attempt did is unknown: from now on only what can be proven counts.
      attempt = async (over) => {
        const settled = claimed.settled as Settled;
        const upload = { token: claimed.token, storedKey: claimed.storedKey, partner: claimed.user };
        const completed = await fs.objects.completeSettled(upload, claimed.progress, settled, over);
        return completed === 'gone' ? confirmPublished(fs, claimed, settled) : completed;
      };
      await fs.clock.sleep(pause);
    }
  }
}

/** Something that the claim did not see lies at the path: it becomes the entry, the right to replace is asked again, and the next attempt replaces it. */
async function adoptOccupant(fs: Filesystem, record: UploadRecord, found: Found): Promise<UploadRecord> {
  const refused = new Failure('may-not-overwrite', 'File exists and this account may not overwrite.');
  const next = await transact(fs, async (tx) => {
    const open = uploadKey(placeOf(record.key), record.token);
    const current = await tx.get(open);
    if (current?.state !== 'committing' || current.owner !== fs.task || !(await ownsClaim(tx, record.key, record.token, fs.task)))
      throw takenOver();
    const entry = await tx.get(entryKey(placeOf(record.key)));
    const adopted = adoptedEntry(fs, record.storedKey, found, Math.max(current.sequence ?? 0, (entry?.sequence ?? 0) + 1), fs.ids.token());
    tx.put(entryKey(placeOf(record.key)), adopted);
    const { base } = current;
    if (!current.mayOverwrite || base) {
      await endRecord(tx, fs, current, 'dropped', true);
      await releaseClaim(tx, fs, record.key);
      return undefined;
    }
    const moved: UploadRecord = { ...current, over: found.version, sequence: adopted.sequence + 1 };
    tx.put(open, moved);
    return moved;
  });
  fs.log.info('file.adopted', {
    path: record.key,
    bytes: found.size,
    text: 'placed outside while an upload of the same path was being stored',
  });
  if (!next) throw refused;
  return next;
}

/** An entry for something that others put into the store: no user, no event, its checksum is computed when first asked for. */
export function adoptedEntry(fs: Filesystem, storedKey: string, found: Found, sequence: number, token: string): FileEntry {
  return {
    kind: 'file',
    storedKey,
    version: found.version,
    size: found.size,
    crc32: found.crc32,
    token,
    begun: sequence,
    committed: fs.clock.now(),
    modified: found.modified,
    sequence,
  };
}

/** The last transaction: entry, event, record, claim. Its own earlier attempt, whose answer was lost, is recognised by the ended record. */
async function finishCommit(fs: Filesystem, record: UploadRecord, version: Version): Promise<FileEntry> {
  const place = placeOf(record.key);
  return transact(fs, async (tx) => {
    const entry = await tx.get(entryKey(place));
    const ended = await tx.get(endedKey(record.token));
    if (ended?.state === 'committed') return entryOf(fs, ended, version);
    const current = await requireMine(tx, fs, record);
    const next = entryOf(fs, current, version);
    tx.put(entryKey(place), entry?.kind === 'file' && entry.token === next.token ? entry : next);
    await announce(tx, fs, current, next);
    await endRecord(tx, fs, current, 'committed', false);
    await releaseClaim(tx, fs, record.key);
    return next;
  });
}

/** Published and already taken by a consumer: it arrived and was removed, and the partner's file was delivered. */
async function finishTaken(fs: Filesystem, record: UploadRecord): Promise<FileEntry> {
  const place = placeOf(record.key);
  const found = await fs.objects.look(record.storedKey);
  return transact(fs, async (tx) => {
    const before = await tx.get(entryKey(place));
    const ended = await tx.get(endedKey(record.token));
    const next = entryOf(fs, ended ?? record, 'taken');
    if (ended?.state === 'committed') return next;
    const current = await requireMine(tx, fs, record);
    await announce(tx, fs, current, next);
    const removedAt = next.sequence + 1;
    if (!isTemporaryKey(current.storedKey)) {
      const removed = outboxKey(current.key, removedAt);
      await tx.get(removed);
      tx.put(removed, { type: 'removed', id: `${current.token}-taken`, key: current.key, sequence: removedAt, time: fs.clock.now() });
    }
    if (found) tx.put(entryKey(place), adoptedEntry(fs, record.storedKey, found, removedAt + 1, fs.ids.token()));
    else if (before) tx.remove(entryKey(place));
    await endRecord(tx, fs, current, 'committed', false);
    await releaseClaim(tx, fs, record.key, { sequence: removedAt, begun: next.begun });
    return next;
  });
}

async function requireMine(tx: Transaction, fs: Filesystem, record: UploadRecord): Promise<UploadRecord> {
  const current = await tx.get(uploadKey(placeOf(record.key), record.token));
  if (current?.state !== 'committing' || current.owner !== fs.task || !(await ownsClaim(tx, record.key, record.token, fs.task))) {
    throw takenOver();
  }
  return current;
}

async function announce(tx: Transaction, fs: Filesystem, record: UploadRecord, entry: FileEntry): Promise<void> {
  if (isTemporaryKey(entry.storedKey)) return;
  const row = outboxKey(record.key, entry.sequence);
  await tx.get(row);
  tx.put(row, {
    type: 'arrived',
    id: record.token,
    key: record.key,
    sequence: entry.sequence,
    user: record.user,
    time: fs.clock.now(),
    size: entry.size,
    crc32: entry.crc32,
    version: entry.version,
  });
}

function entryOf(fs: Filesystem, record: UploadRecord, version: Version): FileEntry {
  const now = fs.clock.now();
  return {
    kind: 'file',
    storedKey: record.storedKey,
    version,
    size: record.settled?.size ?? 0,
    crc32: record.settled?.crc32,
    token: record.token,
    begun: record.begun,
    committed: now,
    modified: now,
    user: record.user,
    sequence: record.sequence ?? record.begun,
  };
}

/** Before any effect: the claim goes, the record goes back to where it can be parked, or ends. */
async function giveUpClaim(fs: Filesystem, record: UploadRecord, to: 'receiving' | 'dropped'): Promise<void> {
  await transact(fs, async (tx) => {
    const current = await tx.get(uploadKey(placeOf(record.key), record.token));
    if (current?.state !== 'committing' || current.owner !== fs.task) return;
    if (to === 'dropped') await endRecord(tx, fs, current, 'dropped', true);
    else tx.put(uploadKey(placeOf(record.key), record.token), { ...current, state: 'receiving', settled: undefined });
    await releaseClaim(tx, fs, record.key);
  });
}

/** The handler stops waiting; the sweeper goes on from the record. */
async function leaveToSweeper(fs: Filesystem, record: UploadRecord): Promise<void> {
  await transact(fs, async (tx) => {
    const open = uploadKey(placeOf(record.key), record.token);
    const current = await tx.get(open);
    if (current?.state === 'committing' && current.owner === fs.task) {
      tx.put(open, { ...current, owner: 'none', expires: fs.clock.now() + endedFor });
    }
  });
}

function takenOver(): Failure {
  return new Failure('taken-over', 'This upload was taken over; what it received is kept there.');
}
