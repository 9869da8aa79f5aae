import type { ObjectKey } from '../../model/entry';
import type { NewUpload } from '../../ports/object-store';
import { type Bucket, fullKey } from './bucket';

/** What is written beside the bytes of an object: whose they are, and how they are to be kept. */

/** By the token we know our own object again. */
export const tokenName = 'causeway-token';
const userName = 'causeway-user';
const clientName = 'causeway-client';
/** Seconds; under this name other tools keep the time of a file too. */
const timeName = 'mtime';

export const contentType = 'application/octet-stream';

export function metadataOf(bucket: Bucket, upload: Pick<NewUpload, 'token' | 'partner' | 'client'>): Record<string, string> {
  return ascii({
    [tokenName]: upload.token,
    [userName]: upload.partner,
    ...(upload.client !== undefined && { [clientName]: upload.client }),
    [timeName]: String(Math.floor(bucket.clock.now() / 1_000)),
  });
}

/** Of a copy: all that the source had, under a token of its own. */
export function copiedMetadata(source: Readonly<Record<string, string>> | undefined, token: string, user: string): Record<string, string> {
  return ascii({ ...source, [tokenName]: token, [userName]: user });
}

/** Key and keeping of a new object, for a put, a copy or the begin of a multipart upload. */
export function targetOf(bucket: Bucket, storedKey: ObjectKey) {
  const { kmsKey, storageClass, tags } = bucket.making;
  return {
    Bucket: bucket.name,
    Key: fullKey(bucket, storedKey),
    ...(kmsKey !== undefined && { ServerSideEncryption: 'aws:kms' as const, SSEKMSKeyId: kmsKey }),
    ...(storageClass !== undefined && { StorageClass: storageClass as 'STANDARD' }),
    ...(tags !== undefined && { Tagging: tags }),
  };
}

/** Headers are ASCII; others may have stored anything, and are told it the way the store tells them. RFC 2047 §2. */
function ascii(metadata: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata).map(([name, value]) => [
      name,
      /^[\u0020-\u007e]*$/.test(value) ? value : `=?UTF-8?B?${Buffer.from(value).toString('base64')}?=`,
    ]),
  );
}
