import { Failure } from '../../model/failure';
import { type Base, numbersAhead, type Progress } from '../../model/upload-record';
import type { NewUpload, ObjectStore, ObjectWriter } from '../../ports/object-store';
import { appendTo } from './append';
import { type Bucket, scratchPrefix } from './bucket';
import { completeSettled } from './complete';
import { copyObject } from './copy';
import { listObjects, UnfinishedUploads } from './list-objects';
import { look } from './look';
import { endUpload, isOpen } from './multipart';
import { continuesObject, sizeOf } from './part-list';
import { largestObject, partSizeAt } from './part-sizes';
import { checksumOf, readVersion } from './read-object';
import { removeObject } from './remove-object';
import { freshStart, UploadWriter } from './upload-writer';

/** Objects of a bucket, under their keys. */
export interface S3ObjectStore extends ObjectStore {
  /** Bytes of the largest file; what follows from the number of parts and the memory for them. */
  readonly largestObject: number;
  /** Memory that every upload must be able to get; the budget of part buffers is divided by it. */
  readonly smallestBuffer: number;
}

/** A request without an answer may still land so many milliseconds later. */
const quietTime = 30_000;

export function s3ObjectStore(bucket: Bucket): S3ObjectStore {
  const equal = bucket.profile.equalParts ? partSizeAt(1, bucket.sizes) : undefined;
  const unfinished = new UnfinishedUploads(bucket);
  return {
    quietTime,
    largestObject: largestObject(bucket.sizes, equal),
    smallestBuffer: equal ?? partSizeAt(1, { ...bucket.sizes, partSize: 0 }),
    // A bucket has no end.
    requireRoom: async () => undefined,
    begin: (upload) => new UploadWriter(bucket, upload, freshStart),
    resume: (upload, progress) => resume(bucket, upload, progress),
    append: (upload: NewUpload, base: Base) => appendTo(bucket, upload, base),
    salvage: async (_token, _storedKey, progress) => salvage(progress),
    discard: async (_token, storedKey, { uploadId }) => {
      // Without a handle nothing was begun, or nobody knows by whom: `halfWritten` finds that.
      if (uploadId !== undefined) await endUpload(bucket, storedKey, uploadId);
    },
    completeSettled: (upload, progress, settled, over) => completeSettled(bucket, upload, progress, settled, over),
    // The bucket's events tell of what we try out too.
    look: async (storedKey) => (storedKey.startsWith(scratchPrefix) ? undefined : look(bucket, storedKey)),
    read: (storedKey, version, start, signal) => readVersion(bucket, storedKey, version, start, signal),
    checksum: (storedKey, version) => checksumOf(bucket, storedKey, version),
    remove: (storedKey, version) => removeObject(bucket, storedKey, version),
    copy: (copy) => copyObject(bucket, copy),
    halfWritten: (storedKey) => (storedKey === undefined ? nothing() : unfinished.of(storedKey)),
    list: (prefix, after) => listObjects(bucket, prefix, after),
  };
}

async function resume(bucket: Bucket, upload: NewUpload, { uploadId, parts, reserved }: Progress): Promise<ObjectWriter> {
  if (uploadId === undefined || !(await isOpen(bucket, upload.storedKey, uploadId))) {
    if (parts.length === 0) return new UploadWriter(bucket, upload, freshStart);
    throw new Failure('restart-not-possible', 'What was kept of this upload is gone; send the file whole.');
  }
  const [first] = parts;
  // Its memory would never be there, and the client would wait for it.
  if (bucket.profile.equalParts && first && first.size > bucket.sizes.budget) {
    throw new Failure(
      'restart-not-possible',
      'What was kept of this upload is in larger parts than the server has memory for now; send the file whole.',
    );
  }
  return new UploadWriter(bucket, upload, { uploadId, parts, reserved, continuesObject: continuesObject(parts) });
}

/**
 * Of a dead writer the record is all there is, and what it lists was followed by further bytes. Only a list that was made to be completed ends with the last
 * byte received; it reserves no number ahead.
 */
function salvage(progress: Progress): Progress {
  const last = progress.parts.at(-1);
  if (!last || last.number !== progress.reserved) return progress;
  const parts = progress.parts.slice(0, -1);
  return { ...progress, parts, durable: sizeOf(parts), reserved: progress.reserved + numbersAhead };
}

/** Others write to the bucket too: what lies under a key that nobody asked about may be theirs. */
async function* nothing(): AsyncGenerator<{ readonly uploadId: string }> {
  // Nothing to give.
}
