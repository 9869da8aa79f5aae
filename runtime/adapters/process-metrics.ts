import type { MetricName, Metrics } from '../ports/metrics';

/** Counters, gauges and distributions of this process, for whoever asks it. */
export type Counters = Readonly<Partial<Record<MetricName, number>>>;

/** Values of one distribution that are kept until somebody takes them; of more, the latest. */
export const mostSamples = 1_000;

interface Samples {
  readonly values: number[];
  seen: number;
}

export class ProcessMetrics implements Metrics {
  private readonly counters = new Map<MetricName, number>();
  private readonly gauges = new Map<MetricName, number>();
  private samples = new Map<MetricName, Samples>();

  count(name: MetricName, by = 1): void {
    this.counters.set(name, (this.counters.get(name) ?? 0) + by);
  }

  gauge(name: MetricName, value: number): void {
    this.gauges.set(name, value);
  }

  observe(name: MetricName, value: number): void {
    const samples = this.samples.get(name) ?? { values: [], seen: 0 };
    this.samples.set(name, samples);
    samples.values[samples.seen++ % mostSamples] = value;
  }

  /** Totals since the start. */
  totals(): Counters {
    return Object.fromEntries(this.counters);
  }

  /** What has happened so far, and what is so now; a name that is not there has not happened. */
  snapshot(): Counters {
    return { ...Object.fromEntries(this.gauges), ...this.totals() };
  }

  levels(): Counters {
    return Object.fromEntries(this.gauges);
  }

  /** The values since the last time that they were taken. */
  takeSamples(): Readonly<Partial<Record<MetricName, readonly number[]>>> {
    const taken = this.samples;
    this.samples = new Map();
    return Object.fromEntries([...taken].map(([name, { values }]) => [name, values]));
  }
}
