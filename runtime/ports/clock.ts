/** Time comes in through here, so that tests own it. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. For people and records; no safety rests on it. */
  now(): number;
  /** Milliseconds since some fixed moment; never goes back. */
  monotonic(): number;
  /** Resolves after the time, or rejects with the signal's reason when it aborts first. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
  /** Calls once after the time unless cancelled. Does not keep the process alive. */
  timer(milliseconds: number, action: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}
