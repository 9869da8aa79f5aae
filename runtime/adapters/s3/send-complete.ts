import { CompleteMultipartUploadCommand } from '@aws-sdk/client-s3';
import type { ObjectKey } from '../../model/entry';
import { Failure } from '../../model/failure';
import type { Part } from '../../model/upload-record';
import { once } from './attempts';
import { type Bucket, fullKey, longAnswer } from './bucket';
import { encodeCrc32 } from './checksum';
import { isNoSuchUpload, outcomeOf } from './errors';
import { endUpload } from './multipart';
import { etagOf } from './part-list';
import { quoted } from './versions';

/** The request that makes an object of parts, and what its answers mean. */

export type Condition = { readonly ifMatch: string } | 'absent' | undefined;

export interface WholeUpload {
  readonly storedKey: ObjectKey;
  readonly uploadId: string;
  readonly parts: readonly Pick<Part, 'number' | 'etag' | 'size' | 'crc32'>[];
  readonly size: number;
  readonly crc32?: number;
  readonly condition: Condition;
}

export interface Answered {
  readonly versionId?: string;
  /** When it was answered, by the store's clock: milliseconds since the epoch. */
  readonly at: number;
}

/** `consumed`: the upload is not there any more; completed by an attempt without an answer, or ended. `refused`: the condition did not hold. */
export async function sendComplete(bucket: Bucket, whole: WholeUpload): Promise<Answered | 'consumed' | 'refused'> {
  const { storedKey, uploadId, parts, size, crc32, condition } = whole;
  const checked = bucket.profile.objectChecksum;
  let date: number | undefined;
  const make = () => {
    const command = new CompleteMultipartUploadCommand({
      Bucket: bucket.name,
      Key: fullKey(bucket, storedKey),
      UploadId: uploadId,
      MultipartUpload: {
        Parts: parts.map((part) => ({
          PartNumber: part.number,
          ETag: quoted(etagOf(part)),
          ...(checked && { ChecksumCRC32: encodeCrc32(part.crc32) }),
        })),
      },
      ...(checked && { MpuObjectSize: size }),
      ...(checked && crc32 !== undefined && { ChecksumCRC32: encodeCrc32(crc32), ChecksumType: 'FULL_OBJECT' as const }),
      ...conditionOf(bucket.profile.conditionalComplete ? condition : undefined),
    });
    // What a consumer deleted before this moment was another version, so it is the store's clock that counts.
    command.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args);
        const { headers } = result.response as { headers?: Record<string, string> };
        const told = Date.parse(headers?.['date'] ?? '');
        if (Number.isFinite(told)) date = told;
        return result;
      },
      { step: 'deserialize' },
    );
    return command;
  };
  try {
    const { VersionId } = await once(bucket, () => bucket.send(make(), { timeout: longAnswer }), 'gone', 'refused', 'damaged', 'fault');
    const named = VersionId !== undefined && VersionId !== '' && VersionId !== 'null';
    return { ...(named && { versionId: VersionId }), at: date ?? bucket.clock.now() };
  } catch (error) {
    if (isNoSuchUpload(error)) return 'consumed';
    switch (outcomeOf(error)) {
      case 'gone':
        // The store does not say which of the two is missing.
        return condition === undefined ? 'consumed' : 'refused';
      case 'refused':
        return 'refused';
      case 'damaged':
      case 'fault':
        await endUpload(bucket, storedKey, uploadId);
        throw new Failure('not-stored', 'The storage has other bytes than were received; send the file again.', { cause: error });
      default:
        throw error;
    }
  }
}

export function conditionOf(condition: Condition): { IfMatch?: string; IfNoneMatch?: string } {
  if (condition === undefined) return {};
  return condition === 'absent' ? { IfNoneMatch: '*' } : { IfMatch: quoted(condition.ifMatch) };
}
