import type { HeldClaim, Journal } from '../model/change';
import { keyOf, placeOf } from '../model/entry';
import { Failure } from '../model/failure';
import { noProgress, type UploadRecord } from '../model/upload-record';
import { rollForward } from './commit';
import { carryDelete } from './delete-file';
import type { Filesystem } from './filesystem';
import { dropUpload, parkAbandoned, removeLeftovers, takeOwnership } from './park';
import { isHeld } from './path-state';
import { unmark } from './remove-directory';
import { carryDirectoryMove } from './rename-directory';
import { carryRename } from './rename-file';
import { claimKey, endedKey, journalKey, scanRows, uploadKey } from './rows';
import { transact } from './transaction';
import { discardUnnamed } from './unnamed-uploads';
import { isFinal } from './until-answered';

/**
 * Carries on what nobody works on any more: uploads being received are parked, commits and journals go forward, claims without either are freed, expired
 * things go. Each step first takes ownership with a conditional write, so two sweepers at once, or one that is late, do no harm; twice is the same as
 * once.
 */
export interface Sweep {
  /** Whether this owner's work may be taken over. `none` always may. */
  readonly isDead: (owner: string) => boolean;
  /** Somebody has unfinished work. */
  readonly onOwner?: (owner: string) => void;
}

export async function sweep(fs: Filesystem, { isDead, onOwner }: Sweep): Promise<number> {
  let repairs = 0;
  fs.active.mayHaveLeft = false;
  // A record of our own that no handler works on was left by one that failed: it could not even hand it over.
  const isLeft = (owner: string, token: string) => {
    onOwner?.(owner);
    if (owner !== fs.task) return owner === 'none' || isDead(owner);
    const left = !fs.active.worksOn(token);
    // Until a sweep finds nothing more: what is repaired now may fail again.
    if (left) fs.active.mayHaveLeft = true;
    return left;
  };
  const repair = async (what: string, path: string, work: () => Promise<boolean>) => {
    try {
      if (await work()) {
        repairs++;
        fs.log.info('sweep.repaired', { path, text: what });
      }
    } catch (error) {
      // The next sweep tries again; one bad record must not keep the others waiting.
      fs.log.warn('store.error', { path, text: `${what}: not done yet`, cause: error });
    }
  };

  for await (const { value } of scanRows(fs, 'journal')) {
    if (isLeft(value.owner, value.token)) await repair(`a ${value.kind} was carried on`, journalPath(value), () => carryJournal(fs, value));
  }
  for await (const { value } of scanRows(fs, 'upload')) {
    if (value.state === 'parked') {
      if ((value.expires ?? 0) <= fs.clock.now()) await repair('a parked upload expired', value.key, () => dropUpload(fs, value));
    } else if (isLeft(value.owner, value.token)) {
      const what = value.state === 'committing' ? 'a commit was carried on' : 'an upload was parked';
      await repair(what, value.key, () => carryUpload(fs, value));
    }
  }
  for await (const { key, value } of scanRows(fs, 'claim')) {
    const place = { parent: key.partition, name: key.sort };
    if (value.state === 'free') {
      if (value.expires <= fs.clock.now())
        await repair('the history of a path expired', keyOf(place), () => forgetHistory(fs, keyOf(place)));
    } else if (isLeft(value.owner, value.token) && (value.quietUntil ?? 0) <= fs.clock.now()) {
      await repair('a claim without record was freed', keyOf(place), () => freeOrphanedClaim(fs, keyOf(place), value));
    }
  }
  for await (const { value } of scanRows(fs, 'ended')) {
    if (value.leftovers)
      await repair('leftovers of an upload were removed', value.key, () => removeLeftovers(fs, value.token).then(() => true));
    else if ((value.expires ?? 0) <= fs.clock.now()) await forgetEnded(fs, value.token);
  }
  if (repairs > 0) fs.metrics.count('sweeper.repairs', repairs);
  return repairs;
}

function journalPath(journal: Journal): string {
  return journal.kind === 'delete' ? journal.key : journal.from;
}

async function carryUpload(fs: Filesystem, seen: UploadRecord): Promise<boolean> {
  if (seen.state !== 'committing') return parkAbandoned(fs, seen);
  return fs.active.during(seen.token, async () => {
    const mine = await takeOwnership(fs, seen);
    return mine !== undefined && rollForward(fs, mine);
  });
}

