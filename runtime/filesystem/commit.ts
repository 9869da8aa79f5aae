import { type Entry, type FileEntry, placeOf, type Version } from '../model/entry';
import { Failure } from '../model/failure';
import type { Settled, UploadRecord } from '../model/upload-record';
import type { Completed, Found, ObjectWriter, Refused } from '../ports/object-store';
import { adoptedEntry, announceRemoved, historyOf, showFound } from './adopt';
import { endedFor, type Filesystem } from './filesystem';
import { lastBegun, nextTime } from './logical-time';
import { newUpload } from './new-upload';
import { isTemporaryKey } from './object-key';
import { endRecord } from './park';
import { ownsClaim, releaseClaim, takeClaim, waitForClaim } from './path-claim';
import { readPath, requireAncestors } from './path-state';
import { claimKey, endedKey, entryKey, outboxKey, uploadKey } from './rows';
import { type Transaction, transact } from './transaction';
import { isFinal, unconfirmed, untilAnswered } from './until-answered';

/**
 * From settled bytes to a listed file: claim, complete, one transaction. Intent before effect, effect before entry, entry before reply: whoever finds
 * the record after a crash knows from its state how far this went and carries it on (`rollForward`). One thing, though long: each end of a commit (stored, taken,
 * overtaken, refused, in doubt) must release what the others hold, which is seen only where they stand together.
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
  const { record, settled, mayOverwrite, signal } = request;
  const stillWanted = () => {
    signal.throwIfAborted();
    request.verdict();
  };
  // The whole file is here: it is worth waiting for an index that is away, as it is for a store.
  const claimed = await patiently(fs, record, () => {
    const deadline = fs.clock.monotonic() + fs.limits.claimWait;
    return waitForClaim(fs, deadline, () => claimPath(fs, record, settled, mayOverwrite), stillWanted, signal);
  });
  request.onClaimed();
  try {
    await patiently(fs, record, () => requireAncestors(fs, record.key, record.home));
  } catch (error) {
    // The directory went, or moves, between the look before the transfer and the claim: no effect has begun.
    const moving = error instanceof Failure && error.kind === 'busy';
    await giveUpClaim(fs, claimed, moving ? 'receiving' : 'dropped');
    throw error;
  }
  return carryForward(fs, claimed, false, (over) => request.writer.complete(over));
}

async function patiently<T>(fs: Filesystem, record: UploadRecord, step: () => Promise<T>, recovering = false): Promise<T> {
  return (await untilAnswered(fs, record.key, recovering ? 0 : fs.limits.giveUpAfter, step)).answer;
}

/** One transaction: the path is free, the record is mine, the right to replace is there, nothing newer has come. */
async function claimPath(fs: Filesystem, record: UploadRecord, settled: Settled, mayOverwrite: boolean): Promise<UploadRecord> {
  return transact(fs, async (tx) => {
    const open = uploadKey(placeOf(record.key), record.token);
    const { entry, claim, uploads } = await readPath(tx, record.key, open, endedKey(record.token));
    const current = await tx.get(open);
    if (current?.state === 'committing' && current.owner === fs.task) return current;
    if (await tx.get(endedKey(record.token))) throw takenOver();
    if (current && (current.state !== 'receiving' || current.owner !== fs.task)) throw takenOver();
    await takeClaim(tx, fs, record.key, { token: record.token, owner: fs.task, purpose: 'commit' });
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
      throw baseChanged();
    }
  }
  if (entry && !mayOverwrite) {
    throw new Failure('may-not-overwrite', 'File exists and this account may not overwrite.');
  }
}

/**
 * Carries a claimed record whose handler is gone to its end. Any owner may come back meanwhile: each transaction asks who owns it. False: its bytes went
 * out in one request that has not been seen to land; that is final when no request can land any more.
 */
