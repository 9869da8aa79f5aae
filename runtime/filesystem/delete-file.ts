import type { DeleteJournal } from '../model/change';
import type { FileEntry } from '../model/entry';
import { Failure } from '../model/failure';
import type { User } from '../model/user';
import type { VirtualPath } from '../model/virtual-path';
import { requireRight } from './access';
import { historyOf, showFound, vanish } from './adopt';
import type { Filesystem } from './filesystem';
import { nextTime } from './logical-time';
import { objectKey } from './object-key';
import { dropUpload } from './park';
import { ownsClaim, releaseClaim, takeClaim, waitForClaim } from './path-claim';
import { readPath, requireUnmarked, rowsAbove } from './path-state';
import { journalKey } from './rows';
import { settledState, shadowOf } from './shadow';
import { transact } from './transaction';
import { refusal, untilAnswered } from './until-answered';

/**
 * A delete removes the version it saw and nothing newer: claim and journal, then the object on condition that it still is that version, then the entry.
 * A cut upload that shadows the path is what the partner sees there, so it is what he deletes; the version below it shows again.
 */
export async function deleteFile(fs: Filesystem, user: User, path: VirtualPath): Promise<void> {
  requireRight(user, path, 'delete');
  if (path === '/') throw new Failure('is-a-directory', 'Is a directory.');
  const key = objectKey(user, path);
  const state = await settledState(fs, key, user);
  const shadow = shadowOf(state, user);
  if (shadow) {
    if (!(await dropUpload(fs, shadow))) throw new Failure('busy', 'The interrupted upload has just been continued; try again.');
    return;
  }
  if (state.entry?.kind === 'directory') throw new Failure('is-a-directory', 'Is a directory.');
  if (!(await fs.folders.presentEntry(fs, key, state.entry, false))) throw notFound();
  const token = fs.ids.token();
  await fs.active.during(token, async () => {
    const deadline = fs.clock.monotonic() + fs.limits.claimWait;
    const journal = await waitForClaim(fs, deadline, () => beginDelete(fs, user, key, token));
    await carryDelete(fs, journal, false);
  });
}

async function beginDelete(fs: Filesystem, user: User, key: string, token: string): Promise<DeleteJournal> {
  return transact(fs, async (tx) => {
    const row = journalKey(token);
    const { entry } = await readPath(tx, key, row, ...rowsAbove(key));
    const mine = await tx.get(row);
    if (mine?.kind === 'delete') return mine;
    await requireUnmarked(tx, key);
    await takeClaim(tx, fs, key, { token, owner: fs.task, purpose: 'delete' });
    if (!entry) throw notFound();
    if (entry.kind === 'directory') throw new Failure('is-a-directory', 'Is a directory.');
    const { storedKey, version } = entry;
    const journal: DeleteJournal = { kind: 'delete', token, owner: fs.task, key, storedKey, version, user: user.name };
    tx.put(row, journal);
    return journal;
  });
}

/** From the journal to the end; also what the sweeper does for a task that died in between, whose own request may still land. */
export async function carryDelete(fs: Filesystem, journal: DeleteJournal, recovering: boolean): Promise<void> {
  const { key, token, storedKey, version } = journal;
  const patience = recovering ? 0 : fs.limits.giveUpAfter;
  const removed = await untilAnswered(fs, key, patience, () => fs.objects.remove(storedKey, version).catch(refusal));
  const doubt = recovering || removed.doubt;
  const { answer } = removed;
  if (typeof answer === 'object' && 'refused' in answer) {
    await abandonDelete(fs, journal, doubt);
    throw answer.refused;
  }
  await transact(fs, async (tx) => {
    const { entry, claim, uploads } = await readPath(tx, key, journalKey(token));
    const current = await tx.get(journalKey(token));
    if (!current) return;
    if (current.owner !== fs.task || !(await ownsClaim(tx, key, token, fs.task)))
      throw new Failure('taken-over', 'The delete is carried on elsewhere.');
    const sequence = nextTime(fs.clock.now(), entry, claim, uploads);
    const file = entry as FileEntry | undefined;
    if (typeof answer === 'object') {
      // Something newer lies there that the index has not seen: it survives.
      await showFound(tx, fs, key, storedKey, answer.other, sequence);
      await releaseClaim(tx, fs, key, historyOf(file, claim), doubt);
    } else if (file) {
      await vanish(tx, fs, key, file, sequence, doubt, { id: token, user: current.user });
    } else {
      await releaseClaim(tx, fs, key, undefined, doubt);
    }
    tx.remove(journalKey(token));
  });
}

/** The store has refused: nothing was removed, unless by an earlier request that had no answer, and nothing is tried again behind the client's back. */
async function abandonDelete(fs: Filesystem, { key, token }: DeleteJournal, doubt: boolean): Promise<void> {
  await transact(fs, async (tx) => {
    const current = await tx.get(journalKey(token));
    if (current?.owner !== fs.task) return;
    tx.remove(journalKey(token));
    if (await ownsClaim(tx, key, token, fs.task)) await releaseClaim(tx, fs, key, undefined, doubt);
  });
}

function notFound(): Failure {
  return new Failure('not-found', 'No such file or directory.');
}
