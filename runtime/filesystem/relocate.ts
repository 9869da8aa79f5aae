import type { ObjectKey, Version } from '../model/entry';
import type { Completed, Found, Refused } from '../ports/object-store';
import type { Filesystem } from './filesystem';
import { refusal, unconfirmed, untilAnswered } from './until-answered';

/**
 * Brings one version of one object to another key: in one step where the store can move, else as a copy with a token of its own, and then, when the copy is
 * proven, the removal of exactly that version at the old key. Repeated after a crash it recognises what it has done.
 */
export interface Relocation {
  readonly token: string;
  readonly user: string;
  readonly fromStored: ObjectKey;
  readonly toStored: ObjectKey;
  readonly version: Version;
  readonly size: number;
  readonly over?: Version;
  readonly copies?: readonly string[];
}

export interface Relocated {
  /** `refused`: nothing was moved. */
  readonly outcome: Completed | 'source-gone' | Refused;
  /** Somebody has put a newer version at the old key, which stays. */
  readonly sourceNow?: Found;
  /** A request went without an answer and may still land. */
  readonly doubt: boolean;
}

export async function relocate(
  fs: Filesystem,
  relocation: Relocation,
  recovering: boolean,
  onBegin: (uploadId: string) => Promise<void>,
): Promise<Relocated> {
  const { token, user, fromStored, toStored, version, size, over, copies = [] } = relocation;
  const patience = recovering ? 0 : fs.limits.giveUpAfter;
  const { move, copy } = fs.objects;
  if (move) {
    const request = { from: fromStored, version, to: toStored, over };
    const { answer, doubt } = await untilAnswered(fs, toStored, patience, () => move(request).catch(refusal));
    return answer === 'source-absent' || 'sourceOther' in answer ? { outcome: 'source-gone', doubt } : { outcome: answer, doubt };
  }
  if (!copy) throw new Error('a store that can neither move nor copy');
  const begun = [...copies];
  const noteBegin = async (uploadId: string) => {
    await onBegin(uploadId);
    begun.push(uploadId);
  };
  const request = { token, user, from: fromStored, version, size, to: toStored, over, begun, onBegin: noteBegin };
  const copied = await untilAnswered(fs, toStored, patience, (again) => copy({ ...request, repeated: recovering || again }).catch(refusal));
  const outcome = copied.answer;
  if (outcome === 'source-absent' || (typeof outcome === 'object' && 'sourceOther' in outcome)) {
    return { outcome: 'source-gone', doubt: copied.doubt };
  }
  if (outcome !== 'taken' && (outcome === 'vanished' || !('version' in outcome))) return { outcome, doubt: copied.doubt };
  const removed = await untilAnswered(fs, fromStored, patience, () => fs.objects.remove(fromStored, version).catch(refusal));
  // The copy is there: that only goes forward, whenever the store lets it.
  if (typeof removed.answer === 'object' && 'refused' in removed.answer) throw unconfirmed(removed.answer.refused);
  const sourceNow = typeof removed.answer === 'object' ? removed.answer.other : undefined;
  return { outcome, sourceNow, doubt: copied.doubt || removed.doubt };
}
