import { CfnOutput, Stack } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import type * as ecs from 'aws-cdk-lib/aws-ecs';
import * as events from 'aws-cdk-lib/aws-events';
import type * as iam from 'aws-cdk-lib/aws-iam';
import * as route53 from 'aws-cdk-lib/aws-route53';
import { LoadBalancerTarget } from 'aws-cdk-lib/aws-route53-targets';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { Certificate } from './certificate';
import type { CompletionEvent } from './completion-event.lambda';
import { passiveRange, publicPorts } from './container-environment';
import { Encryption } from './encryption';
import { Events, eventDetailType, eventSource } from './events';
import { LoadBalancer } from './load-balancer';
import type { MetricName } from './metrics';
import { Network, type ZoneAddress } from './network';
import { Observability } from './observability';
import { Service } from './service';
import { readSettings, type Settings } from './settings';
import { grant, Storage } from './storage';

export interface CausewayProps {
  /** What differs from the defaults; see `Settings`. */
  readonly settings?: Partial<Settings>;
  /** Image of the server. @default - built from `runtime/Dockerfile` when the stack is deployed */
  readonly image?: ecs.ContainerImage;
  /** Source of the handler of bucket events. @default runtime/index-sync.ts */
  readonly indexSyncEntry?: string;
}

/** The whole bridge, for an app of one's own as well: partners in front, a bucket and a bus behind. */
export class Causeway extends Construct {
  readonly settings: Settings;
  /** Finished files, under `<home of the partner>/<path>`. */
  readonly bucket: s3.IBucket;
  readonly table: dynamodb.ITable;
  /** Completion events; see `onFileChange`. */
  readonly bus: events.IEventBus;
  /** What partners connect to: the host name, or the load balancer's own. */
  readonly host: string;
  readonly addresses: readonly ZoneAddress[];
  readonly service: Service;
  readonly loadBalancer: LoadBalancer;
  readonly observability: Observability;
  private readonly storage: Storage;
  private readonly events: Events;

  constructor(scope: Construct, id: string, { settings: given = {}, image, indexSyncEntry }: CausewayProps = {}) {
    super(scope, id);
    const settings = readSettings({ ...given });
    this.settings = settings;
    const { hostName, hostedZone } = settings;
    const zone = hostedZone
      ? route53.HostedZone.fromHostedZoneAttributes(this, 'Zone', { hostedZoneId: hostedZone.id, zoneName: hostedZone.name })
      : undefined;

    const encryption = new Encryption(this, 'Encryption', settings);
    const network = new Network(this, 'Network', { settings, encryption });
    this.loadBalancer = new LoadBalancer(this, 'LoadBalancer', { network });
    const certificate = new Certificate(this, 'Certificate', { settings, zone });
    this.storage = new Storage(this, 'Storage', { settings, encryption });
    this.service = new Service(this, 'Service', {
      settings,
      encryption,
      network,
      loadBalancer: this.loadBalancer,
      environment: { ...this.storage.environment(), ...certificate.environment() },
      ...(image ? { image } : {}),
    });
    this.events = new Events(this, 'Events', {
      settings,
      encryption,
      storage: this.storage,
      ...(indexSyncEntry ? { indexSyncEntry } : {}),
    });
    this.observability = new Observability(this, 'Observability', {
      settings,
      encryption,
      loadBalancer: this.loadBalancer,
      storage: this.storage,
      service: this.service,
      events: this.events,
    });

    this.storage.grantServe(this.service.taskRole);
    certificate.grantRead(this.service.taskRole);
    if (zone && hostName)
      new route53.ARecord(this, 'Record', {
        zone,
        recordName: hostName,
        target: route53.RecordTarget.fromAlias(new LoadBalancerTarget(this.loadBalancer.balancer)),
      });
    this.bucket = this.storage.bucket;
    this.table = this.storage.table;
    this.bus = this.events.bus;
    this.host = hostName ?? this.loadBalancer.balancer.loadBalancerDnsName;
    this.addresses = network.addresses;
  }

  /** Reads finished files. */
  grantRead(grantee: iam.IGrantable): void {
    this.storage.grantRead(grantee);
  }

