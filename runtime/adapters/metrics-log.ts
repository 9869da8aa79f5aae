import type { Clock } from '../ports/clock';
import type { Log } from '../ports/log';
import type { MetricName } from '../ports/metrics';

/**
 * The counters for whoever reads the log of one server: a line a minute when something has happened since the last one, and one at the end. Totals since the
 * start, so that a lost line loses nothing. A fleet sends its numbers to a collector instead.
 */
export interface MetricsLogOptions {
  /** The numbers now, the gauges among them. */
  readonly read: () => Readonly<Partial<Record<MetricName, number>>>;
  readonly clock: Clock;
  readonly log: Log;
}

const every = 60_000;
/** They change by themselves: a server where nothing happens would tell them for ever. */
const restless: readonly string[] = ['event-loop.delay-ms', 'certificate.days-left', 'outbox.oldest-seconds'] satisfies MetricName[];

export class MetricsLog {
  private readonly stopped = new AbortController();
  private last = '';

  constructor(private readonly options: MetricsLogOptions) {}

  start(): void {
    this.last = comparable(this.options.read());
    void this.run();
  }

  private async run(): Promise<void> {
    const { clock } = this.options;
    const { signal } = this.stopped;
    while (!signal.aborted) {
      // Stopped: the last line is written by `stop`.
      await clock.sleep(every, signal).catch(() => undefined);
      if (!signal.aborted) this.tell();
    }
  }

  private tell(): void {
    const { read, log } = this.options;
    const values = read();
    const text = comparable(values);
    if (text === this.last) return;
    this.last = text;
    log.info('server.metrics', { metrics: values });
  }

  stop(): void {
    if (this.stopped.signal.aborted) return;
    this.stopped.abort();
    this.tell();
  }
}

function comparable(values: Readonly<Partial<Record<MetricName, number>>>): string {
  return JSON.stringify(Object.entries(values).filter(([name]) => !restless.includes(name)));
}
