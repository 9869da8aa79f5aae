import { Duration, Stack, Validations } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as events from 'aws-cdk-lib/aws-events';
import { SnsTopic } from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as sns from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import { type AlarmRow, alarmRows } from './alarms';
import { dashboardWidgets } from './dashboard';
import type { Encryption } from './encryption';
import type { Events } from './events';
import type { LoadBalancer } from './load-balancer';
import { FleetMetrics } from './metrics';
import type { Service } from './service';
import type { Settings } from './settings';
import type { Storage } from './storage';

export interface ObservabilityProps {
  readonly settings: Settings;
  readonly encryption: Encryption;
  readonly loadBalancer: LoadBalancer;
  readonly storage: Storage;
  readonly service: Service;
  readonly events: Events;
}

export const runbook = 'docs/operations.md';

/** What an operator looks at, and what calls him. */
export class Observability extends Construct {
  readonly fleet: FleetMetrics;
  readonly topic: sns.Topic;
  readonly dashboard: cloudwatch.Dashboard;
  readonly alarms: readonly cloudwatch.Alarm[];

  constructor(scope: Construct, id: string, props: ObservabilityProps) {
    super(scope, id);
    const { settings, encryption, loadBalancer, storage, service, events: fileEvents } = props;
    this.fleet = new FleetMetrics(storage.table.tableName);
    this.topic = new sns.Topic(this, 'Alarms', {
      displayName: `${settings.name}: alarms`,
      enforceSSL: true,
      ...(encryption.key ? { masterKey: encryption.key } : {}),
    });
    // A policy of its own, which the rule against plain text makes, takes the place of the one that lets this account publish.
    this.topic.addToResourcePolicy(
      new iam.PolicyStatement({
        sid: 'Alarms',
        principals: [new iam.ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [this.topic.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    );
    if (!encryption.key)
      Validations.of(this.topic).acknowledge({
        id: 'AwsSolutions-SNS2',
        reason: 'Names and numbers of alarms, nothing of partners or files; encryption "kms" encrypts the topic too.',
      });
    if (settings.alarmEmail) this.topic.addSubscription(new EmailSubscription(settings.alarmEmail));
    const cpu = service.service.metricCpuUtilization({ period: Duration.minutes(5) });
    this.alarms = alarmRows({ settings, fleet: this.fleet, loadBalancer, storage, events: fileEvents, cpu }).map((row) => this.alarm(row));
    this.watchDeployments(service);
    this.dashboard = new cloudwatch.Dashboard(this, 'Dashboard', {
      widgets: dashboardWidgets({
        fleet: this.fleet,
        cpu,
        memory: service.service.metricMemoryUtilization({ period: Duration.minutes(5) }),
        healthyTasks: loadBalancer.healthyTasks(),
      }),
    });
    service.scaleOnTransfers(this.fleet.perTask('transfers.open'));
  }

  private alarm({ name, means, metric, threshold, below, periods = 1, silenceIsBad }: AlarmRow): cloudwatch.Alarm {
    const alarm = new cloudwatch.Alarm(this, `Alarm-${name}`, {
      alarmDescription: `${means} Runbook: ${runbook}#${name}`,
      metric,
      threshold,
      comparisonOperator: below
        ? cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
        : cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: periods,
      treatMissingData: silenceIsBad ? cloudwatch.TreatMissingData.BREACHING : cloudwatch.TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(new SnsAction(this.topic));
    alarm.addOkAction(new SnsAction(this.topic));
    return alarm;
  }

  /** A deployment that was rolled back is no metric; ECS tells it as an event. */
  private watchDeployments({ service }: Service): void {
    const rule = new events.Rule(this, 'DeploymentFailed', {
      description: `A deployment was rolled back. Runbook: ${runbook}#deployment-failed`,
      eventPattern: {
        source: ['aws.ecs'],
        detailType: ['ECS Deployment State Change'],
        resources: [service.serviceArn],
        detail: { eventName: ['SERVICE_DEPLOYMENT_FAILED'] },
      },
    });
    rule.addTarget(new SnsTopic(this.topic));
  }
}
