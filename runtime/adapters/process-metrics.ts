import type { MetricName, Metrics } from '../ports/metrics';

/** Counters and gauges of this process, for whoever asks it. */
export class ProcessMetrics implements Metrics {
  private readonly values = new Map<MetricName, number>();

  count(name: MetricName, by = 1): void {
    this.values.set(name, (this.values.get(name) ?? 0) + by);
  }

  gauge(name: MetricName, value: number): void {
    this.values.set(name, value);
  }

  /** What has happened so far; a name that is not there has not happened. */
  snapshot(): Readonly<Partial<Record<MetricName, number>>> {
    return Object.fromEntries(this.values);
  }
}
