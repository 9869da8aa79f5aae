import type { Clock } from '../../runtime/ports/clock';

/** Real time, a hundred times as fast: for rules that wait and retry around stores that do real work. */
export function fastClock(speed = 100): Clock {
  const origin = performance.now();
  const elapsed = () => (performance.now() - origin) * speed;
  return {
    now: () => Date.UTC(2025, 10, 22) + Math.floor(elapsed()),
    monotonic: elapsed,
    timer: (milliseconds, action) => {
      const timer = setTimeout(action, milliseconds / speed);
      timer.unref();
      return { cancel: () => clearTimeout(timer) };
    },
    sleep: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(signal.reason);
          return;
        }
        const timer = setTimeout(resolve, milliseconds / speed);
        signal?.addEventListener('abort', () => {
          clearTimeout(timer);
          reject(signal.reason);
        });
      }),
  };
}
