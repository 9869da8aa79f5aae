import type { RenameDirectoryJournal, RenameJournal } from '../model/change';
import { type ObjectKey, placeOf } from '../model/entry';
import { Failure } from '../model/failure';
import type { Filesystem } from './filesystem';
import { isHeld, readEntry } from './path-state';
import { claimKey, journalKey } from './rows';

/** Milliseconds between two looks at a rename that runs. */
const betweenLooks = 200;

/**
 * A client whose connection broke in the middle of a long rename asks for the same one again. It waits for the one that runs, whoever carries it on; true
 * when that has done it, false when there is none or it came to nothing. Throws `Failure('busy')` when it lasts longer than anybody is kept waiting.
 */
export async function joinRename(fs: Filesystem, user: string, from: ObjectKey, to: ObjectKey): Promise<boolean> {
  const running = await renameUnderWay(fs, user, from, to);
  if (!running) return false;
  const deadline = fs.clock.monotonic() + fs.limits.giveUpAfter;
  for (;;) {
    const [row] = await fs.metadata.get([journalKey(running.token)]);
    if (!row) break;
    if (fs.clock.monotonic() >= deadline) throw new Failure('busy', 'This rename is still under way; ask for it again later.');
    await fs.clock.sleep(betweenLooks);
  }
  const there = await readEntry(fs, to);
  if (running.kind === 'rename-file') return there?.kind === 'file' && there.token === running.token;
  return there?.kind === 'directory' && (await readEntry(fs, from)) === undefined;
}

async function renameUnderWay(
  fs: Filesystem,
  user: string,
  from: ObjectKey,
  to: ObjectKey,
): Promise<RenameJournal | RenameDirectoryJournal | undefined> {
  const [held] = await fs.metadata.get([claimKey(placeOf(from))]);
  const claim = held?.value;
  if (!isHeld(claim) || claim.purpose !== 'rename') return undefined;
  const [row] = await fs.metadata.get([journalKey(claim.token)]);
  const journal = row?.value;
  if (!journal || journal.kind === 'delete') return undefined;
  return journal.from === from && journal.to === to && journal.user === user ? journal : undefined;
}
