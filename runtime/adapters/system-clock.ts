import type { Clock, Timer } from '../ports/clock';

/** Node's own time. Timers do not keep the process alive: what does is a listener or a connection. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  timer(milliseconds, action): Timer {
    const timer = setTimeout(action, milliseconds);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
  sleep(milliseconds, signal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const abort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', abort);
        resolve();
      }, milliseconds);
      signal?.addEventListener('abort', abort, { once: true });
    });
  },
};
