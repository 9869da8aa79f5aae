import { join } from 'node:path';
import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import * as pipes from 'aws-cdk-lib/aws-pipes';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { ContainerEnvironment } from './container-environment';
import type { Encryption } from './encryption';
import { EventFunction } from './event-function';
import type { Settings } from './settings';
import type { Storage } from './storage';
import { tableSchema } from './table-schema';

export const eventSource = 'causeway';
export const eventDetailType = 'Causeway File Change';

export interface EventsProps {
  readonly settings: Settings;
  readonly encryption: Encryption;
  readonly storage: Storage;
  /** Source of the handler of bucket events. @default runtime/index-sync.ts */
  readonly indexSyncEntry?: string;
}

/** Two ways: completion events out to whoever processes files, and bucket events in, so that FTP shows what others put and take. */
export class Events extends Construct {
  readonly bus: events.EventBus;
  readonly undelivered: sqs.Queue;
  readonly bucketEvents: sqs.Queue;
  readonly unsynced: sqs.Queue;
  readonly shape: EventFunction;
  readonly indexSync: EventFunction;
  readonly pipe: pipes.CfnPipe;

  constructor(scope: Construct, id: string, props: EventsProps) {
    super(scope, id);
    const { encryption, storage } = props;
    this.bus = new events.EventBus(this, 'Bus', { description: 'One event for each version of a file that arrived, moved or went' });
    this.undelivered = deadLetters(this, 'Undelivered', encryption);
    this.shape = this.eventFunction('Shape', props, {
      description: 'Rows of the outbox to completion events',
      entry: join(__dirname, 'completion-event.lambda.ts'),
      environment: { CAUSEWAY_BUCKET: storage.bucket.bucketName },
      memory: 128,
      timeout: Duration.seconds(10),
    });
    Validations.of(this.undelivered).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason: 'It is the dead-letter queue itself, of the pipe; the rule knows only those of queues.',
    });
    this.pipe = this.deliverOutbox(storage, encryption);

    this.unsynced = deadLetters(this, 'Unsynced', encryption);
    this.indexSync = this.eventFunction('IndexSync', props, {
      description: 'Events of the bucket are hints: look at the object and make the index equal',
      entry: props.indexSyncEntry ?? join(__dirname, '..', 'runtime', 'index-sync.ts'),
      environment: storage.environment(),
      memory: 512,
      timeout: Duration.seconds(60),
    });
    storage.grantSync(this.indexSync.function);
    this.bucketEvents = this.takeBucketEvents(storage, encryption);
  }

  private eventFunction(
    id: string,
    { settings, encryption }: EventsProps,
    props: { description: string; entry: string; environment: ContainerEnvironment; memory: number; timeout: Duration },
  ): EventFunction {
    return new EventFunction(this, id, { ...props, logDays: settings.logDays, encryption });
  }

  /** The row of the outbox is written in the transaction that changes the file, so no event is lost and none is of something that did not happen. */
  private deliverOutbox({ table }: Storage, { key }: Encryption): pipes.CfnPipe {
    const role = new iam.Role(this, 'PipeRole', { assumedBy: new iam.ServicePrincipal('pipes.amazonaws.com') });
    const stream = table.tableStreamArn as string;
    const allow = (sid: string, resource: string, ...actions: string[]) =>
      role.addToPolicy(new iam.PolicyStatement({ sid, resources: [resource], actions }));
    allow('Stream', stream, 'dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator', 'dynamodb:ListStreams');
    allow('Shape', this.shape.function.functionArn, 'lambda:InvokeFunction');
    allow('Bus', this.bus.eventBusArn, 'events:PutEvents');
    allow('Undelivered', this.undelivered.queueArn, 'sqs:SendMessage');
    if (key) allow('Key', key.keyArn, 'kms:Decrypt', 'kms:GenerateDataKey');
    const pipe = new pipes.CfnPipe(this, 'Outbox', {
      description: 'Outbox rows of the table to the event bus',
      roleArn: role.roleArn,
      source: stream,
      sourceParameters: {
        dynamoDbStreamParameters: {
          startingPosition: 'TRIM_HORIZON',
          batchSize: 10,
          maximumRetryAttempts: 100,
          maximumRecordAgeInSeconds: 72_000,
          onPartialBatchItemFailure: 'AUTOMATIC_BISECT',
          deadLetterConfig: { arn: this.undelivered.queueArn },
        },
        filterCriteria: { filters: [{ pattern: JSON.stringify(outboxFilter) }] },
      },
      enrichment: this.shape.function.functionArn,
      target: this.bus.eventBusArn,
      targetParameters: { eventBridgeEventBusParameters: { source: eventSource, detailType: eventDetailType } },
    });
    // The pipe is checked against the rights of its role when it is made.
    pipe.node.addDependency(role);
    return pipe;
  }

  /** One path for a bucket of ours and for one that was there before: both send their events to EventBridge. */
  private takeBucketEvents({ bucket }: Storage, encryption: Encryption): sqs.Queue {
    const queue = new sqs.Queue(this, 'BucketEvents', {
      ...queueEncryption(encryption),
      enforceSSL: true,
      visibilityTimeout: Duration.minutes(6),
      retentionPeriod: Duration.days(4),
      deadLetterQueue: { queue: this.unsynced, maxReceiveCount: 5 },
    });
    new events.Rule(this, 'BucketRule', {
      description: 'Objects that were put or deleted',
      eventPattern: {
        source: ['aws.s3'],
        detailType: ['Object Created', 'Object Deleted'],
        detail: { bucket: { name: [bucket.bucketName] } },
      },
      targets: [new targets.SqsQueue(queue, { deadLetterQueue: this.unsynced })],
    });
    this.indexSync.function.addEventSource(new SqsEventSource(queue, { batchSize: 10, maxConcurrency: 5, reportBatchItemFailures: true }));
    return queue;
  }
}

/** Only rows that are new: what leaves the outbox was delivered. */
const outboxFilter = {
  eventName: ['INSERT'],
  dynamodb: { NewImage: { [tableSchema.partition]: { S: [{ prefix: tableSchema.outboxPrefix }] } } },
};

function deadLetters(scope: Construct, id: string, encryption: Encryption): sqs.Queue {
  return new sqs.Queue(scope, id, {
    ...queueEncryption(encryption),
    enforceSSL: true,
    retentionPeriod: Duration.days(14),
    removalPolicy: RemovalPolicy.RETAIN,
  });
}

function queueEncryption({ key }: Encryption): Pick<sqs.QueueProps, 'encryption' | 'encryptionMasterKey'> {
  return key ? { encryption: sqs.QueueEncryption.KMS, encryptionMasterKey: key } : { encryption: sqs.QueueEncryption.SQS_MANAGED };
}
