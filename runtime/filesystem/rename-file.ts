import type { RenameJournal } from '../model/change';
import { type FileEntry, placeOf } from '../model/entry';
import { Failure } from '../model/failure';
import type { User } from '../model/user';
import type { VirtualPath } from '../model/virtual-path';
import type { Found } from '../ports/object-store';
import { may } from './access';
import { adoptedEntry, showFound, vanish } from './adopt';
import type { Filesystem } from './filesystem';
import { joinRename } from './join-rename';
import { nextTime } from './logical-time';
import { isTemporaryKey, objectKey } from './object-key';
import { endRecord, removeLeftovers } from './park';
import type { RenameSource } from './partner-view';
import { ownsClaim, releaseClaim, takeClaim, waitForClaim } from './path-claim';
import { readPath, requireAncestors, requireUnmarked, rowsAbove } from './path-state';
import { relocate } from './relocate';
import { entryKey, journalKey, outboxKey } from './rows';
import { isTemporary, storedKeyOf } from './temporary-names';
import { type Transaction, transact } from './transaction';

/**
 * A rename takes both claims and its journal in one transaction, moves exactly the version it saw, and ends in one transaction that changes both entries:
 * as partners see it the old name disappears and the new one appears at one instant. Once the object is moving it only goes forward.
 */
export async function renameFile(fs: Filesystem, user: User, source: RenameSource, target: VirtualPath): Promise<void> {
  const from = objectKey(user, source.path);
  const to = objectKey(user, target);
  if (await joinRename(fs, user.name, from, to)) return;
  const token = fs.ids.token();
  await fs.active.during(token, async () => {
    const deadline = fs.clock.monotonic() + fs.limits.claimWait;
    const journal = await waitForClaim(fs, deadline, () => beginRename(fs, user, source, target, token));
    if (!journal) return;
    try {
      await requireAncestors(fs, to, user.home);
    } catch (error) {
      await abandonRename(fs, journal);
      throw error;
    }
    await carryRename(fs, journal, false);
    fs.log.debug('command', { partner: user.name, path: from, text: `renamed to ${to}` });
  });
}

async function beginRename(
  fs: Filesystem,
  user: User,
  source: RenameSource,
  target: VirtualPath,
  token: string,
): Promise<RenameJournal | undefined> {
  const from = objectKey(user, source.path);
  const to = objectKey(user, target);
  const superseded: string[] = [];
  const journal = await transact(fs, async (tx) => {
    superseded.length = 0;
    const row = journalKey(token);
    const [{ entry }, there] = await Promise.all([readPath(tx, from, row, ...rowsAbove(from)), readPath(tx, to)]);
    const mine = await tx.get(row);
    if (mine?.kind === 'rename-file') return mine;
    await requireUnmarked(tx, from);
    await takeClaim(tx, fs, from, { token, owner: fs.task, purpose: 'rename' });
    await takeClaim(tx, fs, to, { token, owner: fs.task, purpose: 'rename' });
    if (entry?.kind !== 'file' || entry.token !== source.identity) throw sourceGone();
    if (there.entry?.kind === 'directory') throw new Failure('exists', 'The target already exists and is a directory.');
    if (there.entry && !may(user, target, 'overwrite')) {
      throw new Failure('may-not-overwrite', 'File exists and this account may not overwrite.');
    }
    for (const parked of there.uploads.filter((upload) => upload.user === user.name && upload.state === 'parked')) {
      await endRecord(tx, fs, parked, 'superseded', true);
      superseded.push(parked.token);
    }
    const toStored = there.entry?.storedKey ?? storedKeyOf(user, target);
    const next: RenameJournal = {
      kind: 'rename-file',
      token,
      owner: fs.task,
      from,
      to,
      fromStored: entry.storedKey,
      // A lasting name that replaces nothing goes where its path says; so does a temporary one.
      toStored: isTemporary(user, target) ? storedKeyOf(user, target) : toStored,
      version: entry.version,
      size: entry.size,
      over: there.entry?.version,
      mayOverwrite: may(user, target, 'overwrite'),
      user: user.name,
    };
    tx.put(row, next);
    return next;
  });
  for (const parked of superseded) await removeLeftovers(fs, parked);
  return journal;
}

