/** Counters, gauges and distributions by name. One process shows them to its operator; a fleet sends them on. */
export interface Metrics {
  count(name: MetricName, by?: number): void;
  gauge(name: MetricName, value: number): void;
  /** One of many values whose spread matters. */
  observe(name: MetricName, value: number): void;
}

export type MetricName =
  | 'sessions.open'
  | 'transfers.open'
  | 'logins.ok'
  | 'logins.failed'
  | 'uploads.committed'
  | 'uploads.parked'
  | 'uploads.failed'
  | 'uploads.seconds-to-226'
  | 'downloads.done'
  | 'downloads.failed'
  | 'failures.client'
  | 'failures.refused'
  | 'failures.server'
  | 'bytes.in'
  | 'bytes.out'
  | 'data.reused'
  | 'data.full-handshake'
  | 'data.truncated'
  | 'ports.used-percent'
  | 'buffers.used-percent'
  | 'relays.open'
  | 'event-loop.delay-ms'
  | 's3.errors'
  | 'dynamodb.errors'
  | 'sweeper.repairs'
  | 'outbox.oldest-seconds'
  | 'certificate.days-left';
