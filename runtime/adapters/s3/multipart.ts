import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListPartsCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import type { ObjectKey } from '../../model/entry';
import { Failure } from '../../model/failure';
import type { Part } from '../../model/upload-record';
import { untilAnswered, untilSent } from './attempts';
import { Body, lengthOf } from './body';
import { type Bucket, fullKey, longAnswer, timeoutFor } from './bucket';
import { decodeCrc32, encodeCrc32 } from './checksum';
import { isNoSuchUpload, outcomeOf, unavailable } from './errors';
import { contentType, targetOf } from './headers';
import { bareEtag, type ObjectVersion, quoted } from './versions';

/** The steps of a multipart upload up to its completion. Each may be repeated. */

export async function createUpload(
  bucket: Bucket,
  storedKey: ObjectKey,
  metadata: Record<string, string>,
  type: string = contentType,
): Promise<string> {
  const { UploadId } = await untilAnswered(bucket, () =>
    bucket.send(
      new CreateMultipartUploadCommand({
        ...targetOf(bucket, storedKey),
        ContentType: type,
        Metadata: metadata,
        ...(bucket.profile.objectChecksum && { ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' }),
      }),
    ),
  );
  if (!UploadId) throw unavailable(new Error('an upload began without an id'));
  return UploadId;
}

export interface PartOfUpload {
  readonly storedKey: ObjectKey;
  readonly uploadId: string;
  readonly number: number;
}

/** Sent again, it replaces itself. */
export async function uploadPart(
  bucket: Bucket,
  of: PartOfUpload,
  bytes: readonly Buffer[],
  crc32: number,
  signal: AbortSignal,
): Promise<Part> {
  const sum = encodeCrc32(crc32);
  const size = lengthOf(bytes);
  try {
    const answer = await untilSent(
      bucket,
      () => {
        signal.throwIfAborted();
        const command = new UploadPartCommand({
          Bucket: bucket.name,
          Key: fullKey(bucket, of.storedKey),
          UploadId: of.uploadId,
          PartNumber: of.number,
          Body: new Body(bytes),
          ContentLength: size,
          ChecksumCRC32: sum,
        });
        return bucket.send(command, { timeout: timeoutFor(size), signal }).catch((error: unknown) => {
          throw signal.aborted ? signal.reason : error;
        });
      },
      'gone',
    );
    if (answer.ChecksumCRC32 !== undefined && answer.ChecksumCRC32 !== sum)
      throw unavailable(new Error('the store has other bytes than were sent'));
    return { number: of.number, size, crc32, etag: bareEtag(answer.ETag) };
  } catch (error) {
    if (signal.aborted) throw new Failure('aborted', 'The upload has ended.', { cause: error });
    throw outcomeOf(error) === 'gone' ? uploadGone(error) : error;
  }
}

/** Its parts have been removed: by the bucket's own rules, or by hand. */
export class UploadGone extends Error {}

function uploadGone(cause: unknown): UploadGone {
  return new UploadGone('the multipart upload is not there', { cause });
}

export interface CopiedRange {
  readonly from: ObjectKey;
  readonly source: ObjectVersion;
  /** Undefined: the whole object. */
  readonly range: { readonly start: number; readonly size: number } | undefined;
  readonly size: number;
}

/** Undefined: the source is not that version any more. The checksum is what the store tells of it. */
export async function copyPart(
  bucket: Bucket,
  of: PartOfUpload,
  { from, source, range, size }: CopiedRange,
): Promise<(Omit<Part, 'crc32'> & { readonly crc32?: number }) | undefined> {
  try {
    const { CopyPartResult: result } = await untilSent(
      bucket,
      () =>
        bucket.send(
          new UploadPartCopyCommand({
            Bucket: bucket.name,
            Key: fullKey(bucket, of.storedKey),
            UploadId: of.uploadId,
            PartNumber: of.number,
            CopySource: copySource(bucket, from, source),
            CopySourceIfMatch: quoted(source.etag),
            ...(range && { CopySourceRange: `bytes=${range.start}-${range.start + range.size - 1}` }),
          }),
          { timeout: longAnswer },
        ),
      'gone',
      'refused',
    );
    const crc32 = decodeCrc32(result?.ChecksumCRC32);
    return { number: of.number, size, etag: bareEtag(result?.ETag), ...(crc32 !== undefined && { crc32 }) };
  } catch (error) {
    if (isNoSuchUpload(error)) throw uploadGone(error);
    const outcome = outcomeOf(error);
    if (outcome === 'gone' || outcome === 'refused') return undefined;
    throw error;
  }
}

export function copySource(bucket: Bucket, from: ObjectKey, { versionId }: ObjectVersion): string {
  const path = `${bucket.name}/${fullKey(bucket, from)}`.split('/').map(encodeURIComponent).join('/');
  return versionId === undefined ? path : `${path}?versionId=${encodeURIComponent(versionId)}`;
}

export async function isOpen(bucket: Bucket, storedKey: ObjectKey, uploadId: string): Promise<boolean> {
  const which = { Bucket: bucket.name, Key: fullKey(bucket, storedKey), UploadId: uploadId, MaxParts: 1 };
  try {
    await untilAnswered(bucket, () => bucket.send(new ListPartsCommand(which)), 'gone');
    return true;
  } catch (error) {
    if (outcomeOf(error) === 'gone') return false;
    throw error;
  }
}

/** Looks at what is left this often before it is given up for now. */
const mostLooks = 12;

/**
 * Ends an upload that is not to be completed. A part that is still on its way when the upload is aborted may survive the abort, so it is aborted again until
 * the store knows nothing of it.
 */
export async function endUpload(bucket: Bucket, storedKey: ObjectKey, uploadId: string): Promise<void> {
  const which = { Bucket: bucket.name, Key: fullKey(bucket, storedKey), UploadId: uploadId };
  for (let looks = 0; looks < mostLooks; looks++) {
    if (looks > 0) await bucket.clock.sleep(50 * looks);
    try {
      await untilAnswered(bucket, () => bucket.send(new AbortMultipartUploadCommand(which)), 'gone');
    } catch (error) {
      if (outcomeOf(error) === 'gone') return;
      throw error;
    }
    if (!(await isOpen(bucket, storedKey, uploadId))) return;
  }
  throw unavailable(new Error('an aborted upload keeps its parts'));
}