export async function rollForward(fs: Filesystem, record: UploadRecord): Promise<boolean> {
  const { settled } = record;
  if (!settled) throw new Error('a committing record without settled bytes');
  try {
    await carryForward(fs, record, true, async (over) => {
      const completed = await fs.objects.completeSettled(newUpload(record), record.progress, settled, over);
      if (completed === 'lost') throw new BytesLost();
      return completed;
    });
    return true;
  } catch (error) {
    // Refused for good, or put back to be parked: either way it is no longer being committed.
    if (error instanceof Failure && isFinal(error)) return true;
    if (!(error instanceof BytesLost)) throw error;
    if ((record.quietUntil ?? 0) > fs.clock.now()) return false;
    await giveUpClaim(fs, record, 'dropped');
    fs.log.warn('upload.dropped', { partner: record.user, path: record.key, text: 'it was cut off before the store had it' });
    return true;
  }
}

class BytesLost extends Error {}

const retargetings = 3;

async function carryForward(
  fs: Filesystem,
  record: UploadRecord,
  recovering: boolean,
  complete: (over: Version | undefined) => Promise<Completed | Refused>,
): Promise<FileEntry> {
  const { settled } = record;
  let claimed = record;
  let doubt = recovering;
  for (let retargeted = 0; ; retargeted++) {
    const patience = recovering ? 0 : fs.limits.giveUpAfter;
    const answered = await untilAnswered(fs, claimed.key, patience, async (again) => {
      // What an attempt without an answer did is unknown: first what can be proven, and only then the bytes once more.
      if (!again || !settled) return complete(claimed.over);
      const completed = await fs.objects.completeSettled(newUpload(claimed), claimed.progress, settled, claimed.over);
      return completed === 'lost' ? complete(claimed.over) : completed;
    }).catch(async (error: unknown) => {
      if (!(error instanceof Failure)) throw error;
      if (error.kind === 'unconfirmed') await leaveToSweeper(fs, claimed);
      // No room for a name, no right to make it, or a name that the store refuses: nothing was published.
      else await giveUpClaim(fs, claimed, error.kind === 'disk-full' || error.kind === 'store-refused' ? 'receiving' : 'dropped');
      throw error;
    });
    doubt ||= answered.doubt;
    const outcome = answered.answer;
    if (typeof outcome === 'object' && 'refused' in outcome) return endRefused(fs, claimed, outcome.refused, doubt);
    const finish = finishOf(fs, claimed, outcome, doubt);
    if (finish) return patiently(fs, claimed, finish, recovering);
    if (retargeted >= retargetings) {
      await giveUpClaim(fs, claimed, 'receiving');
      throw new Failure('busy', 'The path is being changed from outside; try again.');
    }
    const occupied = typeof outcome === 'object' && 'occupied' in outcome ? outcome.occupied : undefined;
    claimed = await retarget(fs, claimed, occupied);
  }
}

/** The last transaction, where the store has given a final answer. */
function finishOf(fs: Filesystem, record: UploadRecord, outcome: Completed, doubt: boolean): (() => Promise<FileEntry>) | undefined {
  if (outcome === 'taken') return () => finishTaken(fs, record, doubt);
  if (outcome === 'vanished') return undefined;
  if ('version' in outcome) return () => finishCommit(fs, record, outcome.version, doubt);
  return 'overtaken' in outcome ? () => finishOvertaken(fs, record, outcome.overtaken, doubt) : undefined;
}

/** Nothing was stored, unless by an earlier request that had no answer: whether that landed, the sweeper finds out while the claim keeps others away. */
async function endRefused(fs: Filesystem, record: UploadRecord, refused: Failure, doubt: boolean): Promise<never> {
  if (!doubt) {
    await giveUpClaim(fs, record, 'dropped');
    throw refused;
  }
  await leaveToSweeper(fs, record);
  throw unconfirmed(refused);
}

/** The path does not hold what the claim saw: the entry says what is there, the right to replace is asked again, and the next attempt goes over that. */
async function retarget(fs: Filesystem, record: UploadRecord, found: Found | undefined): Promise<UploadRecord> {
  const next = await transact(fs, async (tx) => {
    const current = await requireMine(tx, fs, record);
    const entry = await tx.get(entryKey(placeOf(record.key)));
    const sequence = Math.max(current.sequence ?? 0, (entry?.sequence ?? 0) + 1);
    await showFound(tx, fs, record.key, record.storedKey, found, sequence);
    if (current.base || (found && !current.mayOverwrite)) {
      await endRecord(tx, fs, current, 'dropped', true);
      await releaseClaim(tx, fs, record.key);
      return undefined;
    }
    const moved: UploadRecord = { ...current, over: found?.version, sequence: sequence + 1 };
    tx.put(uploadKey(placeOf(record.key), record.token), moved);
    return moved;
  });
  if (next) return next;
  if (record.base) throw baseChanged();
  throw new Failure('may-not-overwrite', 'File exists and this account may not overwrite.');
}

