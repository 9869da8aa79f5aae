import type { Dynamo } from './dynamo';
import { failureOf, type Outcome, outcomeOf } from './errors';

/**
 * How often and how long a request is tried. Waits are random up to a bound that doubles (full jitter), so that tasks which met each other do not meet
 * again; in the end the caller hears `store-unavailable`, and has lost less time than its client has patience.
 */
const most: Partial<Record<Outcome, number>> = { conflict: 10, throttled: 8, unknown: 6, signature: 3 };
const firstWait: Partial<Record<Outcome, number>> = { conflict: 10, throttled: 100, unknown: 50, signature: 10 };
const longestWait = 1_000;
/** No attempt begins later than this after the first. */
const patience = 12_000;

export class Attempts {
  private readonly begun: number;
  private made = 1;

  constructor(private readonly dynamo: Pick<Dynamo, 'clock' | 'ids' | 'onFailed' | 'renewCredentials'>) {
    this.begun = dynamo.clock.monotonic();
  }

  /** Resolves when it is time for another attempt; throws what the caller is told when there is none. */
  async again(error: unknown, outcome: Outcome = outcomeOf(error)): Promise<void> {
    const { clock, ids } = this.dynamo;
    if (this.made >= (most[outcome] ?? 1)) throw this.failed(error);
    const bound = Math.min((firstWait[outcome] ?? 0) * 2 ** (this.made - 1), longestWait);
    const wait = ids.random(bound) + 1;
    if (clock.monotonic() - this.begun + wait > patience) throw this.failed(error);
    this.made++;
    if (outcome === 'signature') await this.dynamo.renewCredentials();
    await clock.sleep(wait);
  }

  private failed(error: unknown): Error {
    this.dynamo.onFailed?.();
    return failureOf(error);
  }
}

/** For requests that may be repeated whatever became of them: reads, and writes that write the same again. */
export async function untilAnswered<T>(dynamo: Dynamo, request: () => Promise<T>): Promise<T> {
  const attempts = new Attempts(dynamo);
  for (;;) {
    try {
      return await request();
    } catch (error) {
      await attempts.again(error);
    }
  }
}

/** For writes under a condition that also holds for their own repetition: it was refused by somebody else's row. */
export async function unlessRefused<T>(dynamo: Dynamo, request: () => Promise<T>): Promise<T | 'refused'> {
  const attempts = new Attempts(dynamo);
  for (;;) {
    try {
      return await request();
    } catch (error) {
      if (outcomeOf(error) === 'refused') return 'refused';
      await attempts.again(error);
    }
  }
}
