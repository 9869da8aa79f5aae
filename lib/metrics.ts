import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';

/** What tasks write into their log in the embedded metric format; CloudWatch makes metrics of it. The table's name tells one deployment from another. */
export const namespace = 'Causeway';
export const dimension = 'Table';

export const metricNames = [
  'sessions.open',
  'transfers.open',
  'logins.ok',
  'logins.failed',
  'uploads.committed',
  'uploads.parked',
  'uploads.failed',
  'uploads.seconds-to-226',
  'downloads.done',
  'downloads.failed',
  'failures.client',
  'failures.refused',
  'failures.server',
  'bytes.in',
  'bytes.out',
  'data.reused',
  'data.full-handshake',
  'data.truncated',
  'ports.used-percent',
  'buffers.used-percent',
  'relays.open',
  'event-loop.delay-ms',
  's3.errors',
  'dynamodb.errors',
  'sweeper.repairs',
  'outbox.oldest-seconds',
  'certificate.days-left',
] as const;

export type MetricName = (typeof metricNames)[number];

/** The metrics of one deployment, by the server's own names. */
export class FleetMetrics {
  constructor(private readonly tableName: string) {}

  get(name: MetricName, options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return new cloudwatch.Metric({
      namespace,
      metricName: name,
      dimensionsMap: { [dimension]: this.tableName },
      period: Duration.minutes(5),
      statistic: cloudwatch.Stats.SUM,
      ...options,
    });
  }

  /** Every task writes its gauge once a minute: the average is one task's, the number of samples is the number of tasks. */
  perTask(name: MetricName): cloudwatch.Metric {
    return this.get(name, { period: Duration.minutes(1), statistic: cloudwatch.Stats.AVERAGE });
  }

  worst(name: MetricName): cloudwatch.Metric {
    return this.get(name, { statistic: cloudwatch.Stats.MAXIMUM });
  }
}
