import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  ListPartsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { crc32 } from '../../model/crc32';
import { once, untilAnswered } from './attempts';
import { type Bucket, fullKey, scratchPrefix } from './bucket';
import { checksumOfPut } from './checksum';
import { explain, firstLine, nameOf, outcomeOf } from './errors';
import { contentType, targetOf } from './headers';

/**
 * Whether the bucket takes what uploads will send, with the key, class and tags that the settings give to new objects.
 * - `begin`: an upload is begun and ended. It shows what can be refused of a new object and leaves nothing: no version, no locked object, no event.
 * - `everything`: an object is stored, read and removed besides. Where objects are locked, or versions kept, a few bytes stay.
 */
export type TriedRights = 'begin' | 'everything';

const body = Buffer.from('causeway');

/** Why not, a line each; empty when there is nothing. */
export async function rightsFaults(bucket: Bucket, tried: TriedRights): Promise<readonly string[]> {
  const storedKey = `${scratchPrefix}${bucket.ids.token()}`;
  const object = { Bucket: bucket.name, Key: fullKey(bucket, storedKey) };
  const making = { ...targetOf(bucket, storedKey), ContentType: contentType };
  const faults: string[] = [];
  const attempt = async <T>(what: string, request: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await untilAnswered(bucket, request, 'denied', 'fault', 'gone');
    } catch (error) {
      faults.push(explainRefusal((error as Error).cause ?? error, what, bucket));
      return undefined;
    }
  };
  const begun = await attempt('store objects', () => bucket.send(new CreateMultipartUploadCommand(making)));
  if (begun?.UploadId !== undefined) {
    const upload = { ...object, UploadId: begun.UploadId };
    if (tried === 'everything') await attempt('list the parts of an upload', () => bucket.send(new ListPartsCommand(upload)));
    await attempt('end an upload', () => bucket.send(new AbortMultipartUploadCommand(upload)));
  }
  // What is refused to an upload is refused to a put: once is enough to say so.
  if (tried === 'begin' || faults.length > 0) return faults;
  const put = await attempt('store objects', () =>
    bucket.send(new PutObjectCommand({ ...making, Body: body, ...checksumOfPut(crc32(body)) })),
  );
  if (put === undefined) return faults;
  await attempt('read objects', async () => {
    const { Body } = await bucket.send(new GetObjectCommand(object));
    await Body?.transformToByteArray();
  });
  if (bucket.keepsVersions) {
    // Downloads and copies are of the version that was seen; what hides an upload is asked of the versions of its key.
    await attempt('read versions of objects', async () => {
      const { Body } = await bucket.send(new GetObjectCommand({ ...object, VersionId: put.VersionId }));
      await Body?.transformToByteArray();
    });
    await attempt('list the versions of a key', () =>
      bucket.send(new ListObjectVersionsCommand({ Bucket: bucket.name, Prefix: object.Key, MaxKeys: 1 })),
    );
  }
  await attempt('list the uploads of a key', () =>
    bucket.send(new ListMultipartUploadsCommand({ Bucket: bucket.name, Prefix: object.Key, MaxUploads: 1 })),
  );
  await attempt('remove objects', () => bucket.send(new DeleteObjectCommand(object)));
  if (bucket.keepsVersions && faults.length === 0) faults.push(...(await rewriteFaults(bucket, object)));
  return faults;
}

/** A name that is free again is sent again, on condition that nothing is there; a store may take its own mark of the delete for something. */
async function rewriteFaults(bucket: Bucket, object: { readonly Bucket: string; readonly Key: string }): Promise<string[]> {
  const again = new PutObjectCommand({ ...object, Body: body, ...checksumOfPut(crc32(body)), IfNoneMatch: '*' });
  try {
    await once(bucket, () => bucket.send(again), 'refused', 'fault');
  } catch (error) {
    // One that does not know the condition is found out about elsewhere.
    if (outcomeOf(error) !== 'refused') return [];
    const { name, place } = bucket;
    return [`a key that was deleted cannot be written again in the bucket ${name} in ${place}: let the bucket keep no versions`];
  }
  await untilAnswered(bucket, () => bucket.send(new DeleteObjectCommand(object)));
  return [];
}

/** Settings that say how new objects are kept: what they name may not exist, or not be allowed. */
const settingsOfMaking = [
  ['kmsKey', 'CAUSEWAY_S3_KMS_KEY'],
  ['storageClass', 'CAUSEWAY_S3_STORAGE_CLASS'],
  ['tags', 'CAUSEWAY_S3_TAGS'],
] as const;

function explainRefusal(error: unknown, what: string, { name, place, making }: Bucket): string {
  const said = firstLine(error) || nameOf(error);
  if (nameOf(error) === 'AccessDenied') return `no rights to ${what} in the bucket ${name} in ${place}: ${said}`;
  const given = settingsOfMaking.flatMap(([option, setting]) => (making[option] === undefined ? [] : [setting]));
  if (given.length > 0 && (outcomeOf(error) === 'fault' || nameOf(error).startsWith('KMS.')))
    return `the bucket ${name} in ${place} does not ${what} as set by ${given.join(', ')}: ${said}`;
  return explain(error, { bucket: name, place });
}
