import type { Claim } from '../model/change';
import type { Entry } from '../model/entry';

/**
 * `begun` and `sequence` are logical: the clock, or one more than the path's last if the clock is not ahead of that. So a clock that steps back cannot
 * put a new upload behind an old one. The last is the greatest of the path's sequence, its last version's `begun`, and the `begun` of the partner's
 * open uploads; the claim row keeps the first two while there is no entry.
 */
export function nextTime(
  now: number,
  entry: Entry | undefined,
  claim: Claim | undefined,
  uploads: readonly { readonly begun: number }[],
): number {
  let last = 0;
  if (entry) last = Math.max(last, entry.sequence, entry.kind === 'file' ? entry.begun : 0);
  if (claim) last = Math.max(last, claim.sequence, claim.begun);
  for (const upload of uploads) last = Math.max(last, upload.begun);
  return Math.max(now, last + 1);
}

/** `begun` of the last version of a path, also when it has been deleted: an upload that began before it is out of date. */
export function lastBegun(entry: Entry | undefined, claim: Claim | undefined): number {
  if (entry) return entry.kind === 'file' ? entry.begun : 0;
  return claim?.begun ?? 0;
}
