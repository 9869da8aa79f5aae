import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { metricNames } from '../../lib/metrics';
import type { Examples } from './synthesize';
import { onlyResource, resolve, resourcesOf, type Template } from './template';

/** Bucket, table, events, logs, alarms: what is there when no task runs. */
export function describeWhatIsKept({ trial, whole, guest }: Examples): void {
  function bucketOf(template: Template) {
    const found = resourcesOf(template, 'AWS::S3::Bucket').filter(({ Properties }) => Properties['VersioningConfiguration'] !== undefined);
    expect(found).toHaveLength(1);
    return found[0]?.Properties;
  }

  describe('the bucket', () => {
    it('keeps versions, is not public, and ends what nobody ends', () => {
      expect(bucketOf(trial)).toMatchObject({
        VersioningConfiguration: { Status: 'Enabled' },
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
        BucketEncryption: { ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }] },
        LifecycleConfiguration: {
          Rules: [
            { AbortIncompleteMultipartUpload: { DaysAfterInitiation: 8 } },
            { NoncurrentVersionExpiration: { NoncurrentDays: 30 }, ExpiredObjectDeleteMarker: true },
          ],
        },
        NotificationConfiguration: { EventBridgeConfiguration: { EventBridgeEnabled: true } },
      });
      expect(bucketOf(trial)?.['ObjectLockEnabled']).toBeUndefined();
    });

    it('has a key and a lock of its own where they are asked for', () => {
      expect(bucketOf(whole)).toMatchObject({
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [{ BucketKeyEnabled: true, ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms' } }],
        },
        ObjectLockEnabled: true,
        ObjectLockConfiguration: { Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: 30 } } },
      });
    });

    it('refuses requests without TLS', () => {
      const policies = resourcesOf(trial, 'AWS::S3::BucketPolicy').map(({ Properties }) => JSON.stringify(Properties));
      expect(policies).toHaveLength(2);
      for (const policy of policies) expect(policy).toContain('"aws:SecureTransport":"false"');
    });

    it('that exists already is not touched', () => {
      expect(resourcesOf(guest, 'AWS::S3::Bucket')).toEqual([]);
      expect(resourcesOf(guest, 'AWS::S3::BucketPolicy')).toEqual([]);
    });
  });

  describe('the table', () => {
    it('has the keys, the index and the expiry that the server reads by', () => {
      expect(onlyResource(trial, 'AWS::DynamoDB::Table').Properties).toMatchObject({
        KeySchema: [
          { AttributeName: 'pk', KeyType: 'HASH' },
          { AttributeName: 'sk', KeyType: 'RANGE' },
        ],
        GlobalSecondaryIndexes: [{ IndexName: 'work', Projection: { ProjectionType: 'KEYS_ONLY' } }],
        BillingMode: 'PAY_PER_REQUEST',
        TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: true },
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        StreamSpecification: { StreamViewType: 'NEW_IMAGE' },
      });
    });

    it.each([
      ['trial', trial, true],
      ['guest', guest, false],
    ])('is protected unless that is switched off (%s)', (_, template, expected) => {
      expect(onlyResource(template, 'AWS::DynamoDB::Table').Properties['DeletionProtectionEnabled']).toBe(expected);
    });
  });

  it('files, index, addresses, key, logs and dead letters stay when the stack goes', () => {
    const kept = Object.values(whole.Resources)
      .filter(({ DeletionPolicy }) => DeletionPolicy?.startsWith('Retain'))
      .map(({ Type }) => Type);
    expect(Object.fromEntries([...new Set(kept)].sort().map((type) => [type, kept.filter((one) => one === type).length]))).toEqual({
      'AWS::DynamoDB::Table': 1,
      'AWS::EC2::EIP': 3,
      'AWS::KMS::Key': 1,
      'AWS::Logs::LogGroup': 4,
      'AWS::S3::Bucket': 2,
      'AWS::SQS::Queue': 2,
    });
  });

  it('a key that exists already is asked for the statements that one of ours has', () => {
    const known = {
      'AWS::Region': 'eu-central-1',
      'AWS::AccountId': '111122223333',
      'AWS::Partition': 'aws',
      'AWS::URLSuffix': 'amazonaws.com',
    };
    const plain = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(plain);
      if (typeof value !== 'object' || value === null) return value;
      if ('Ref' in value || 'Fn::Join' in value) return resolve(value, known);
      return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
    };
    const { Statement } = onlyResource(whole, 'AWS::KMS::Key').Properties['KeyPolicy'] as { Statement: { Sid?: string }[] };
    const page = readFileSync(join(__dirname, '..', '..', 'docs', 'deploy.md'), 'utf8');
    const printed = JSON.parse(/```json\n( *\[[^`]*\])\n *```/.exec(page)?.[1] ?? '[]');
    expect(printed).toEqual(Statement.filter(({ Sid }) => ['Logs', 'AlarmsAndEvents'].includes(Sid ?? '')).map(plain));
    expect(printed).toHaveLength(2);
  });

  describe('completion events', () => {
    it('leave the outbox, and only the outbox, for the bus', () => {
      expect(onlyResource(trial, 'AWS::Pipes::Pipe').Properties).toMatchObject({
        SourceParameters: {
          FilterCriteria: { Filters: [{ Pattern: '{"eventName":["INSERT"],"dynamodb":{"NewImage":{"pk":{"S":[{"prefix":"O/"}]}}}}' }] },
          DynamoDBStreamParameters: {
            StartingPosition: 'TRIM_HORIZON',
            OnPartialBatchItemFailure: 'AUTOMATIC_BISECT',
            DeadLetterConfig: expect.anything(),
          },
        },
        TargetParameters: { EventBridgeEventBusParameters: { Source: 'causeway', DetailType: 'Causeway File Change' } },
      });
    });
  });

  describe('events of the bucket', () => {
    it.each([
      ['own', trial, { Ref: expect.stringContaining('Bucket') }],
      ['existing', guest, 'files-of-partners'],
    ])('come through a queue with a dead-letter queue (%s)', (_, template, name) => {
      const rule = resourcesOf(template, 'AWS::Events::Rule').find(({ Properties }) => JSON.stringify(Properties).includes('aws.s3'));
      expect(rule?.Properties['EventPattern']).toEqual({
        source: ['aws.s3'],
        'detail-type': ['Object Created', 'Object Deleted'],
        detail: { bucket: { name: [name] } },
      });
      expect(onlyResource(template, 'AWS::Lambda::EventSourceMapping').Properties).toMatchObject({
        FunctionResponseTypes: ['ReportBatchItemFailures'],
        ScalingConfig: { MaximumConcurrency: 5 },
      });
      expect(resourcesOf(template, 'AWS::SQS::Queue').filter(({ Properties }) => Properties['RedrivePolicy'])).toHaveLength(1);
    });
  });

  describe('the runbook', () => {
    const page = readFileSync(join(__dirname, '..', '..', 'docs', 'operations.md'), 'utf8');
    const sections = page
      .split(/^## /m)
      .slice(1)
      .map((section) => ({ name: section.slice(0, section.indexOf('\n')), text: section }));
    const pointed = [...JSON.stringify(trial).matchAll(/docs\/operations\.md#([a-z0-9-]+)/g)].map(([, name]) => name);

    it('has a section for each alarm, and no other', () => {
      expect(pointed.length).toBeGreaterThan(15);
      expect(sections.map(({ name }) => name).sort()).toEqual([...pointed].sort());
    });

    it('names in its commands only what the operator knows or the outputs tell', () => {
      const named = [...page.matchAll(/--[a-z-]+ ([A-Z]{2,})\b/g)].map(([, name]) => name);
      const outputs = Object.keys(trial.Outputs ?? {}).map((name) => name.toUpperCase());
      expect(named.length).toBeGreaterThan(8);
      expect(named.filter((name) => ![...outputs, 'NAME', 'STOPPED'].includes(name as string))).toEqual([]);
    });

    it('looks for the transfers that an alarm counts', () => {
      expect(page).toContain('`{ $.event = "transfer.end" && $.fault = "server" }`');
    });

    it('gives commands of the program as they can be pasted, for the stack that is meant', () => {
      // One paragraph is of a server without a stack.
      const deployed = page.replace(/^\*\*[^*]*on a server of your own\.\*\*[\s\S]*?(?=^\*\*|^## )/m, '');
      expect(deployed.length).toBeLessThan(page.length);
      const commands = [...deployed.matchAll(/`((?:npx )?causeway [a-z][^`]*)`/g)].map(([, command]) => command);
      expect(commands.length).toBeGreaterThan(8);
      for (const command of commands) expect(command).toMatch(/^npx causeway .*--stack causeway/s);
    });

    it.each(sections.map(({ name, text }) => [name, text]))(
      'says of %s what it means, whom it hurts, where to look, what to do',
      (_, text) => {
        for (const part of ['**Means.**', '**Impact.**', '**Look.**', '**Do.**']) expect(text).toContain(part);
      },
    );
  });

  describe('what is shown and told', () => {
    it('every alarm calls somebody', () => {
      const alarms = resourcesOf(trial, 'AWS::CloudWatch::Alarm');
      for (const { Properties } of alarms)
        expect(Properties).toMatchObject({ AlarmActions: [expect.anything()], OKActions: [expect.anything()] });
    });

    it.each([
      ['guest', guest, 'IF(FILL(zone1, 0) < 1 OR FILL(zone1, 0) < 1, 1, 0)'],
      [
        'whole',
        whole,
        'IF(FILL(zone1, 0) < 1 OR FILL(zone2, 0) < 1 OR FILL(zone3, 0) < 1 OR FILL(zone1, 0) + FILL(zone2, 0) + FILL(zone3, 0) < 3, 1, 0)',
      ],
    ])('a zone whose tasks are all gone is missed, however many others have (%s)', (_, template, expression) => {
      const alarm = resourcesOf(template, 'AWS::CloudWatch::Alarm').find(({ id }) => id.includes('tasksmissing'));
      const metrics = alarm?.Properties['Metrics'] as {
        Expression?: string;
        MetricStat?: { Metric: { Dimensions: { Name: string }[] } };
      }[];
      expect(metrics.flatMap(({ Expression }) => Expression ?? [])).toEqual([expression]);
      const dimensions = metrics.flatMap(({ MetricStat }) => (MetricStat ? [MetricStat.Metric.Dimensions] : []));
      expect(new Set(dimensions.map((each) => JSON.stringify(each))).size).toBe(dimensions.length);
      for (const each of dimensions)
        expect(each.map(({ Name }) => Name).sort()).toEqual(['AvailabilityZone', 'LoadBalancer', 'TargetGroup']);
      expect(alarm?.Properties).toMatchObject({ EvaluationPeriods: 10, TreatMissingData: 'breaching' });
    });

    it('a file that is told in the period after its event is no stopped pipe: two neighbours must look so', () => {
      const alarm = resourcesOf(trial, 'AWS::CloudWatch::Alarm').find(({ id }) => id.includes('eventsstopped'));
      expect(alarm?.Properties).toMatchObject({ EvaluationPeriods: 2, Threshold: 1 });
      // Fewer than all of them could be two that are no neighbours.
      expect(alarm?.Properties['DatapointsToAlarm'] ?? 2).toBe(2);
    });

    it('alarms and dashboard use only metrics that the server sends', () => {
      const used = [...JSON.stringify(trial).matchAll(/"MetricName":"([a-z0-9.-]+)"|\\"Causeway\\",\\"([a-z0-9.-]+)\\"/g)]
        .map(([, one, other]) => one ?? other)
        .filter((name) => name?.includes('.'));
      expect(used.length).toBeGreaterThan(20);
      for (const name of used) expect(metricNames).toContain(name);
    });

    it('each log ends after its days', () => {
      for (const { Properties } of resourcesOf(trial, 'AWS::Logs::LogGroup')) expect(Properties['RetentionInDays']).toBe(90);
    });

    it('mail goes to whom it should', () => {
      expect(onlyResource(whole, 'AWS::SNS::Subscription').Properties).toMatchObject({
        Protocol: 'email',
        Endpoint: 'operator@example.com',
      });
      expect(resourcesOf(trial, 'AWS::SNS::Subscription')).toEqual([]);
    });

    it('the outputs are what people and the command line need', () => {
      expect(Object.keys(trial.Outputs ?? {}).sort()).toEqual([
        'Addresses',
        'AlarmTopic',
        'Bucket',
        'BucketEventsQueue',
        'Cluster',
        'Dashboard',
        'EventBus',
        'ExplicitPort',
        'Host',
        'ImplicitPort',
        'Log',
        'PassivePorts',
        'Pipe',
        'Region',
        'Service',
        'ShapeLog',
        'SyncLog',
        'Table',
        'UndeliveredQueue',
        'UnsyncedQueue',
      ]);
    });
  });
}
