import { PutObjectCommand } from '@aws-sdk/client-s3';
import type { Version } from '../../model/entry';
import { Failure } from '../../model/failure';
import type { Progress, Settled } from '../../model/upload-record';
import type { Completed, NewUpload, Refused } from '../../ports/object-store';
import { once } from './attempts';
import { Body } from './body';
import { type Bucket, timeoutFor } from './bucket';
import { checksumOfPut } from './checksum';
import { findOwn } from './confirm';
import { outcomeOf } from './errors';
import { finishUpload } from './finish';
import { contentType, metadataOf, targetOf } from './headers';
import { look, lookForOwn, type Own } from './look';
import { endUpload } from './multipart';
import { continuesObject } from './part-list';
import { type Condition, conditionOf, sendComplete } from './send-complete';
import { parseVersion, versionOf } from './versions';

/** Settled bytes become an object: all at once, or from their parts. */

/** What a record keeps of how its bytes were settled. */
export const inOnePut = 'put';
export const inParts = 'multipart';

export function conditionFor(over: Version | undefined): Exclude<Condition, undefined> {
  return over === undefined ? 'absent' : { ifMatch: parseVersion(over).etag };
}

function ownOf({ token }: NewUpload, { size, crc32 }: Settled): Own {
  return { token, size, crc32 };
}

/** A put that is refused although what it saw is there again a moment later. */
const mostPuts = 4;

/** The put is ordered by itself, and its condition is what the claim saw; it needs no second look unless it is refused. */
export async function putWhole(
  bucket: Bucket,
  upload: NewUpload,
  bytes: readonly Buffer[],
  settled: Settled,
  over: Version | undefined,
): Promise<Completed | Refused> {
  for (let puts = 0; puts < mostPuts; puts++) {
    try {
      const answer = await once(
        bucket,
        () =>
          bucket.send(
            new PutObjectCommand({
              ...targetOf(bucket, upload.storedKey),
              Body: new Body(bytes),
              ContentLength: settled.size,
              ContentType: contentType,
              Metadata: metadataOf(bucket, upload),
              ...checksumOfPut(settled.crc32),
              ...conditionOf(conditionFor(over)),
            }),
            { timeout: timeoutFor(settled.size) },
          ),
        'gone',
        'refused',
        'denied',
        'fault',
      );
      return { version: versionOf(answer) };
    } catch (error) {
      const outcome = outcomeOf(error);
      if (outcome === 'denied' || outcome === 'fault') return refusedPut(bucket, error);
      if (outcome !== 'gone' && outcome !== 'refused') throw error;
    }
    const seen = await lookForOwn(bucket, upload.storedKey, ownOf(upload, settled));
    if ('own' in seen) return { version: seen.own };
    if (seen.other && seen.other.version !== over) return { occupied: seen.other };
    if (!seen.other && over !== undefined) return 'vanished';
  }
  const text = 'The path is being changed from outside all the time, and nothing of the file was kept; send it again.';
  return { refused: new Failure('overtaken', text, { cause: new Error('a conditional put is refused although its condition holds') }) };
}

/** No rights, a class, a tag or a key that the store does not take: its client must not wait for that to change. */
function refusedPut(bucket: Bucket, cause: unknown): Refused {
  bucket.onFailed?.();
  const text = 'Storage refuses the file, and nothing of it was kept. Whoever runs this server has to see to that; then send it again.';
  return { refused: new Failure('not-stored', text, { cause }) };
}

/** Repeated until it has an answer; what an earlier attempt did is recognised by the token. */
export async function completeParts(
  bucket: Bucket,
  upload: NewUpload,
  progress: Progress,
  settled: Settled,
  over: Version | undefined,
): Promise<Completed> {
  const { storedKey } = upload;
  const own = ownOf(upload, settled);
  const { uploadId, parts } = progress;
  if (uploadId === undefined) throw new Error('parts without an upload');
  const conditional = continuesObject(parts);
  const answered = await sendComplete(bucket, {
    storedKey,
    uploadId,
    parts,
    size: settled.size,
    crc32: settled.crc32,
    // The bytes it was begun with are those of that version; a new upload stands for itself.
    condition: conditional ? conditionFor(over) : undefined,
  });
  if (answered !== 'refused') return finishUpload(bucket, storedKey, own, answered === 'consumed' ? undefined : answered);
  await endUpload(bucket, storedKey, uploadId);
  const seen = await lookForOwn(bucket, storedKey, own);
  return 'own' in seen ? { version: seen.own } : { overtaken: seen.other };
}

/** For whoever has only the record: of bytes that went out in one put, all that can be had is proof that it landed. */
export async function completeSettled(
  bucket: Bucket,
  upload: NewUpload,
  progress: Progress,
  settled: Settled,
  over: Version | undefined,
): Promise<Completed | 'lost'> {
  if (settled.proof !== inOnePut) return completeParts(bucket, upload, progress, settled, over);
  const seen = await lookForOwn(bucket, upload.storedKey, ownOf(upload, settled));
  if ('own' in seen) return { version: seen.own };
  const found = bucket.keepsVersions ? await findOwn(bucket, upload.storedKey, ownOf(upload, settled)) : undefined;
  if (!found) return 'lost';
  return found.above?.marker ? 'taken' : { overtaken: await look(bucket, upload.storedKey) };
}
