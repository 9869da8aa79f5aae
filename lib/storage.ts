import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { S3_SERVER_ACCESS_LOGS_USE_BUCKET_POLICY } from 'aws-cdk-lib/cx-api';
import { Construct } from 'constructs';
import { acknowledgeWildcard } from './acknowledge';
import type { ContainerEnvironment } from './container-environment';
import type { Encryption } from './encryption';
import type { Settings } from './settings';
import { tableSchema } from './table-schema';

export interface StorageProps {
  readonly settings: Settings;
  readonly encryption: Encryption;
}

/** The bucket that downstream reads and the table that FTP shows; both stay when the stack goes. */
export class Storage extends Construct {
  readonly bucket: s3.IBucket;
  readonly table: dynamodb.Table;
  private readonly encryption: Encryption;
  private readonly settings: Settings;

  constructor(scope: Construct, id: string, { settings, encryption }: StorageProps) {
    super(scope, id);
    // In apps without this flag the library would want an ACL on the bucket of access logs, and buckets have none any more.
    this.node.setContext(S3_SERVER_ACCESS_LOGS_USE_BUCKET_POLICY, true);
    this.encryption = encryption;
    this.settings = settings;
    this.bucket = settings.bucket ? s3.Bucket.fromBucketName(this, 'Bucket', settings.bucket) : newBucket(this, settings, encryption);
    this.table = new dynamodb.Table(this, 'Table', {
      partitionKey: { name: tableSchema.partition, type: dynamodb.AttributeType.STRING },
      sortKey: { name: tableSchema.sort, type: dynamodb.AttributeType.STRING },
      timeToLiveAttribute: tableSchema.timeToLive,
      billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: settings.deletionProtection,
      stream: dynamodb.StreamViewType.NEW_IMAGE,
      encryption: encryption.key ? dynamodb.TableEncryption.CUSTOMER_MANAGED : dynamodb.TableEncryption.DEFAULT,
      ...(encryption.key ? { encryptionKey: encryption.key } : {}),
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.table.addGlobalSecondaryIndex({
      indexName: tableSchema.index.name,
      partitionKey: { name: tableSchema.index.partition, type: dynamodb.AttributeType.STRING },
      sortKey: { name: tableSchema.index.sort, type: dynamodb.AttributeType.STRING },
      projectionType: dynamodb.ProjectionType.KEYS_ONLY,
    });
  }

  environment(): ContainerEnvironment {
    const { storageClass, objectTags } = this.settings;
    return {
      CAUSEWAY_OBJECTS: 's3',
      CAUSEWAY_BUCKET: this.bucket.bucketName,
      CAUSEWAY_S3_PROFILE: 'aws',
      ...(this.encryption.key ? { CAUSEWAY_S3_KMS_KEY: this.encryption.key.keyArn } : {}),
      ...(storageClass ? { CAUSEWAY_S3_STORAGE_CLASS: storageClass } : {}),
      ...(objectTags ? { CAUSEWAY_S3_TAGS: objectTags } : {}),
      CAUSEWAY_METADATA: 'dynamodb',
      CAUSEWAY_TABLE: this.table.tableName,
      CAUSEWAY_REGION: this.table.env.region,
    };
  }

  /** What a task does with files; it can change nothing of the bucket itself. */
  grantServe(grantee: iam.IGrantable): void {
    grant(
      grantee,
      [this.bucket.bucketArn],
      [
        's3:ListBucket',
        's3:ListBucketMultipartUploads',
        's3:ListBucketVersions',
        's3:GetBucketVersioning',
        's3:GetBucketObjectLockConfiguration',
        's3:GetLifecycleConfiguration',
      ],
    );
    grant(
      grantee,
      [this.bucket.arnForObjects('*')],
      [
        's3:GetObject',
        's3:GetObjectVersion',
        's3:PutObject',
        ...(this.settings.objectTags ? ['s3:PutObjectTagging'] : []),
        's3:DeleteObject',
        's3:AbortMultipartUpload',
        's3:ListMultipartUploadParts',
      ],
    );
    this.grantTable(grantee);
    this.grantKey(grantee);
  }

  /** What makes the index equal to the bucket: looks at objects, and takes a late duplicate of ours away. */
  grantSync(grantee: iam.IGrantable): void {
    grant(
      grantee,
      [this.bucket.bucketArn],
      [
        's3:ListBucket',
        's3:ListBucketVersions',
        's3:GetBucketVersioning',
        's3:GetBucketObjectLockConfiguration',
        's3:GetLifecycleConfiguration',
      ],
    );
    grant(grantee, [this.bucket.arnForObjects('*')], ['s3:GetObject', 's3:GetObjectVersion', 's3:DeleteObject']);
    this.grantTable(grantee);
    this.grantKey(grantee);
  }

  /** Reads finished files. */
  grantRead(grantee: iam.IGrantable): void {
    grant(grantee, [this.bucket.bucketArn], ['s3:ListBucket']);
    grant(grantee, [this.bucket.arnForObjects('*')], ['s3:GetObject', 's3:GetObjectVersion']);
    this.grantKey(grantee, ['kms:Decrypt']);
  }

  /** Reads finished files and takes them away: the index follows. */
  grantConsume(grantee: iam.IGrantable): void {
    this.grantRead(grantee);
    grant(grantee, [this.bucket.arnForObjects('*')], ['s3:DeleteObject']);
  }

  /** Puts files where partners find them: the index follows. */
  grantPlace(grantee: iam.IGrantable): void {
    grant(grantee, [this.bucket.arnForObjects('*')], ['s3:PutObject', 's3:AbortMultipartUpload']);
    this.grantKey(grantee);
  }

  /** All that the command line does with bucket and table: partners, sessions, and what looks at every file: reconcile, import. */
  grantOperate(grantee: iam.IGrantable): void {
    this.grantServe(grantee);
    grant(grantee, [this.table.tableArn], ['dynamodb:Scan']);
  }

  private grantTable(grantee: iam.IGrantable): void {
    grant(
      grantee,
      [this.table.tableArn],
      [
        'dynamodb:DescribeTable',
        'dynamodb:DescribeTimeToLive',
        'dynamodb:GetItem',
        'dynamodb:BatchGetItem',
        'dynamodb:Query',
        'dynamodb:PutItem',
        'dynamodb:BatchWriteItem',
        'dynamodb:UpdateItem',
        'dynamodb:DeleteItem',
        'dynamodb:ConditionCheckItem',
      ],
    );
    grant(grantee, [`${this.table.tableArn}/index/${tableSchema.index.name}`], ['dynamodb:Query']);
  }

  private grantKey(grantee: iam.IGrantable, actions = ['kms:Decrypt', 'kms:GenerateDataKey']): void {
    if (this.encryption.key) grant(grantee, [this.encryption.key.keyArn], actions);
  }
}

/**
 * Own statements: those of the library end in wildcards of actions. They have no Sid: it must be unique in a policy, and one role may be given two grants,
 * or the grants of two deployments.
 */
export function grant(grantee: iam.IGrantable, resources: readonly string[], actions: readonly string[]): void {
  const principal = grantee.grantPrincipal;
  for (const resource of resources)
    if (resource.endsWith('/*') && Construct.isConstruct(principal))
      acknowledgeWildcard(
        principal,
        resource,
        'Partners name their files: the objects of this one bucket, and no other, is as narrow as it can be said.',
      );
  principal.addToPrincipalPolicy(new iam.PolicyStatement({ resources: [...resources], actions: [...actions] }));
}

function newBucket(scope: Construct, settings: Settings, encryption: Encryption): s3.Bucket {
  const { objectLock, accessLogs, unfinishedUploadDays, oldVersionDays, logDays } = settings;
  const bucket = new s3.Bucket(scope, 'Bucket', {
    versioned: true,
    enforceSSL: true,
    minimumTLSVersion: 1.2,
    blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
    objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
    encryption: encryption.key ? s3.BucketEncryption.KMS : s3.BucketEncryption.S3_MANAGED,
    ...(encryption.key ? { encryptionKey: encryption.key, bucketKeyEnabled: true } : {}),
    ...(objectLock === 'off' ? {} : { objectLockEnabled: true, objectLockDefaultRetention: lockRetention(objectLock) }),
    lifecycleRules: [
      { id: 'unfinished-uploads', abortIncompleteMultipartUploadAfter: Duration.days(unfinishedUploadDays) },
      { id: 'old-versions', noncurrentVersionExpiration: Duration.days(oldVersionDays), expiredObjectDeleteMarker: true },
    ],
    ...(accessLogs ? { serverAccessLogsBucket: accessLogBucket(scope, logDays), serverAccessLogsPrefix: 'objects/' } : {}),
    removalPolicy: RemovalPolicy.RETAIN,
  });
  // The switch of the library does this with a function and a policy of its own; the property is all it sets.
  (bucket.node.defaultChild as s3.CfnBucket).addPropertyOverride(
    'NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled',
    true,
  );
  if (!accessLogs)
    Validations.of(bucket).acknowledge({
      id: 'AwsSolutions-S1',
      reason: 'Switched off by accessLogs: what partners do is in the log of the server.',
    });
  return bucket;
}

function lockRetention({ mode, days }: Exclude<Settings['objectLock'], 'off'>): s3.ObjectLockRetention {
  return mode === 'governance'
    ? s3.ObjectLockRetention.governance(Duration.days(days))
    : s3.ObjectLockRetention.compliance(Duration.days(days));
}

function accessLogBucket(scope: Construct, logDays: number): s3.Bucket {
  return new s3.Bucket(scope, 'AccessLogs', {
    enforceSSL: true,
    blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
    encryption: s3.BucketEncryption.S3_MANAGED,
    objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
    lifecycleRules: [{ id: 'end', expiration: Duration.days(logDays), abortIncompleteMultipartUploadAfter: Duration.days(1) }],
    removalPolicy: RemovalPolicy.RETAIN,
  });
}
