import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How late this process answers its own clock: what every session of it feels at once. */
export interface EventLoopDelay {
  /** Milliseconds, the worst since it was asked last. */
  take(): number;
  close(): void;
}

/** Milliseconds between two looks. What is measured contains them, so they are taken off. */
const resolution = 20;

export function watchEventLoop(): EventLoopDelay {
  const histogram = monitorEventLoopDelay({ resolution });
  histogram.enable();
  return {
    take: () => {
      const worst = histogram.count === 0 ? 0 : histogram.max / 1e6 - resolution;
      histogram.reset();
      return Math.max(0, Math.round(worst));
    },
    close: () => {
      histogram.disable();
    },
  };
}
