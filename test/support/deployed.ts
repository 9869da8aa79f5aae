import { CreateBucketCommand, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { openDynamo } from '../../runtime/adapters/dynamodb/open-dynamodb';
import { createTable } from '../../runtime/adapters/dynamodb/table';
import { randomIds } from '../../runtime/adapters/random-ids';
import { systemClock } from '../../runtime/adapters/system-clock';
import { type Known, resourcesOf, type Template } from '../infrastructure/template';
import { quietLog } from './filesystem';
import { type RecordedCalls, readDynamodb, readS3, recordCalls } from './recorded-calls';
import { startDynamodbLocal } from './servers/dynamodb-local';
import { startVersitygw, versitygwKeys } from './servers/versitygw';

/** What a template keeps its files and its index in, as a deployment would make it, on servers of this machine; every request to them is noted. */
export interface Deployed {
  readonly known: Known;
  /** Of bucket and table, as the template's policies name them. */
  readonly arns: { readonly bucket: string; readonly table: string };
  readonly table: string;
  readonly objects: RecordedCalls;
  readonly index: RecordedCalls;
  /** What stands for AWS, beside the environment that the template says. */
  readonly settings: Readonly<Record<string, string>>;
  /** As somebody else who works on the bucket. */
  readonly client: S3Client;
  readonly bucket: string;
  stop(): Promise<void>;
}

const names = { bucket: 'template-files', table: 'template-table' } as const;
const arns = { bucket: 'arn:bucket', table: 'arn:table' } as const;

/** @param addressOf Addresses of the zones, by number. */
export async function deploy(template: Template, addressOf: (zone: number) => string): Promise<Deployed> {
  const stops: (() => unknown)[] = [];
  const stop = async () => {
    for (const each of stops.splice(0).reverse()) await each();
  };
  try {
    const [s3, dynamodb] = await Promise.all([startVersitygw(), startDynamodbLocal()]);
    stops.push(s3.stop, dynamodb.stop);
    const client = new S3Client({ endpoint: s3.endpoint, region: 'us-east-1', credentials: versitygwKeys, forcePathStyle: true });
    stops.push(() => client.destroy());
    await client.send(new CreateBucketCommand({ Bucket: names.bucket }));
    await client.send(new PutBucketVersioningCommand({ Bucket: names.bucket, VersioningConfiguration: { Status: 'Enabled' } }));
    const dynamo = openDynamo(
      { table: names.table, endpoint: dynamodb.endpoint, credentials: versitygwKeys },
      { clock: systemClock, ids: randomIds, log: quietLog },
    );
    await createTable(dynamo).finally(() => dynamo.close());
    const objects = await recordCalls(s3.endpoint, readS3);
    stops.push(objects.close);
    const index = await recordCalls(dynamodb.endpoint, readDynamodb);
    stops.push(index.close);
    return {
      known: knownOf(template, addressOf),
      arns,
      ...names,
      objects,
      index,
      client,
      settings: {
        CAUSEWAY_S3_ENDPOINT: objects.endpoint,
        // Not everything that S3 can do, this server can.
        CAUSEWAY_S3_PROFILE: 'versitygw',
        CAUSEWAY_DYNAMODB_ENDPOINT: index.endpoint,
        AWS_ACCESS_KEY_ID: versitygwKeys.accessKeyId,
        AWS_SECRET_ACCESS_KEY: versitygwKeys.secretAccessKey,
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function knownOf(template: Template, addressOf: (zone: number) => string): Known {
  const values: Record<string, string> = { 'AWS::Region': 'us-east-1', 'AWS::Partition': 'aws', 'AWS::AccountId': '111122223333' };
  for (const id of Object.keys(template.Resources)) Object.assign(values, { [id]: id, [`${id}.Arn`]: `arn:${id}` });
  for (const [number, { id }] of resourcesOf(template, 'AWS::EC2::EIP').entries()) values[`${id}.PublicIp`] = addressOf(number + 1);
  const [bucket] = resourcesOf(template, 'AWS::S3::Bucket').filter(({ Properties }) => Properties['VersioningConfiguration']);
  const [table] = resourcesOf(template, 'AWS::DynamoDB::Table');
  if (!bucket || !table) throw new Error('the template has no bucket or no table');
  return {
    ...values,
    [bucket.id]: names.bucket,
    [`${bucket.id}.Arn`]: arns.bucket,
    [table.id]: names.table,
    [`${table.id}.Arn`]: arns.table,
  };
}
