import {
  CreateBucketCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { BudgetedPartBuffers } from '../../runtime/adapters/memory/budgeted-part-buffers';
import { randomIds } from '../../runtime/adapters/random-ids';
import { type OpenedS3Store, openS3Store, type S3Options } from '../../runtime/adapters/s3/open-s3-store';
import { systemClock } from '../../runtime/adapters/system-clock';
import type { Clock } from '../../runtime/ports/clock';
import type { MadeStore, StoreFacts } from '../contracts/store-under-test';
import { noWait, quietLog } from '../support/filesystem';
import { versitygwKeys } from '../support/servers/versitygw';

/** A bucket of its own for each test, on a server that the test file has started. */

/** Least part of the protocol, so that a few megabytes are several parts. */
export const unit = 5 * 1024 * 1024;
export const s3Facts: StoreFacts = { unit, keepsSmall: true, keepsVersions: false, folders: false };

export const budget = 256 * 1024 * 1024;

export interface BucketOptions extends Partial<S3Options> {
  readonly versions?: boolean;
  readonly clock?: Clock;
}

let count = 0;

export async function makeBucket(endpoint: string, versions = false): Promise<{ readonly name: string; readonly client: S3Client }> {
  const client = new S3Client({ endpoint, region: 'us-east-1', credentials: versitygwKeys, forcePathStyle: true });
  const name = `bucket-${process.pid}-${++count}`;
  await client.send(new CreateBucketCommand({ Bucket: name }));
  if (versions) await client.send(new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration: { Status: 'Enabled' } }));
  return { name, client };
}

export async function openBucket(
  endpoint: string,
  bucket: string,
  { clock = systemClock, ...options }: BucketOptions = {},
): Promise<OpenedS3Store> {
  const opened = await openS3Store(
    { bucket, endpoint, credentials: versitygwKeys, bufferBudget: budget, partSize: unit, keyPrefix: 'in/', ...options },
    { clock, ids: randomIds, log: quietLog },
  );
  if ('faults' in opened) throw new Error(opened.faults.join('\n'));
  return opened;
}

export async function makeS3Store(endpoint: string, options: BucketOptions = {}): Promise<MadeStore> {
  const { name, client } = await makeBucket(endpoint, options.versions);
  const open: OpenedS3Store[] = [];
  const openOne = async () => {
    const opened = await openBucket(endpoint, name, options);
    open.push(opened);
    return opened.store;
  };
  const store = await openOne();
  return {
    store,
    buffers: new BudgetedPartBuffers(budget, noWait, store.smallestBuffer),
    reopen: openOne,
    place: async (key, content) => void (await client.send(new PutObjectCommand({ Bucket: name, Key: `in/${key}`, Body: content }))),
    take: async (key) => void (await client.send(new DeleteObjectCommand({ Bucket: name, Key: `in/${key}` }))),
    halfWritten: async (key) => {
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: name, Prefix: `in/${key}` }));
      return Uploads.filter((upload) => upload.Key === `in/${key}`).map(({ UploadId }) => UploadId as string);
    },
    end: async () => {
      for (const each of open) each.close();
      client.destroy();
    },
  };
}
