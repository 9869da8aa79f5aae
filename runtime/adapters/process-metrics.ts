import type { MetricName, Metrics } from '../ports/metrics';

/** Counters and gauges of this process, for whoever asks it. */
export class ProcessMetrics implements Metrics {
  readonly values = new Map<MetricName, number>();

  count(name: MetricName, by = 1): void {
    this.values.set(name, (this.values.get(name) ?? 0) + by);
  }

  gauge(name: MetricName, value: number): void {
    this.values.set(name, value);
  }
}