async function carryJournal(fs: Filesystem, seen: Journal): Promise<boolean> {
  return fs.active.during(seen.token, async () => {
    const mine = await transact(fs, async (tx) => {
      const current = await tx.get(journalKey(seen.token));
      if (!current || (current.owner !== seen.owner && current.owner !== fs.task)) return undefined;
      const next: Journal = { ...current, owner: fs.task };
      tx.put(journalKey(seen.token), next);
      for (const key of next.kind === 'delete' ? [next.key] : [next.from, next.to]) {
        const claim = await tx.get(claimKey(placeOf(key)));
        if (isHeld(claim) && claim.token === next.token) tx.put(claimKey(placeOf(key)), { ...claim, owner: fs.task });
      }
      return next;
    });
    if (!mine) return false;
    if (mine.kind === 'delete') await carryDelete(fs, mine, true).catch(unlessRefused);
    else if (mine.kind === 'rename-file') {
      await carryRename(fs, mine, true).catch(unlessRefused);
      await discardUnnamed(fs, { token: mine.token, key: mine.to, storedKey: mine.toStored, begun: 0 });
    } else await carryDirectoryMove(fs, mine, true);
    return true;
  });
}

/** Refused for good, the journal is gone: there is nothing more to carry on, and nobody to tell. */
function unlessRefused(error: unknown): void {
  if (!(error instanceof Failure) || !isFinal(error)) throw error;
}

/** A claim whose record or journal is not there: mkdir, rmdir, adopt and repair have none, and their effects are looked at again by whoever comes next. */
async function freeOrphanedClaim(fs: Filesystem, key: string, seen: HeldClaim): Promise<boolean> {
  const mine = await transact(fs, async (tx) => {
    const claim = await tx.get(claimKey(placeOf(key)));
    if (!isHeld(claim) || claim.token !== seen.token || claim.owner !== seen.owner) return false;
    if ((await tx.get(journalKey(seen.token))) || (await tx.get(uploadKey(placeOf(key), seen.token)))) return false;
    tx.put(claimKey(placeOf(key)), { ...claim, owner: fs.task });
    return true;
  });
  if (!mine) return false;
  // Frees the claim too; the mark of a removal goes with it.
  await unmark(fs, key, seen.token);
  fs.folders.noteDifferences([key]);
  return true;
}

async function forgetHistory(fs: Filesystem, key: string): Promise<boolean> {
  return transact(fs, async (tx) => {
    const claim = await tx.get(claimKey(placeOf(key)));
    if (claim?.state !== 'free' || claim.expires > fs.clock.now()) return false;
    tx.remove(claimKey(placeOf(key)));
    return true;
  });
}

async function forgetEnded(fs: Filesystem, token: string): Promise<void> {
  await transact(fs, async (tx) => {
    const ended = await tx.get(endedKey(token));
    if (ended && !ended.leftovers && (ended.expires ?? 0) <= fs.clock.now()) tx.remove(endedKey(token));
  });
}

/**
 * Before the first client is let in: everything of an earlier process is carried on, then what no record names is removed. Only for a store that nobody
 * else writes to now.
 */
export async function recover(fs: Filesystem): Promise<void> {
  await sweep(fs, { isDead: (owner) => owner !== fs.task });
  const halfWritten: HalfWritten[] = [];
  for await (const each of fs.objects.halfWritten()) halfWritten.push(each);
  await removeUnnamed(fs, halfWritten);
}

/**
 * The same after one of several processes has died, while the others are at work: what they are receiving may have no record yet, so they are asked for it, after
 * the look at what there is. They do not answer: it is left to the next time. Only in folders, where a half-written file has its upload's token for a name; a
 * bucket has its own rule that ends what nobody names.
 */
export async function recoverFrom(
  fs: Filesystem,
  isDead: (owner: string) => boolean,
  receiving: () => Promise<ReadonlySet<string> | undefined>,
): Promise<void> {
  await sweep(fs, { isDead });
  if (!fs.objects.directories) return;
  const halfWritten: HalfWritten[] = [];
  for await (const each of fs.objects.halfWritten()) halfWritten.push(each);
  const others = halfWritten.length > 0 ? await receiving() : undefined;
  if (others)
    await removeUnnamed(
      fs,
      halfWritten.filter(({ uploadId }) => !others.has(uploadId)),
    );
}

interface HalfWritten {
  readonly uploadId: string;
  readonly storedKey?: string;
}

async function removeUnnamed(fs: Filesystem, halfWritten: readonly HalfWritten[]): Promise<void> {
  const named = new Set<string>();
  for await (const { value } of scanRows(fs, 'upload')) if (value.progress.uploadId) named.add(value.progress.uploadId).add(value.token);
  for await (const { value } of scanRows(fs, 'journal')) named.add(value.token);
  for (const { uploadId, storedKey } of halfWritten) {
    if (named.has(uploadId)) continue;
    await fs.objects.discard(uploadId, storedKey ?? '', { ...noProgress, uploadId });
    fs.log.info('upload.dropped', { path: storedKey, text: 'an upload that no record names was removed' });
  }
}