/** What others stored or deleted since this upload began wins in the store, so it wins in the index. */
async function finishOvertaken(fs: Filesystem, record: UploadRecord, found: Found | undefined, doubt: boolean): Promise<never> {
  await transact(fs, async (tx) => {
    const ended = await tx.get(endedKey(record.token));
    if (ended?.state === 'overtaken') return;
    const current = await requireMine(tx, fs, record);
    const { entry, claim, uploads } = await readPath(tx, record.key);
    const unchanged = entry?.kind === 'file' && entry.version === found?.version;
    if (!unchanged) await showFound(tx, fs, record.key, record.storedKey, found, nextTime(fs.clock.now(), entry, claim, uploads));
    await endRecord(tx, fs, { ...current, inDoubt: doubt }, 'overtaken', true);
    await releaseClaim(tx, fs, record.key, historyOf(entry?.kind === 'file' ? entry : undefined, claim), doubt);
  });
  if (record.base) throw baseChanged();
  throw new Failure(
    'overtaken',
    'Something else was stored or deleted at this path meanwhile, and that stays; this upload was not stored.',
  );
}

/** The last transaction: entry, event, record, claim. Its own earlier attempt, whose answer was lost, is recognised by the ended record. */
async function finishCommit(fs: Filesystem, record: UploadRecord, version: Version, doubt: boolean): Promise<FileEntry> {
  const place = placeOf(record.key);
  const rows = [entryKey(place), endedKey(record.token), uploadKey(place, record.token), claimKey(place)];
  return transact(fs, async (tx) => {
    await tx.load([...rows, outboxKey(record.key, record.sequence ?? record.begun)]);
    const entry = await tx.get(entryKey(place));
    const ended = await tx.get(endedKey(record.token));
    if (ended?.state === 'committed') return entryOf(fs, ended, version);
    const current = await requireMine(tx, fs, record);
    const next = entryOf(fs, current, version);
    tx.put(entryKey(place), entry?.kind === 'file' && entry.token === next.token ? entry : next);
    await announce(tx, fs, current, next);
    await endRecord(tx, fs, { ...current, inDoubt: doubt }, 'committed', false);
    await releaseClaim(tx, fs, record.key, undefined, doubt);
    return next;
  });
}

/** Published and already taken by a consumer: it arrived and was removed, and the partner's file was delivered. */
async function finishTaken(fs: Filesystem, record: UploadRecord, doubt: boolean): Promise<FileEntry> {
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
    await announceRemoved(tx, fs, current.key, current.storedKey, removedAt, { id: `${current.token}-taken` });
    if (found) tx.put(entryKey(place), adoptedEntry(fs, record.storedKey, found, removedAt + 1));
    else if (before) tx.remove(entryKey(place));
    await endRecord(tx, fs, { ...current, inDoubt: doubt }, 'committed', false);
    await releaseClaim(tx, fs, record.key, { sequence: removedAt, begun: next.begun }, doubt);
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

/**
 * The handler stops waiting; the sweeper goes on from the record. When not even this can be written, the sweeper of this task finds a record of its own
 * that no handler works on.
 */
async function leaveToSweeper(fs: Filesystem, record: UploadRecord): Promise<void> {
  const left = transact(fs, async (tx) => {
    const open = uploadKey(placeOf(record.key), record.token);
    const current = await tx.get(open);
    if (current?.state === 'committing' && current.owner === fs.task) {
      tx.put(open, { ...current, owner: 'none', expires: fs.clock.now() + endedFor });
    }
  });
  await left.catch((cause: unknown) => fs.log.warn('store.error', { path: record.key, text: 'the sweeper will find it', cause }));
}

function baseChanged(): Failure {
  return new Failure('base-changed', 'The file that was to be continued has been changed meanwhile; nothing was stored. Send it whole.');
}

function takenOver(): Failure {
  return new Failure('taken-over', 'This upload was taken over; what it received is kept there.');
}
