import type { S3Client } from '@aws-sdk/client-s3';
import { BudgetedPartBuffers } from '../../runtime/adapters/memory/budgeted-part-buffers';
import type { OpenedS3Store } from '../../runtime/adapters/s3/open-s3-store';
import type { ObjectKey } from '../../runtime/model/entry';
import type { NewUpload, ObjectStore } from '../../runtime/ports/object-store';
import { fastClock } from '../support/fast-clock';
import { noWait } from '../support/filesystem';
import { S3FaultProxy } from '../support/s3-fault-proxy';
import { type BucketOptions, budget, makeBucket, openBucket } from './s3-fixture';

/** A store whose requests pass through a proxy, and the same bucket without it. */
export interface Between {
  readonly proxy: S3FaultProxy;
  readonly store: ObjectStore;
  readonly direct: ObjectStore;
  readonly client: S3Client;
  readonly bucket: string;
  readonly buffers: BudgetedPartBuffers;
  upload(storedKey?: ObjectKey, token?: string): NewUpload;
  close(): Promise<void>;
}

let count = 0;

export async function openBetween(endpoint: string, options: BucketOptions = {}): Promise<Between> {
  const proxy = await S3FaultProxy.open(endpoint);
  const { name, client } = await makeBucket(endpoint, options.versions);
  const open: OpenedS3Store[] = [];
  const through = async (at: string) => {
    // Waits between attempts run fast; those for an answer are the SDK's own and real.
    const opened = await openBucket(at, name, {
      profile: 'versitygw',
      clock: { ...fastClock(20), now: () => Date.now() },
      timeouts: { answer: 2_000, connect: 1_000 },
      ...options,
    });
    open.push(opened);
    return opened.store;
  };
  const direct = await through(endpoint);
  const store = await through(proxy.endpoint);
  proxy.forget();
  const buffers = new BudgetedPartBuffers(budget, noWait, store.smallestBuffer);
  return {
    proxy,
    store,
    direct,
    client,
    bucket: name,
    buffers,
    upload: (storedKey = 'acme/a', token = `token-${++count}`) => ({ token, storedKey, partner: 'acme', admission: buffers.admit('acme') }),
    close: async () => {
      for (const each of open) each.close();
      client.destroy();
      await proxy.close();
    },
  };
}
