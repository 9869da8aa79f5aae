import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { FleetMetrics, MetricName } from './metrics';

export interface DashboardSources {
  readonly fleet: FleetMetrics;
  readonly cpu: cloudwatch.IMetric;
  readonly memory: cloudwatch.IMetric;
  /** By zone. */
  readonly healthyTasks: readonly cloudwatch.IMetric[];
}

/** Three questions from left to right and top to bottom: do partners get through, is it fast, is anything about to run out. */
export function dashboardWidgets({ fleet, cpu, memory, healthyTasks }: DashboardSources): cloudwatch.IWidget[][] {
  const sums = (title: string, ...names: MetricName[]) =>
    graph(
      title,
      names.map((name) => fleet.get(name)),
    );
  const worst = (title: string, ...names: MetricName[]) =>
    graph(
      title,
      names.map((name) => fleet.worst(name)),
    );
  /** Gauges of all tasks together: the average of a minute times the number of tasks that told one. */
  const fleetWide = (name: MetricName) => {
    const id = name.replace('.', '_');
    return new cloudwatch.MathExpression({
      expression: `${id} * ${id}_tasks`,
      label: name,
      period: Duration.minutes(1),
      usingMetrics: {
        [id]: fleet.perTask(name),
        [`${id}_tasks`]: fleet.get(name, { statistic: cloudwatch.Stats.SAMPLE_COUNT, period: Duration.minutes(1) }),
      },
    });
  };
  return [
    [
      graph('Sessions and transfers', [fleetWide('sessions.open'), fleetWide('transfers.open')]),
      sums('Transfers', 'uploads.committed', 'uploads.parked', 'uploads.failed', 'downloads.done', 'downloads.failed'),
      sums('Bytes', 'bytes.in', 'bytes.out'),
    ],
    [
      graph('Seconds from last byte to 226', [
        fleet.get('uploads.seconds-to-226', { statistic: cloudwatch.Stats.p(50), label: 'p50' }),
        fleet.get('uploads.seconds-to-226', { statistic: cloudwatch.Stats.p(95), label: 'p95' }),
        fleet.get('uploads.seconds-to-226', { statistic: cloudwatch.Stats.p(99), label: 'p99' }),
      ]),
      sums('Failures, by whose they are', 'failures.server', 'failures.client', 'failures.refused', 'logins.failed', 'data.truncated'),
      sums('Errors of the stores', 's3.errors', 'dynamodb.errors', 'sweeper.repairs'),
    ],
    [
      worst('Passive ports and buffers in use, percent', 'ports.used-percent', 'buffers.used-percent'),
      worst('Event-loop delay, ms', 'event-loop.delay-ms'),
      graph('Healthy tasks by zone', [...healthyTasks], [cpu, memory]),
    ],
    [
      worst('Oldest row of the outbox, seconds', 'outbox.oldest-seconds'),
      graph('Relays', [fleetWide('relays.open')]),
      new cloudwatch.SingleValueWidget({
        title: 'Days left of the certificate',
        width,
        metrics: [fleet.get('certificate.days-left', { statistic: cloudwatch.Stats.MINIMUM, period: Duration.hours(1) })],
      }),
    ],
  ];
}

const width = 8;

function graph(title: string, left: cloudwatch.IMetric[], right: cloudwatch.IMetric[] = []): cloudwatch.GraphWidget {
  return new cloudwatch.GraphWidget({ title, width, left, right });
}