/** Before any effect: both claims and the journal go. */
async function abandonRename(fs: Filesystem, journal: RenameJournal, doubt = false): Promise<void> {
  await transact(fs, async (tx) => {
    const current = await tx.get(journalKey(journal.token));
    if (!current || current.owner !== fs.task) return;
    tx.remove(journalKey(journal.token));
    await releaseClaim(tx, fs, journal.from, undefined, doubt);
    await releaseClaim(tx, fs, journal.to, undefined, doubt);
  });
}

const retargetings = 3;

/** From the journal to the end; also what the sweeper does for a task that died in between, whose own requests may still land. */
export async function carryRename(fs: Filesystem, begun: RenameJournal, recovering: boolean): Promise<void> {
  let journal = begun;
  let doubt = recovering;
  for (let retargeted = 0; ; retargeted++) {
    const moved = await relocate(fs, journal, recovering, async (uploadId) => {
      journal = await changeJournal(fs, journal, (current) => ({ ...current, copies: [...(current.copies ?? []), uploadId] }));
    });
    doubt ||= moved.doubt;
    const { outcome } = moved;
    if (outcome === 'source-gone') {
      const there = doubt || retargeted > 0 ? await fs.objects.look(journal.toStored) : undefined;
      if (there && isMoved(there, journal)) return finishRename(fs, journal, there.version, undefined, doubt);
      // An earlier run of this rename had moved it and a consumer has taken it already, or it was taken before the move: either way it is gone.
      await finishVanished(fs, journal, doubt);
      if (!doubt) throw sourceGone();
      return;
    }
    if (typeof outcome === 'object' && 'refused' in outcome) {
      await abandonRename(fs, journal, doubt);
      throw outcome.refused;
    }
    if (outcome === 'taken') {
      await finishRename(fs, journal, 'taken', moved.sourceNow, doubt);
      fs.folders.noteDifferences([journal.to]);
      return;
    }
    if (outcome !== 'vanished' && 'version' in outcome) return finishRename(fs, journal, outcome.version, moved.sourceNow, doubt);
    const found = outcome === 'vanished' ? undefined : 'occupied' in outcome ? outcome.occupied : outcome.overtaken;
    const mayReplace = found === undefined || journal.mayOverwrite;
    journal = await changeJournal(fs, journal, async (current, tx) => {
      const { entry, claim, uploads } = await readPath(tx, journal.to);
      await showFound(tx, fs, journal.to, journal.toStored, found, nextTime(fs.clock.now(), entry, claim, uploads));
      return { ...current, over: found?.version };
    });
    if (mayReplace && retargeted < retargetings) continue;
    await abandonRename(fs, journal);
    if (!mayReplace) throw new Failure('may-not-overwrite', 'File exists and this account may not overwrite.');
    throw new Failure('busy', 'The target is being changed from outside; try again.');
  }
}

function isMoved(there: Found, journal: RenameJournal): boolean {
  return there.version === journal.version || there.token === journal.token;
}

async function changeJournal(
  fs: Filesystem,
  journal: RenameJournal,
  change: (current: RenameJournal, tx: Transaction) => RenameJournal | Promise<RenameJournal>,
): Promise<RenameJournal> {
  return transact(fs, async (tx) => {
    const next = await change(await requireMine(tx, fs, journal), tx);
    tx.put(journalKey(journal.token), next);
    return next;
  });
}

