/** Counters and gauges by name. One process shows them to its operator; a fleet sends them on. */
export interface Metrics {
  count(name: MetricName, by?: number): void;
  gauge(name: MetricName, value: number): void;
}

export type MetricName =
  | 'sessions.open'
  | 'logins.ok'
  | 'logins.failed'
  | 'uploads.committed'
  | 'uploads.parked'
  | 'uploads.failed'
  | 'downloads.done'
  | 'downloads.failed'
  | 'bytes.in'
  | 'bytes.out'
  | 'data.reused'
  | 'data.full-handshake'
  | 'data.truncated'
  | 'buffers.used'
  | 'sweeper.repairs';
