import type { Clock, Timer } from '../../runtime/ports/clock';

/**
 * Time that jumps to the next thing that is due whenever nothing else is left to do: no wait costs real time, and none ends before what runs beside it has
 * come to its own end. For rules on stores in memory, whose work is done before the event loop turns.
 */
export class IdleClock implements Clock {
  private elapsed = 0;
  private due: { readonly at: number; readonly action: () => void }[] = [];
  private turning = false;

  now(): number {
    return Date.UTC(2025, 10, 22) + Math.floor(this.elapsed);
  }

  monotonic(): number {
    return this.elapsed;
  }

  timer(milliseconds: number, action: () => void): Timer {
    const entry = { at: this.elapsed + Math.max(0, milliseconds), action };
    const behind = this.due.findIndex(({ at }) => at > entry.at);
    this.due.splice(behind < 0 ? this.due.length : behind, 0, entry);
    this.turn();
    return {
      cancel: () => {
        this.due = this.due.filter((other) => other !== entry);
      },
    };
  }

  private turn(): void {
    if (this.turning) return;
    this.turning = true;
    setImmediate(() => {
      this.turning = false;
      const next = this.due.shift();
      if (!next) return;
      this.elapsed = Math.max(this.elapsed, next.at);
      next.action();
      if (this.due.length > 0) this.turn();
    });
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const abort = () => {
        timer.cancel();
        reject(signal?.reason);
      };
      const timer = this.timer(milliseconds, () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      });
      signal?.addEventListener('abort', abort, { once: true });
    });
  }
}
