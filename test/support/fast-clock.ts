import type { Clock, Timer } from '../../runtime/ports/clock';

/** Real time, a hundred times as fast: for rules that wait and retry around stores that do real work. */
export function fastClock(speed = 100): Clock {
  const origin = performance.now();
  const elapsed = () => (performance.now() - origin) * speed;
  return {
    now: () => Date.UTC(2025, 10, 22) + Math.floor(elapsed()),
    monotonic: elapsed,
    timer: (milliseconds, action) => startTimer(elapsed, speed, milliseconds, action, (timer) => timer.unref()),
    sleep: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(signal.reason);
          return;
        }
        const timer = startTimer(elapsed, speed, milliseconds, resolve);
        signal?.addEventListener('abort', () => {
          timer.cancel();
          reject(signal.reason);
        });
      }),
  };
}

/** Never early on its own clock. Node's timers count from the begin of a turn of its loop and may come a millisecond early, which is a tenth of a second here. */
function startTimer(
  elapsed: () => number,
  speed: number,
  milliseconds: number,
  action: () => void,
  armed?: (timer: NodeJS.Timeout) => void,
): Timer {
  const due = elapsed() + milliseconds;
  let pending: NodeJS.Timeout;
  const arm = () => {
    pending = setTimeout(() => (elapsed() < due ? arm() : action()), (due - elapsed()) / speed);
    armed?.(pending);
  };
  arm();
  return { cancel: () => clearTimeout(pending) };
}
