import { CreateBucketCommand, HeadBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { openDynamo } from '../../runtime/adapters/dynamodb/open-dynamodb';
import { createTable } from '../../runtime/adapters/dynamodb/table';
import { randomIds } from '../../runtime/adapters/random-ids';
import { systemClock } from '../../runtime/adapters/system-clock';
import type { Log } from '../../runtime/ports/log';
import { hasDynamodbLocal, startDynamodbLocal } from './servers/dynamodb-local';
import { hasVersitygw, startVersitygw, versitygwKeys } from './servers/versitygw';

/** Bucket and table of a fleet: those that the settings name, and for what they do not name a server of other people, started for it and gone with it. */
export interface FleetStores {
  /** What a task must be told. */
  readonly settings: Readonly<Record<string, string>>;
  /** For people: what stands behind it. */
  readonly text: string;
  stop(): Promise<void>;
}

export const fleetStoresInstalled = (): boolean => hasVersitygw() && hasDynamodbLocal();

const silent: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined, with: () => silent };
const bucket = 'causeway-fleet';
const table = 'causeway-fleet';

/** @param given Settings and AWS credentials; of the two servers only those are started that nothing is said about. */
export async function openFleetStores(given: Readonly<Record<string, string | undefined>> = {}): Promise<FleetStores> {
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const each of stops.splice(0).reverse()) await each();
  };
  try {
    const objects = given['CAUSEWAY_BUCKET'] ? undefined : await openBucket(stops);
    const index = given['CAUSEWAY_TABLE'] ? undefined : await openTable(stops);
    const settings = { CAUSEWAY_OBJECTS: 's3', CAUSEWAY_METADATA: 'dynamodb', ...objects, ...index };
    const text = `files in ${objects ? 'versitygw' : `bucket ${given['CAUSEWAY_BUCKET']}`}, index in ${index ? 'DynamoDB Local' : `table ${given['CAUSEWAY_TABLE']}`}`;
    return { settings, text, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const keys = { AWS_ACCESS_KEY_ID: versitygwKeys.accessKeyId, AWS_SECRET_ACCESS_KEY: versitygwKeys.secretAccessKey };

async function openBucket(stops: (() => Promise<void>)[]): Promise<Record<string, string>> {
  const server = await startVersitygw();
  stops.push(server.stop);
  const client = new S3Client({ endpoint: server.endpoint, region: 'us-east-1', credentials: versitygwKeys, forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  await client.send(new HeadBucketCommand({ Bucket: bucket }));
  client.destroy();
  return { CAUSEWAY_BUCKET: bucket, CAUSEWAY_S3_ENDPOINT: server.endpoint, CAUSEWAY_S3_PROFILE: 'versitygw', ...keys };
}

async function openTable(stops: (() => Promise<void>)[]): Promise<Record<string, string>> {
  const server = await startDynamodbLocal();
  stops.push(server.stop);
  // The same account as the tasks: this server keeps tables of several accounts apart.
  const where = { table, endpoint: server.endpoint, credentials: versitygwKeys };
  const dynamo = openDynamo(where, { clock: systemClock, ids: randomIds, log: silent });
  await createTable(dynamo);
  dynamo.close();
  return { CAUSEWAY_TABLE: table, CAUSEWAY_DYNAMODB_ENDPOINT: server.endpoint, ...keys };
}
