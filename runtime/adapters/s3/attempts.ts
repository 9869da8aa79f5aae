import { Failure } from '../../model/failure';
import type { Bucket } from './bucket';
import { failureOf, isClockCorrected, type Outcome, outcomeOf } from './errors';

/**
 * How often and how long a request is tried. Waits are random up to a bound that doubles, so that tasks which met each other do not meet again; all requests
 * of the process share one budget of repetitions, so that a store in trouble is not pushed further into it.
 */
export class RetryBudget {
  private left = capacity;

  /** False: this failure is passed on. */
  spend(): boolean {
    if (this.left < cost) return false;
    this.left -= cost;
    return true;
  }

  /** A request has succeeded after so many repetitions, which have not been in vain: a store that fails now and then is not one that is down. */
  earn(repetitions: number): void {
    this.left = Math.min(capacity, this.left + 1 + repetitions * cost);
  }
}

const capacity = 1_000;
const cost = 5;

const firstWait: Partial<Record<Outcome, number>> = { conflict: 50, 'not-applied': 100, unknown: 100, damaged: 20, signature: 50 };
const longestWait = 5_000;

interface Limits {
  readonly most: Partial<Record<Outcome, number>>;
  /** No attempt begins later than this after the first. */
  readonly patience: number;
}

/** Reads, and writes that write the same again: repeated whatever became of them. */
const repeatable: Limits = { most: { unknown: 6, 'not-applied': 8, damaged: 3, signature: 3, conflict: 8 }, patience: 20_000 };
/** A part waits in its buffer and its client waits for the buffer: worth more patience than a command. */
const ofParts: Limits = { most: { unknown: 10, 'not-applied': 16, damaged: 4, signature: 3, conflict: 8 }, patience: 90_000 };
/** An attempt that may still land must not be hidden behind another: the caller hears of it at once. */
const notRepeatable: Limits = { most: { 'not-applied': 8, signature: 3, conflict: 8, damaged: 3 }, patience: 20_000 };

async function attempt<T>(bucket: Bucket, { most, patience }: Limits, request: () => Promise<T>, expected: readonly Outcome[]): Promise<T> {
  const begun = bucket.clock.monotonic();
  for (let made = 1; ; made++) {
    try {
      const answer = await request();
      bucket.budget.earn(made - 1);
      return answer;
    } catch (error) {
      // Not the store's answer: the request was given up, or somebody before has judged it.
      if (error instanceof Failure) throw error;
      const outcome = outcomeOf(error);
      if (expected.includes(outcome)) throw error;
      const bound = Math.min((firstWait[outcome] ?? 0) * 2 ** (made - 1), longestWait);
      const wait = 1 + bucket.ids.random(bound);
      const late = bucket.clock.monotonic() - begun + wait > patience;
      if (made >= (most[outcome] ?? 1) || late || !bucket.budget.spend()) {
        bucket.onFailed?.();
        throw failureOf(error);
      }
      if (outcome === 'signature' && !isClockCorrected(error)) bucket.renewCredentials();
      bucket.log.debug('store.error', { text: `a request to the bucket is repeated (${outcome})`, cause: error });
      await bucket.clock.sleep(wait);
    }
  }
}

/** Outcomes that the caller expects come as the store's own error; everything else as a `Failure`. */
export function untilAnswered<T>(bucket: Bucket, request: () => Promise<T>, ...expected: Outcome[]): Promise<T> {
  return attempt(bucket, repeatable, request, expected);
}

export function untilSent<T>(bucket: Bucket, request: () => Promise<T>, ...expected: Outcome[]): Promise<T> {
  return attempt(bucket, ofParts, request, expected);
}

export function once<T>(bucket: Bucket, request: () => Promise<T>, ...expected: Outcome[]): Promise<T> {
  return attempt(bucket, notRepeatable, request, expected);
}
