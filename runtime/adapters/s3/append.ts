import { Failure } from '../../model/failure';
import type { Base, Part } from '../../model/upload-record';
import type { NewUpload, ObjectWriter } from '../../ports/object-store';
import { type Bucket, smallestPart } from './bucket';
import { wholeCrc32 } from './checksum';
import { metadataOf } from './headers';
import { head } from './look';
import { copyPart, createUpload, endUpload } from './multipart';
import { markBase } from './part-list';
import { copyRanges } from './part-sizes';
import { readVersion, sumOf } from './read-object';
import { freshStart, UploadWriter } from './upload-writer';
import { parseVersion, versionOf } from './versions';

/**
 * A new object that begins with the bytes of another. The store copies them, in parts none of which is too small to be followed by another; what is smaller
 * than a part is read into the first one.
 */
export async function appendTo(bucket: Bucket, upload: NewUpload, base: Base): Promise<ObjectWriter> {
  const { versionId } = parseVersion(base.version);
  const there = await head(bucket, base.storedKey);
  if (!there || versionOf(there) !== base.version) throw baseChanged();
  const { partCopy, rangeChecksum, equalParts } = bucket.profile;
  const { copyPartSize, largestCopy } = bucket.sizes;
  const atOnce = rangeChecksum ? copyPartSize : largestCopy;
  const copies = partCopy && !equalParts && base.size >= smallestPart && (rangeChecksum || base.size <= largestCopy);
  if (!copies) return readBase(bucket, upload, base);
  const uploadId = await createUpload(bucket, upload.storedKey, metadataOf(bucket, upload));
  try {
    const count = Math.ceil(base.size / atOnce);
    const ranges = copyRanges(base.size, Math.ceil(base.size / count));
    const parts: Part[] = [];
    for (const [index, range] of ranges.entries()) {
      const whole = ranges.length === 1;
      const copied = await copyPart(
        bucket,
        { storedKey: upload.storedKey, uploadId, number: index + 1 },
        { from: base.storedKey, source: { ...parseVersion(base.version), versionId }, range: whole ? undefined : range, size: range.size },
      );
      if (!copied) throw baseChanged();
      const known = copied.crc32 ?? (whole ? (base.crc32 ?? wholeCrc32(there)) : undefined);
      const crc32 = known ?? (await sumOf(bucket, base.storedKey, base.version, range.start, range.size));
      if (crc32 === undefined) throw baseChanged();
      parts.push({ ...copied, crc32 });
    }
    return new UploadWriter(bucket, upload, {
      uploadId,
      parts: [markBase(parts[0] as Part), ...parts.slice(1)],
      reserved: 0,
      continuesObject: true,
    });
  } catch (error) {
    await endUpload(bucket, upload.storedKey, uploadId);
    throw error;
  }
}

async function readBase(bucket: Bucket, upload: NewUpload, base: Base): Promise<ObjectWriter> {
  const bytes = await readVersion(bucket, base.storedKey, base.version, 0, new AbortController().signal);
  if (!bytes) throw baseChanged();
  const writer = new UploadWriter(bucket, upload, { ...freshStart, continuesObject: true });
  try {
    for await (const chunk of bytes) if (!writer.accept(chunk)) await writer.ready();
  } catch (error) {
    await writer.abort();
    throw error;
  }
  return writer;
}

function baseChanged(): Failure {
  return new Failure('base-changed', 'The file to be continued has been changed or taken; send it whole.');
}