async function finishRename(
  fs: Filesystem,
  journal: RenameJournal,
  version: string,
  sourceNow: Found | undefined,
  doubt: boolean,
): Promise<void> {
  const { from, to, token } = journal;
  await transact(fs, async (tx) => {
    const [source, target] = await Promise.all([readPath(tx, from, journalKey(token)), readPath(tx, to)]);
    if (!(await tx.get(journalKey(token)))) return;
    await requireMine(tx, fs, journal);
    const entry = source.entry as FileEntry;
    const now = fs.clock.now();
    const fromSequence = nextTime(now, source.entry, source.claim, source.uploads);
    const sequence = nextTime(now, target.entry, target.claim, target.uploads);
    tx.remove(entryKey(placeOf(from)));
    // Somebody put a newer version there while this one was copied: it stays.
    if (sourceNow) tx.put(entryKey(placeOf(from)), adoptedEntry(fs, journal.fromStored, sourceNow, fromSequence + 1));
    const next: FileEntry = { ...entry, storedKey: journal.toStored, version, token, begun: sequence, committed: now, sequence };
    tx.put(entryKey(placeOf(to)), next);
    await announceMove(tx, fs, journal, entry, next, fromSequence);
    await releaseClaim(tx, fs, from, { sequence: fromSequence, begun: entry.begun }, doubt);
    // A consumer had it before its old name was gone.
    if (version === 'taken') await vanish(tx, fs, to, next, sequence + 1, doubt, { id: `${token}-taken` });
    else await releaseClaim(tx, fs, to, undefined, doubt);
    tx.remove(journalKey(token));
  });
}

/** Lasting to lasting is a move; temporary to lasting is the arrival; lasting to temporary withdraws the file; the rest concerns nobody. */
async function announceMove(
  tx: Transaction,
  fs: Filesystem,
  journal: RenameJournal,
  before: FileEntry,
  after: FileEntry,
  fromSequence: number,
): Promise<void> {
  const { token: id, from, to, user } = journal;
  const time = fs.clock.now();
  const wasTemporary = isTemporaryKey(before.storedKey);
  const isNowTemporary = isTemporaryKey(after.storedKey);
  const { size, crc32, version, sequence } = after;
  const arrived = outboxKey(to, sequence);
  const removed = outboxKey(from, fromSequence);
  if (!isNowTemporary) await tx.get(arrived);
  if (!isNowTemporary && wasTemporary) {
    tx.put(arrived, { type: 'arrived', id, key: to, sequence, user, time, size, crc32, version });
  } else if (!isNowTemporary) {
    tx.put(arrived, { type: 'moved', id, key: to, sequence, user, time, from, fromSequence, size, crc32, version });
  } else if (!wasTemporary) {
    await tx.get(removed);
    tx.put(removed, { type: 'removed', id, key: from, sequence: fromSequence, user, time });
  }
}

/** The object is at neither name. After a crash it counts as moved and taken; otherwise it was taken before the rename could begin. */
async function finishVanished(fs: Filesystem, journal: RenameJournal, doubt: boolean): Promise<void> {
  const { from, to, token } = journal;
  const found = await fs.objects.look(journal.toStored);
  await transact(fs, async (tx) => {
    const [source, target] = await Promise.all([readPath(tx, from, journalKey(token)), readPath(tx, to)]);
    if (!(await tx.get(journalKey(token)))) return;
    await requireMine(tx, fs, journal);
    const entry = source.entry as FileEntry | undefined;
    const now = fs.clock.now();
    const sequence = nextTime(now, target.entry, target.claim, target.uploads);
    if (entry) await vanish(tx, fs, from, entry, nextTime(now, source.entry, source.claim, source.uploads), doubt);
    else await releaseClaim(tx, fs, from, undefined, doubt);
    const targetEntry = target.entry as FileEntry | undefined;
    if (doubt && !found && targetEntry) await vanish(tx, fs, to, targetEntry, sequence, doubt);
    else await releaseClaim(tx, fs, to, undefined, doubt);
    tx.remove(journalKey(token));
  });
}

async function requireMine(tx: Transaction, fs: Filesystem, journal: RenameJournal): Promise<RenameJournal> {
  const current = await tx.get(journalKey(journal.token));
  const mine = current?.owner === fs.task && (await ownsClaim(tx, journal.from, journal.token, fs.task));
  if (current?.kind !== 'rename-file' || !mine || !(await ownsClaim(tx, journal.to, journal.token, fs.task))) {
    throw new Failure('taken-over', 'The rename is carried on elsewhere.');
  }
  return current;
}

export function sourceGone(): Failure {
  return new Failure('not-found', 'No such file or directory: it has gone or been replaced since it was named for renaming.');
}
