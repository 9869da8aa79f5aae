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

/** Milliseconds by which the clocks may differ. */
const mostSkew = 1_000;
/** Days that a cut upload is kept for its sender. */
const leastDays = 7;

export async function checkBucket(bucket: Pick<Bucket, 'name' | 'place' | 'send' | 'clock' | 'keyPrefix'> & Bucket): Promise<BucketReport> {
  const { name, place } = bucket;
  const faults: string[] = [];
  const notes: string[] = [];
  try {
    notes.push(...(await clockNotes(bucket)));
  } catch (error) {
    faults.push(explain((error as Error).cause ?? error, { bucket: name, place }));
    return { faults, notes, keepsVersions: false };
  }
  const versioning = await optional(bucket, notes, 'whether it keeps versions', () =>
    bucket.send(new GetBucketVersioningCommand({ Bucket: name })),
  );
  const keepsVersions = versioning?.Status === 'Enabled';
  notes.push(`versions are ${keepsVersions ? 'kept' : 'not kept'}`);
  notes.push(...(await lifecycleNotes(bucket)));
  const lock = await optional(bucket, notes, 'its object lock', () => bucket.send(new GetObjectLockConfigurationCommand({ Bucket: name })));
  const retention = lock?.ObjectLockConfiguration?.Rule?.DefaultRetention;
  if (retention)
    notes.push(
      `objects are locked for ${retention.Days ?? `${retention.Years} years of`} days (${retention.Mode}): deletes leave a marker`,
    );
  return { faults, notes, keepsVersions };
}

async function clockNotes(bucket: Bucket): Promise<string[]> {
  // A request whose refusal says why: HEAD has no body.
  const command = new ListObjectsV2Command({ Bucket: bucket.name, MaxKeys: 1, Prefix: bucket.keyPrefix });
  let skew = 0;
  command.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { headers } = result.response as { headers?: Record<string, string> };
      const date = Date.parse(headers?.['date'] ?? '');
      // The header has whole seconds: half of one is the best guess.
      if (Number.isFinite(date)) skew = bucket.clock.now() - date - 500;
      return result;
    },
    { step: 'deserialize' },
  );
  await ask(bucket, () => bucket.send(command));
  const seconds = Math.round(skew / 1_000);
  return Math.abs(skew) > mostSkew + 500
    ? [`the clock of this machine is ${Math.abs(seconds)} s ${skew > 0 ? 'ahead of' : 'behind'} the store's`]
    : [];
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
