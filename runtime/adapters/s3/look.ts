import { HeadObjectCommand, type HeadObjectCommandOutput } from '@aws-sdk/client-s3';
import type { ObjectKey, Version } from '../../model/entry';
import type { Found } from '../../ports/object-store';
import { untilAnswered } from './attempts';
import { type Bucket, fullKey } from './bucket';
import { wholeCrc32 } from './checksum';
import { outcomeOf } from './errors';
import { tokenName } from './headers';
import { versionOf } from './versions';

/** What is at a key, or what a version of it is. */
export async function head(bucket: Bucket, storedKey: ObjectKey, versionId?: string): Promise<HeadObjectCommandOutput | undefined> {
  try {
    return await untilAnswered(
      bucket,
      () =>
        bucket.send(
          new HeadObjectCommand({
            Bucket: bucket.name,
            Key: fullKey(bucket, storedKey),
            ChecksumMode: 'ENABLED',
            ...(versionId !== undefined && { VersionId: versionId }),
          }),
        ),
      'gone',
    );
  } catch (error) {
    if (outcomeOf(error) === 'gone') return undefined;
    throw error;
  }
}

export function foundOf(answer: HeadObjectCommandOutput): Found {
  const crc32 = wholeCrc32(answer);
  const token = answer.Metadata?.[tokenName];
  return {
    version: versionOf(answer),
    size: answer.ContentLength ?? 0,
    modified: answer.LastModified?.getTime() ?? 0,
    ...(crc32 !== undefined && { crc32 }),
    ...(token !== undefined && { token }),
  };
}

export async function look(bucket: Bucket, storedKey: ObjectKey): Promise<Found | undefined> {
  const answer = await head(bucket, storedKey);
  return answer && foundOf(answer);
}

/** What an object of ours is known by. */
export interface Own {
  readonly token: string;
  readonly size: number;
  readonly crc32?: number;
}

/** The token alone does not do: there are stores that leave it on the key when others replace the bytes. */
export function isOwn(found: Pick<Found, 'token' | 'size' | 'crc32'>, { token, size, crc32 }: Own): boolean {
  const sameSum = crc32 === undefined || found.crc32 === undefined || found.crc32 === crc32;
  return found.token === token && found.size === size && sameSum;
}

/** What is at the key, if it is ours. */
export async function lookForOwn(
  bucket: Bucket,
  storedKey: ObjectKey,
  own: Own,
): Promise<{ readonly own: Version } | { readonly other: Found | undefined }> {
  const found = await look(bucket, storedKey);
  return found && isOwn(found, own) ? { own: found.version } : { other: found };
}
