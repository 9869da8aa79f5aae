import { Aws, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Settings } from './settings';

/** The one key of the deployment, where the operator wants a key of his own; the constructs take it as it is, undefined included. */
export class Encryption extends Construct {
  readonly key: kms.IKey | undefined;

  constructor(scope: Construct, id: string, { encryption, keyArn }: Pick<Settings, 'encryption' | 'keyArn'>) {
    super(scope, id);
    if (encryption === 'aws') return;
    this.key = keyArn ? kms.Key.fromKeyArn(this, 'Key', keyArn) : newKey(this);
  }
}

/** What is encrypted with a lost key is lost, so it is retained like the bucket and the table. */
function newKey(scope: Construct): kms.Key {
  const key = new kms.Key(scope, 'Key', {
    description: 'Causeway: bucket, table, queues, topic and logs',
    enableKeyRotation: true,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  const { region, account } = Stack.of(scope);
  key.addToResourcePolicy(
    new iam.PolicyStatement({
      sid: 'Logs',
      principals: [new iam.ServicePrincipal(`logs.${region}.${Aws.URL_SUFFIX}`)],
      actions: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
      resources: ['*'],
      conditions: { ArnLike: { 'kms:EncryptionContext:aws:logs:arn': `arn:${Aws.PARTITION}:logs:${region}:${account}:*` } },
    }),
  );
  key.addToResourcePolicy(
    new iam.PolicyStatement({
      sid: 'AlarmsAndEvents',
      principals: [new iam.ServicePrincipal('cloudwatch.amazonaws.com'), new iam.ServicePrincipal('events.amazonaws.com')],
      actions: ['kms:Decrypt', 'kms:GenerateDataKey*'],
      resources: ['*'],
      conditions: { StringEquals: { 'aws:SourceAccount': account } },
    }),
  );
  return key;
}

export function retainedLogGroup(
  scope: Construct,
  id: string,
  { days, encryption }: { readonly days: number; readonly encryption: Encryption },
): logs.LogGroup {
  return new logs.LogGroup(scope, id, {
    retention: days,
    ...(encryption.key ? { encryptionKey: encryption.key } : {}),
    removalPolicy: RemovalPolicy.RETAIN,
  });
}
