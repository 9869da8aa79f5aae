import type { Claim, HeldClaim } from '../model/change';
import { type ObjectKey, placeOf } from '../model/entry';
import { Failure } from '../model/failure';
import { type Filesystem, historyFor } from './filesystem';
import { isHeld } from './path-state';
import { claimKey, entryKey } from './rows';
import type { Transaction } from './transaction';

/** Taking, waiting for and freeing the claim of a path. Whoever changes a path holds it; it is what orders two changes of one path. */

/** Thrown inside a rule when somebody else holds the claim; `waitForClaim` turns it into waiting. */
export class ClaimHeld extends Error {
  constructor(readonly claim: HeldClaim) {
    super(`the path is being changed: ${claim.purpose}`);
  }
}

/**
 * Writes the claim, or throws `ClaimHeld`. One's own claim, from an attempt whose answer was lost, is fine; so is one that was only kept for requests
 * that might still land, when that time is over.
 */
export async function takeClaim(
  tx: Transaction,
  fs: Filesystem,
  key: ObjectKey,
  claim: Pick<HeldClaim, 'token' | 'owner' | 'purpose'>,
): Promise<void> {
  const row = claimKey(placeOf(key));
  const before = await tx.get(row);
  if (isHeld(before) && before.token !== claim.token && quietLeft(fs, before) !== 0) throw new ClaimHeld(before);
  tx.put(row, { state: 'held', ...claim, sequence: before?.sequence ?? 0, begun: before?.begun ?? 0 });
}

/** Milliseconds for which a claim is still kept for late requests; undefined when somebody works under it. */
function quietLeft(fs: Filesystem, claim: HeldClaim): number | undefined {
  return claim.quietUntil === undefined ? undefined : Math.max(0, claim.quietUntil - fs.clock.now());
}

/** Longest that anybody waits for the end of a quiet time. */
const waitsForQuiet = 10_000;

/** Refuses a change of a path whose claim is kept for late requests for longer than anybody would wait: before a client is told to send. */
export function refuseWhileQuiet(fs: Filesystem, claim: Claim | undefined): void {
  if (!isHeld(claim)) return;
  const left = quietLeft(fs, claim) ?? 0;
  if (left > waitsForQuiet) {
    const seconds = Math.ceil(left / 1000);
    throw new Failure('busy', `Storage has not answered about the last change of this path; try again in ${seconds} seconds.`);
  }
}

/** True while the claim of this path is this token's and this task's. */
export async function ownsClaim(tx: Transaction, key: ObjectKey, token: string, task: string): Promise<boolean> {
  const held = await tx.get(claimKey(placeOf(key)));
  return isHeld(held) && held.token === token && held.owner === task;
}

/**
 * Frees the claim. A path that has an entry carries its history there; otherwise the row stays, free, with the greater of its own and the given history,
 * so that neither sequence nor begun ever goes back. `quiet`: a request has gone without an answer and may still land, so the claim is kept, without an
 * owner, until it cannot any more.
 */
export async function releaseClaim(
  tx: Transaction,
  fs: Filesystem,
  key: ObjectKey,
  history: { sequence: number; begun: number } = { sequence: 0, begun: 0 },
  quiet = false,
): Promise<void> {
  const place = placeOf(key);
  const row = claimKey(place);
  const held = await tx.get(row);
  const entry = await tx.get(entryKey(place));
  const sequence = Math.max(held?.sequence ?? 0, history.sequence);
  const begun = Math.max(held?.begun ?? 0, history.begun);
  const { quietTime } = fs.objects;
  if (quiet && quietTime > 0 && isHeld(held))
    tx.put(row, { ...held, owner: 'none', sequence, begun, quietUntil: fs.clock.now() + quietTime });
  else if (entry || (sequence === 0 && begun === 0)) tx.remove(row);
  else tx.put(row, { state: 'free', sequence, begun, expires: fs.clock.now() + historyFor });
}

/**
 * Runs a rule that takes claims, again and again while somebody else holds one, until `deadline` (monotonic milliseconds). `stillWanted` is asked before each
 * attempt and throws when nobody waits for the result any more.
 */
export async function waitForClaim<T>(
  fs: Filesystem,
  deadline: number,
  attempt: () => Promise<T>,
  stillWanted: () => void = () => undefined,
  signal?: AbortSignal,
): Promise<T> {
  for (;;) {
    stillWanted();
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof ClaimHeld)) throw error;
      refuseWhileQuiet(fs, error.claim);
      if (fs.clock.monotonic() >= deadline) {
        throw new Failure('busy', 'The path is being changed by another session; try again in a moment.', { cause: error });
      }
    }
    await fs.clock.sleep(25 + fs.ids.random(25), signal);
  }
}
