import type { ObjectKey } from '../model/entry';

/**
 * Where word comes from that something in the store has changed: the bucket's events. A hint only says where to look; it may be late, come twice, be
 * out of order, or be about a change of our own.
 */
export interface HintSource {
  /** Waits for the next hints, a few seconds at most; empty when there are none. Rejects with the signal's reason when it aborts. */
  next(signal: AbortSignal): Promise<readonly Hint[]>;
  close(): void;
}

export interface Hint {
  /** Keys to look at; one with a slash at its end is a directory's marker. */
  readonly keys: readonly ObjectKey[];
  /** The keys have been looked at. A hint that is not done comes again. */
  done(): Promise<void>;
}