  /** Reads finished files and takes them away. */
  grantConsume(grantee: iam.IGrantable): void {
    this.storage.grantConsume(grantee);
  }

  /** Puts files where partners find them. */
  grantPlace(grantee: iam.IGrantable): void {
    this.storage.grantPlace(grantee);
  }

  /** Uses the command line with `--stack`, which reads the outputs of the stack: partners, sessions, reconcile, import. */
  grantOperate(grantee: iam.IGrantable): void {
    this.storage.grantOperate(grantee);
    grant(grantee, [Stack.of(this).stackId], ['cloudformation:DescribeStacks']);
  }

  /** Outputs of its stack, for people and for the command line: `--stack` finds it by them. Of several in one stack only one can have them. */
  addOutputs(): void {
    const { host, addresses, bucket, table, bus, service, observability } = this;
    const { pipe, undelivered, unsynced, bucketEvents, shape, indexSync } = this.events;
    const outputs: Readonly<Record<string, readonly [value: string, description: string]>> = {
      Host: [host, 'What partners connect to'],
      Addresses: [addresses.map(({ address }) => address).join(','), "For partners' firewalls"],
      ExplicitPort: [String(publicPorts.explicit), 'Control connections, explicit TLS'],
      ImplicitPort: [String(publicPorts.implicit), 'Control connections, implicit TLS'],
      PassivePorts: [passiveRange, 'Data connections'],
      Region: [Stack.of(this).region, 'Where it runs'],
      Bucket: [bucket.bucketName, 'Finished files'],
      Table: [table.tableName, 'Index and partners'],
      EventBus: [bus.eventBusName, 'Completion events'],
      Cluster: [service.cluster.clusterName, 'For aws ecs'],
      Service: [service.service.serviceName, 'For aws ecs'],
      Log: [service.logGroup.logGroupName, 'For aws logs tail'],
      AlarmTopic: [observability.topic.topicArn, 'Subscribe to be called'],
      Dashboard: [observability.dashboard.dashboardName, 'In CloudWatch'],
      Pipe: [pipe.ref, 'Completion events: for aws pipes'],
      UndeliveredQueue: [undelivered.queueUrl, 'Completion events that could not be delivered: for aws sqs'],
      BucketEventsQueue: [bucketEvents.queueArn, 'Events of the bucket: for aws sqs'],
      UnsyncedQueue: [unsynced.queueArn, 'Events of the bucket that could not be worked off: for aws sqs'],
      ShapeLog: [shape.logGroup.logGroupName, 'For aws logs tail'],
      SyncLog: [indexSync.logGroup.logGroupName, 'For aws logs tail'],
    };
    const scope = new Construct(this, 'Outputs');
    for (const [name, [value, description]] of Object.entries(outputs))
      new CfnOutput(scope, name, { value, description }).overrideLogicalId(name);
  }

  /**
   * A rule for files that can be read below `prefix` from now on, whether they arrived there or were renamed into it; `types` asks for others. Deliveries may
   * repeat: `id` tells.
   */
  onFileChange(
    id: string,
    {
      types = ['arrived', 'moved'],
      prefix = '',
      ...options
    }: events.OnEventOptions & { types?: readonly CompletionEvent['type'][]; prefix?: string } = {},
  ): events.Rule {
    const { target, ...rest } = options;
    return new events.Rule(this, id, {
      ...rest,
      eventBus: this.bus,
      eventPattern: {
        source: [eventSource],
        detailType: [eventDetailType],
        detail: { type: [...types], ...(prefix ? { key: [{ prefix }] } : {}) },
      },
      ...(target ? { targets: [target] } : {}),
    });
  }

  /** A metric of the server by its own name. */
  metric(name: MetricName, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.observability.fleet.get(name, options);
  }

  metricUploads(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('uploads.committed', options);
  }

  metricFailedUploads(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('uploads.failed', options);
  }

  metricTruncatedUploads(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('data.truncated', options);
  }

  metricBytesReceived(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('bytes.in', options);
  }

  metricFailedLogins(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('logins.failed', options);
  }
}
