import { Failure, type FailureKind } from '../model/failure';
import type { Refused } from '../ports/object-store';
import type { Filesystem } from './filesystem';

/**
 * Repeats a request to the store until it gives a final answer. `doubt`: one attempt went without, and may still land (`ObjectStore.quietTime`); so may
 * one of an owner before us. Throws `Failure('unconfirmed')` when there is no answer within `patience` milliseconds, and what the store throws that is final.
 */
export async function untilAnswered<T>(
  fs: Filesystem,
  path: string,
  patience: number,
  attempt: (again: boolean) => Promise<T>,
): Promise<{ readonly answer: T; readonly doubt: boolean }> {
  const deadline = fs.clock.monotonic() + patience;
  let doubt = false;
  for (let pause = shortestPause; ; pause = Math.min(pause * 2, longestPause)) {
    try {
      return { answer: await attempt(doubt), doubt };
    } catch (error) {
      if (!(error instanceof Failure) || error.kind !== 'store-unavailable') throw error;
      fs.log.warn('store.error', { path, text: 'repeated until the store answers', cause: error });
      doubt = true;
      if (fs.clock.monotonic() >= deadline) throw unconfirmed(error);
      await fs.clock.sleep(pause);
    }
  }
}

export function unconfirmed(cause: unknown): Failure {
  return new Failure('unconfirmed', 'Storage did not confirm. The change may still appear; sending it again is safe.', { cause });
}

/** A final refusal as an answer, so that a doubt about an earlier attempt is told beside it. */
export function refusal(error: unknown): Refused {
  if (error instanceof Failure && isFinal(error)) return { refused: error };
  throw error;
}

const unfinished: ReadonlySet<FailureKind> = new Set(['unconfirmed', 'store-unavailable', 'taken-over']);

/** It has been refused, and asking again does not help: nothing has happened, nor will. Otherwise somebody carries it on. */
export function isFinal(failure: Failure): boolean {
  return !unfinished.has(failure.kind);
}

const shortestPause = 100;
const longestPause = 5_000;
