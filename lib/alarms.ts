import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { Events } from './events';
import type { LoadBalancer } from './load-balancer';
import type { FleetMetrics } from './metrics';
import type { Settings } from './settings';
import type { Storage } from './storage';

/**
 * What somebody is woken for, as data. Each name is a section of `docs/operations.md`, which says what it means, whom it hurts, where to look and what to
 * do; an alarm without one does not pass the tests.
 */
export interface AlarmRow {
  readonly name: string;
  /** One sentence: what is true when it rings. */
  readonly means: string;
  readonly metric: cloudwatch.IMetric;
  /** Rings at or beyond it. */
  readonly threshold: number;
  readonly below?: boolean;
  /** Periods in a row. @default 1 */
  readonly periods?: number;
  /** No samples are as bad as the worst one. @default false */
  readonly silenceIsBad?: boolean;
}

export interface AlarmSources {
  readonly settings: Settings;
  readonly fleet: FleetMetrics;
  readonly loadBalancer: LoadBalancer;
  readonly storage: Storage;
  readonly events: Events;
  readonly cpu: cloudwatch.IMetric;
}

export function alarmRows({ settings, fleet, loadBalancer, storage, events, cpu }: AlarmSources): readonly AlarmRow[] {
  const minute = { period: Duration.minutes(1) };
  const five = { period: Duration.minutes(5) };
  return [
    {
      name: 'tasks-missing',
      means: `For ten minutes a zone has no healthy task, or there are fewer than ${settings.tasks} in all.`,
      metric: tasksMissing(loadBalancer.healthyTasks(), settings.tasks),
      threshold: 1,
      periods: 10,
      silenceIsBad: true,
    },
    {
      name: 'tasks-exhausted',
      means: 'The tasks are busy although there may be no more of them.',
      metric: cpu,
      threshold: 85,
      periods: 3,
    },
    {
      name: 'ports-exhausted',
      means: 'A load balancer node ran out of ports towards a task: connections are refused.',
      metric: loadBalancer.balancer.metrics.custom('PortAllocationErrorCount', { ...five, statistic: cloudwatch.Stats.SUM }),
      threshold: 1,
    },
    {
      name: 'passive-ports',
      means: 'One client address has reserved four fifths of the passive ports.',
      metric: fleet.worst('ports.used-percent'),
      threshold: 80,
    },
    {
      name: 'buffer-budget',
      means: 'Nine tenths of the memory for bytes on their way to S3 are in use: further uploads are told to come back.',
      metric: fleet.worst('buffers.used-percent'),
      threshold: 90,
      periods: 3,
    },
    {
      name: 'event-loop',
      means: 'A task answered its own clock more than 100 ms late.',
      metric: fleet.worst('event-loop.delay-ms'),
      threshold: 100,
      periods: 3,
    },
    {
      name: 'transfers-failed',
      means: 'Uploads or downloads failed for a reason of ours.',
      metric: fleet.get('failures.server'),
      threshold: 5,
    },
    {
      name: 'uploads-truncated',
      means: 'Data connections ended without a clean end of TLS: their uploads are parked, and not visible.',
      metric: fleet.get('data.truncated'),
      threshold: 10,
    },
    {
      name: 'slow-receipts',
      means: 'From the last byte to 226 takes more than ten seconds.',
      metric: fleet.get('uploads.seconds-to-226', { statistic: cloudwatch.Stats.p(95) }),
      threshold: 10,
      periods: 2,
    },
    {
      name: 'logins-failed',
      means: 'Many logins fail: somebody guesses, or a partner has an old password.',
      metric: fleet.get('logins.failed'),
      threshold: 50,
    },
    {
      name: 's3-errors',
      means: 'Requests to S3 fail after all their attempts.',
      metric: fleet.get('s3.errors'),
      threshold: 5,
    },
    {
      name: 'dynamodb-errors',
      means: 'Requests to DynamoDB fail after all their attempts.',
      metric: fleet.get('dynamodb.errors'),
      threshold: 5,
    },
    {
      name: 'table-throttled',
      means: 'DynamoDB refuses writes because one partition gets too many.',
      metric: storage.table.metric('WriteThrottleEvents', { ...five, statistic: cloudwatch.Stats.SUM }),
      threshold: 10,
    },
    {
      name: 'work-rolled-forward',
      means: 'The sweeper finished what a task had begun: a task died in the middle of a change.',
      metric: fleet.get('sweeper.repairs'),
      threshold: 1,
    },
    {
      name: 'events-stopped',
      means: 'Files arrived in two quarters of an hour in a row, and nobody asked for their completion events: the pipe does not run.',
      metric: new cloudwatch.MathExpression({
        expression: 'IF(FILL(arrived, 0) > 0 AND FILL(asked, 0) < 1, 1, 0)',
        label: 'files without events',
        period: Duration.minutes(15),
        usingMetrics: { arrived: fleet.get('uploads.committed'), asked: events.shape.function.metricInvocations() },
      }),
      threshold: 1,
      // A task tells of a file up to a minute after its event was asked for, so the end of a period may come between the two: in one period, but never in
      // two neighbours, for the second of them to look so the first must have seen somebody ask.
      periods: 2,
    },
    {
      name: 'sweeper-behind',
      means: 'The oldest row of the outbox is five minutes old: the tasks do not get on with tidying up.',
      metric: fleet.worst('outbox.oldest-seconds'),
      threshold: 300,
      periods: 2,
    },
    {
      name: 'events-undelivered',
      means: 'A completion event could not be put on the bus and lies in the dead-letter queue.',
      metric: events.undelivered.metricApproximateNumberOfMessagesVisible({ ...minute, statistic: cloudwatch.Stats.MAXIMUM }),
      threshold: 1,
    },
    {
      name: 'index-behind',
      means: 'An event of the bucket could not be worked off: FTP may not show what others put or took.',
      metric: events.unsynced.metricApproximateNumberOfMessagesVisible({ ...minute, statistic: cloudwatch.Stats.MAXIMUM }),
      threshold: 1,
    },
    {
      name: 'certificate-expires',
      means: 'The certificate is valid for less than 21 days: its renewal does not work.',
      metric: fleet.get('certificate.days-left', { statistic: cloudwatch.Stats.MINIMUM, period: Duration.hours(1) }),
      threshold: 21,
      below: true,
    },
  ];
}

/** 1 where it is so. Scaling may run more than the least, so the sum alone would not show a zone that has lost all of its own. */
function tasksMissing(zones: readonly cloudwatch.IMetric[], least: number): cloudwatch.MathExpression {
  const usingMetrics = Object.fromEntries(zones.map((metric, index) => [`zone${index + 1}`, metric]));
  const counts = Object.keys(usingMetrics).map((zone) => `FILL(${zone}, 0)`);
  const conditions = [...counts.map((count) => `${count} < 1`), `${counts.join(' + ')} < ${least}`];
  return new cloudwatch.MathExpression({
    expression: `IF(${conditions.join(' OR ')}, 1, 0)`,
    label: 'tasks are missing',
    period: Duration.minutes(1),
    usingMetrics,
  });
}
