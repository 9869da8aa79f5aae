import type { Clock } from '../ports/clock';
import type { MetricName } from '../ports/metrics';

/**
 * The numbers of one task of a fleet, for CloudWatch: once a minute a line of JSON in the embedded metric format, which the log group's service takes apart
 * by itself. No agent, no library, no request that could fail. Counters are what has come since the last line, so that sums over tasks and minutes are right.
 */
export interface EmfOptions {
  readonly read: () => EmfNumbers;
  readonly write: (line: string) => void;
  /** The table's name tells one deployment from another. */
  readonly table: string;
  readonly clock: Clock;
}

export interface EmfNumbers {
  /** Since the start. */
  readonly totals: Readonly<Partial<Record<MetricName, number>>>;
  readonly levels: Readonly<Partial<Record<MetricName, number>>>;
  /** Since the last time. */
  readonly samples: Readonly<Partial<Record<MetricName, readonly number[]>>>;
}

type Unit = 'Count' | 'Seconds' | 'Milliseconds' | 'Bytes' | 'Percent' | 'None';

/** Every metric there is, with its unit: a new one does not compile without. Days are no unit of CloudWatch. */
export const units: Readonly<Record<MetricName, Unit>> = {
  'sessions.open': 'Count',
  'transfers.open': 'Count',
  'logins.ok': 'Count',
  'logins.failed': 'Count',
  'uploads.committed': 'Count',
  'uploads.parked': 'Count',
  'uploads.failed': 'Count',
  'uploads.seconds-to-226': 'Seconds',
  'downloads.done': 'Count',
  'downloads.failed': 'Count',
  'failures.client': 'Count',
  'failures.refused': 'Count',
  'failures.server': 'Count',
  'bytes.in': 'Bytes',
  'bytes.out': 'Bytes',
  'data.reused': 'Count',
  'data.full-handshake': 'Count',
  'data.truncated': 'Count',
  'ports.used-percent': 'Percent',
  'buffers.used-percent': 'Percent',
  'relays.open': 'Count',
  'event-loop.delay-ms': 'Milliseconds',
  's3.errors': 'Count',
  'dynamodb.errors': 'Count',
  'sweeper.repairs': 'Count',
  'outbox.oldest-seconds': 'Seconds',
  'certificate.days-left': 'None',
};

export const namespace = 'Causeway';
export const dimension = 'Table';
const every = 60_000;
/** Of the format: values of one metric in one line. There are fewer than its 100 metrics. */
const mostValues = 100;

export class EmfMetrics {
  private readonly stopped = new AbortController();
  private last: EmfNumbers['totals'] = {};

  constructor(private readonly options: EmfOptions) {}

  start(): void {
    void this.run();
  }

  private async run(): Promise<void> {
    const { signal } = this.stopped;
    while (!signal.aborted) {
      // Stopped: the last lines are written by `stop`.
      await this.options.clock.sleep(every, signal).catch(() => undefined);
      if (!signal.aborted) this.tell();
    }
  }

  private tell(): void {
    const { totals, levels, samples } = this.options.read();
    const values: Record<string, number | readonly number[]> = { ...levels };
    for (const [name, total] of entries(totals)) values[name] = total - (this.last[name] ?? 0);
    this.last = totals;
    const rest: [MetricName, readonly number[]][] = [];
    for (const [name, all] of entries(samples)) {
      if (all.length > 0) values[name] = all.slice(0, mostValues);
      for (let from = mostValues; from < all.length; from += mostValues) rest.push([name, all.slice(from, from + mostValues)]);
    }
    this.write(values);
    for (const [name, some] of rest) this.write({ [name]: some });
  }

  private write(values: Readonly<Record<string, number | readonly number[]>>): void {
    const { table, clock, write } = this.options;
    const names = Object.keys(values) as MetricName[];
    if (names.length === 0) return;
    const described = {
      Namespace: namespace,
      Dimensions: [[dimension]],
      Metrics: names.map((name) => ({ Name: name, Unit: units[name] })),
    };
    write(`${JSON.stringify({ _aws: { Timestamp: clock.now(), CloudWatchMetrics: [described] }, [dimension]: table, ...values })}\n`);
  }

  stop(): void {
    if (this.stopped.signal.aborted) return;
    this.stopped.abort();
    this.tell();
  }
}

function entries<T>(record: Readonly<Partial<Record<MetricName, T>>>): [MetricName, T][] {
  return Object.entries(record) as [MetricName, T][];
}
