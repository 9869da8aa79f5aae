import type { Clock, Timer } from '../../runtime/ports/clock';

/** Time that moves only when the test says so. `advance` runs what falls due, in order, and lets everything that follows from it settle. */
export class FakeClock implements Clock {
  private time: number;
  private elapsed = 0;
  private due: { at: number; action: () => void }[] = [];

  constructor(start = Date.UTC(2025, 10, 22, 21, 57, 0)) {
    this.time = start;
  }

  now(): number {
    return this.time;
  }

  monotonic(): number {
    return this.elapsed;
  }

  /** The wall clock jumps; the monotonic one does not notice. */
  step(milliseconds: number): void {
    this.time += milliseconds;
  }

  timer(milliseconds: number, action: () => void): Timer {
    const entry = { at: this.elapsed + Math.max(0, milliseconds), action };
    this.due.push(entry);
    return {
      cancel: () => {
        this.due = this.due.filter((other) => other !== entry);
      },
    };
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const timer = this.timer(milliseconds, () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      });
      const abort = () => {
        timer.cancel();
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  get pending(): number {
    return this.due.length;
  }

  async advance(milliseconds: number): Promise<void> {
    const end = this.elapsed + milliseconds;
    await settle();
    for (;;) {
      const next = this.due.reduce<{ at: number; action: () => void } | undefined>((a, b) => (a && a.at <= b.at ? a : b), undefined);
      if (!next || next.at > end) break;
      this.due = this.due.filter((other) => other !== next);
      this.time += next.at - this.elapsed;
      this.elapsed = next.at;
      next.action();
      await settle();
    }
    this.time += end - this.elapsed;
    this.elapsed = end;
    await settle();
  }
}

/** Lets promises and immediates that are ready run. */
export async function settle(turns = 12): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Runs the clock until the promise is done; for rules that sleep between attempts. */
export async function runUntilDone<T>(clock: FakeClock, work: Promise<T>, step = 50, most = 400_000): Promise<T> {
  let done = false;
  const marked = work.finally(() => {
    done = true;
  });
  marked.catch(() => undefined);
  await settle(2);
  for (let spent = 0; !done && spent < most; spent += step) await clock.advance(step);
  return marked;
}
