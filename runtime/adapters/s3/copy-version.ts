import { CopyObjectCommand } from '@aws-sdk/client-s3';
import type { ObjectKey, Version } from '../../model/entry';
import type { Part } from '../../model/upload-record';
import { once } from './attempts';
import { type Bucket, longAnswer } from './bucket';
import { outcomeOf, refusedChange } from './errors';
import { targetOf } from './headers';
import { copyPart, copySource, createUpload, endUpload } from './multipart';
import { copyRanges } from './part-sizes';
import { sumOf } from './read-object';
import { type Answered, type Condition, conditionOf, sendComplete } from './send-complete';
import { type ObjectVersion, quoted, versionOf, versionString } from './versions';

/** Copies one version to a key on a condition: by one request up to its limit, in parts above. */
export interface VersionCopy {
  readonly from: ObjectKey;
  readonly source: ObjectVersion;
  readonly size: number;
  readonly to: ObjectKey;
  readonly metadata: Record<string, string>;
  readonly contentType: string | undefined;
  /** Of the source, where it is known. */
  readonly crc32: number | undefined;
  readonly condition: Exclude<Condition, undefined>;
  onBegin(uploadId: string): Promise<void>;
}

/**
 * - `version`: an answered copy by one request, which is ordered by itself.
 * - `completed`: parts were put together; whether readers see it is still to be confirmed.
 * - `refused`: source or target is not what it was.
 */
export type CopyOutcome = { readonly version: Version } | { readonly completed: Answered | undefined } | 'refused';

/** @throws A final `Failure` when the store does not let it. */
export async function copyVersion(bucket: Bucket, copy: VersionCopy): Promise<CopyOutcome> {
  try {
    return await (goesInParts(bucket, copy.size) ? copyInParts(bucket, copy) : copyAtOnce(bucket, copy));
  } catch (error) {
    throw refusedChange(error) ?? error;
  }
}

function goesInParts({ profile, sizes }: Bucket, size: number): boolean {
  // An object without bytes has no range that could be a part.
  return size > sizes.largestCopy || (!profile.conditionalCopy && profile.conditionalComplete && profile.partCopy && size > 0);
}

/** Whether the store itself refuses a copy over what the claim did not see. */
export function keepsCondition(bucket: Bucket, size: number): boolean {
  return goesInParts(bucket, size) ? bucket.profile.conditionalComplete : bucket.profile.conditionalCopy;
}

/** What others did since its begin lies above a copy in parts, where the store orders that so. */
export function isOrderedByBegin(bucket: Bucket, size: number): boolean {
  return bucket.profile.order === 'begin' && goesInParts(bucket, size);
}

async function copyAtOnce(bucket: Bucket, copy: VersionCopy): Promise<CopyOutcome> {
  const { from, source, to, metadata, contentType, condition } = copy;
  try {
    const { CopyObjectResult: result, VersionId } = await once(
      bucket,
      () =>
        bucket.send(
          new CopyObjectCommand({
            ...targetOf(bucket, to),
            CopySource: copySource(bucket, from, source),
            CopySourceIfMatch: quoted(source.etag),
            MetadataDirective: 'REPLACE',
            Metadata: metadata,
            ContentType: contentType,
            // Those of the source would have to be read, which is a right of its own.
            TaggingDirective: 'REPLACE',
            ...(bucket.profile.objectChecksum && { ChecksumAlgorithm: 'CRC32' }),
            ...conditionOf(bucket.profile.conditionalCopy ? condition : undefined),
          }),
          { timeout: longAnswer },
        ),
      'gone',
      'refused',
    );
    return { version: versionOf({ ETag: result?.ETag, VersionId }) };
  } catch (error) {
    const outcome = outcomeOf(error);
    if (outcome === 'gone' || outcome === 'refused') return 'refused';
    throw error;
  }
}

async function copyInParts(given: Bucket, copy: VersionCopy): Promise<CopyOutcome> {
  const { size, to, metadata, contentType } = copy;
  const ranges = copyRanges(size, given.sizes.copyPartSize);
  const { profile } = given;
  // A store that is wrong about a range would refuse the whole for it.
  const checked = profile.objectChecksum && (profile.rangeChecksum || ranges.length === 1);
  const bucket: Bucket = { ...given, profile: { ...profile, objectChecksum: checked } };
  const uploadId = await createUpload(bucket, to, metadata, contentType);
  await copy.onBegin(uploadId);
  try {
    return await putTogether(bucket, uploadId, copy, ranges, checked);
  } catch (error) {
    // Nobody comes back to it.
    if (refusedChange(error)) await endUpload(bucket, to, uploadId);
    throw error;
  }
}

async function putTogether(
  bucket: Bucket,
  uploadId: string,
  { from, source, to, size, crc32, condition }: VersionCopy,
  ranges: ReturnType<typeof copyRanges>,
  checked: boolean,
): Promise<CopyOutcome> {
  const parts: Part[] = [];
  let next = 0;
  let sourceChanged = false;
  const work = async () => {
    for (let index = next++; index < ranges.length && !sourceChanged; index = next++) {
      const range = ranges[index] as { start: number; size: number };
      const part = await copyPart(
        bucket,
        { storedKey: to, uploadId, number: index + 1 },
        { from, source, range: ranges.length > 1 ? range : undefined, size: range.size },
      );
      const known = part && (part.crc32 ?? (ranges.length === 1 ? crc32 : undefined));
      // One that is neither told nor known has to be read where the store wants the sum of each part.
      const sum = part && (known ?? (checked ? await sumOf(bucket, from, versionString(source), range.start, range.size) : 0));
      if (part && sum !== undefined) parts[index] = { ...part, crc32: sum };
      else sourceChanged = true;
    }
  };
  // All of them end before anything else happens: a part on its way would survive the end of its upload.
  const ended = await Promise.allSettled(Array.from({ length: bucket.sizes.partsInFlight }, work));
  const failed = ended.find((one) => one.status === 'rejected');
  if (failed) throw failed.reason;
  const answered = sourceChanged ? 'refused' : await sendComplete(bucket, { storedKey: to, uploadId, parts, size, crc32, condition });
  if (answered === 'refused') {
    await endUpload(bucket, to, uploadId);
    return 'refused';
  }
  return { completed: answered === 'consumed' ? undefined : answered };
}
