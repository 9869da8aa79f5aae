import {
  GetBucketLifecycleConfigurationCommand,
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3';
import { untilAnswered } from './attempts';
import type { Bucket } from './bucket';
import { explain, nameOf, outcomeOf } from './errors';

/** Whether the bucket is there and can be used, in words for an operator: asked at start, and by the check that he runs himself. */
export interface BucketReport {
  /** Why it cannot be used. */
  readonly faults: readonly string[];
  /** What is good to know. */
  readonly notes: readonly string[];
  readonly keepsVersions: boolean;
}

/** Milliseconds by which the clocks may differ: the times of uploads are compared between tasks. */
const mostSkew = 1_000;
/** Days that a cut upload is kept for its sender. */
const leastDays = 7;

export async function checkBucket(bucket: Pick<Bucket, 'name' | 'place' | 'send' | 'clock' | 'keyPrefix'> & Bucket): Promise<BucketReport> {
  const { name, place } = bucket;
  const faults: string[] = [];
  const notes: string[] = [];
  try {
    faults.push(...(await clockFaults(bucket)));
  } catch (error) {
    faults.push(explain((error as Error).cause ?? error, { bucket: name, place }));
  }
  if (faults.length > 0) return { faults, notes, keepsVersions: false };
  const versioning = await optional(bucket, notes, 'whether it keeps versions', () =>
    bucket.send(new GetBucketVersioningCommand({ Bucket: name })),
  );
  const keepsVersions = versioning?.Status === 'Enabled';
  notes.push(versioning ? `versions are ${keepsVersions ? 'kept' : 'not kept'}` : 'it is used like a bucket that keeps no versions');
  notes.push(...(await lifecycleNotes(bucket)));
  const lock = await optional(bucket, notes, 'its object lock', () => bucket.send(new GetObjectLockConfigurationCommand({ Bucket: name })));
  const retention = lock?.ObjectLockConfiguration?.Rule?.DefaultRetention;
  if (retention) {
    const time = retention.Days !== undefined ? `${retention.Days} days` : `${retention.Years} years`;
    notes.push(`objects are locked for ${time} (${retention.Mode}): deletes leave a marker`);
  }
  return { faults, notes, keepsVersions };
}

async function clockFaults(bucket: Bucket): Promise<string[]> {
  // A request whose refusal says why: HEAD has no body.
  const command = new ListObjectsV2Command({ Bucket: bucket.name, MaxKeys: 1, Prefix: bucket.keyPrefix });
  let skew = 0;
  command.middlewareStack.add(
    (next) => async (args) => {
      const sent = bucket.clock.now();
      const result = await next(args);
      const { headers } = result.response as { headers?: Record<string, string> };
      const date = Date.parse(headers?.['date'] ?? '');
      if (Number.isFinite(date)) skew = leastSkew(sent, bucket.clock.now(), date);
      return result;
    },
    { step: 'deserialize' },
  );
  await ask(bucket, () => bucket.send(command));
  if (Math.abs(skew) <= mostSkew) return [];
  const seconds = Math.round(Math.abs(skew) / 1_000);
  return [`the clock of this machine is ${seconds} s ${skew > 0 ? 'ahead of' : 'behind'} that of ${bucket.place}: set it by NTP`];
}

/** The store answered between the two, and its header cuts the second off: what lies within that is no difference. */
function leastSkew(sent: number, received: number, date: number): number {
  if (sent > date + 1_000) return sent - (date + 1_000);
  return received < date ? received - date : 0;
}

async function lifecycleNotes(bucket: Bucket): Promise<string[]> {
  const notes: string[] = [];
  const lifecycle = await optional(bucket, notes, 'its lifecycle rules', () =>
    bucket.send(new GetBucketLifecycleConfigurationCommand({ Bucket: bucket.name })),
  );
  if (notes.length > 0) return notes;
  const days = (lifecycle?.Rules ?? [])
    .filter(({ Status }) => Status === 'Enabled')
    .flatMap(({ AbortIncompleteMultipartUpload: abort }) => abort?.DaysAfterInitiation ?? []);
  if (days.length === 0) return ['no lifecycle rule ends multipart uploads that nobody completes: add one of 7 days'];
  const least = Math.min(...days);
  return least < leastDays
    ? [`a lifecycle rule ends multipart uploads after ${least} days: at least ${leastDays} leave room for a resume`]
    : [];
}

/** Undefined: there is none, or it cannot be known, which a note says. */
async function optional<T>(bucket: Bucket, notes: string[], what: string, request: () => Promise<T>): Promise<T | undefined> {
  try {
    return await untilAnswered(bucket, request, 'denied', 'gone', 'fault', 'unknown', 'conflict');
  } catch (error) {
    const none = /NoSuchLifecycleConfiguration|ObjectLockConfigurationNotFound/.test(nameOf(error));
    if (!none) notes.push(`${what} cannot be read (${outcomeOf(error) === 'denied' ? 'no rights' : nameOf(error)})`);
    return undefined;
  }
}

function ask<T>(bucket: Bucket, request: () => Promise<T>): Promise<T> {
  return untilAnswered(bucket, request, 'denied', 'gone', 'fault', 'not-applied');
}
