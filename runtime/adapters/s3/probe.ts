import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { crc32 } from '../../model/crc32';
import { untilAnswered } from './attempts';
import { type Bucket, fullKey, scratchPrefix } from './bucket';
import { checksumOfPut, encodeCrc32 } from './checksum';
import { outcomeOf } from './errors';
import type { StoreProfile } from './profile';

/**
 * Finds out with a scratch key what the store keeps of what it is asked. A condition that a store does not know it ignores, so each is tried where it does
 * not hold: whoever carries the request out nevertheless cannot keep it. Of some length, because every fact is an experiment of its own on the same key.
 */
export async function probe(bucket: Bucket): Promise<StoreProfile> {
  const scratch = new Scratch(bucket, `${scratchPrefix}${bucket.ids.token()}`);
  try {
    await scratch.put('first');
    return {
      name: 'found',
      // Needs megabytes to be found out, and is known by the address.
      equalParts: false,
      conditionalPut: await scratch.isRefused(
        () => scratch.put('x', { IfNoneMatch: '*' }),
        () => scratch.put('x', { IfMatch: wrongEtag }),
      ),
      conditionalCopy: await scratch.isRefused(
        () => scratch.copy({ IfNoneMatch: '*' }),
        () => scratch.copy({ IfMatch: wrongEtag }),
      ),
      conditionalComplete: await scratch.isRefused(
        () => scratch.multipart({ IfMatch: wrongEtag }),
        () => scratch.multipart({ IfNoneMatch: '*' }),
      ),
      objectChecksum: await scratch.checksWholeObject(),
      partCopy: await scratch.copiesParts(),
      rangeChecksum: await scratch.tellsRangeChecksum(),
      ...(await scratch.completion()),
      keyBelowKey: await scratch.holdsKeyBelowKey(),
      conditionalDelete: await scratch.isRefused(() => scratch.remove({ IfMatch: wrongEtag })),
    };
  } finally {
    await scratch.remove({});
  }
}

const wrongEtag = '"00000000000000000000000000000000"';
const body = Buffer.from('causeway');
const sum = crc32(body);

class Scratch {
  private readonly which: { readonly Bucket: string; readonly Key: string };

  constructor(
    private readonly bucket: Bucket,
    key: string,
  ) {
    this.which = { Bucket: bucket.name, Key: fullKey(bucket, key) };
  }

  /** True when each is refused because of its condition. */
  async isRefused(...tries: (() => Promise<unknown>)[]): Promise<boolean> {
    for (const attempt of tries) {
      try {
        await attempt();
        return false;
      } catch (error) {
        const outcome = outcomeOf(error);
        // A store that does not know the condition may say so instead of ignoring it.
        if (outcome === 'fault') return false;
        if (outcome !== 'refused') throw error;
      }
    }
    return true;
  }

  put(text: string, condition: Condition = {}): Promise<unknown> {
    return this.ask(() =>
      this.bucket.send(new PutObjectCommand({ ...this.which, Body: text, ...checksumOfPut(crc32(text)), ...condition })),
    );
  }

  copy(condition: Condition): Promise<unknown> {
    const CopySource = `${this.which.Bucket}/${this.which.Key}`;
    return this.ask(() =>
      this.bucket.send(
        new CopyObjectCommand({ ...this.which, CopySource, MetadataDirective: 'REPLACE', Metadata: { probe: '1' }, ...condition }),
      ),
    );
  }

  async remove(condition: Pick<Condition, 'IfMatch'>): Promise<void> {
    await this.ask(() => this.bucket.send(new DeleteObjectCommand({ ...this.which, ...condition })));
  }

  async multipart(condition: Condition): Promise<void> {
    const { UploadId, part } = await this.begin();
    try {
      await this.complete(UploadId, part, condition);
    } catch (error) {
      await this.abort(UploadId);
      throw error;
    }
  }

  private async begin(
    more: object = {},
  ): Promise<{ UploadId: string | undefined; part: { PartNumber: number; ETag: string | undefined } }> {
    const { UploadId } = await this.ask(() => this.bucket.send(new CreateMultipartUploadCommand({ ...this.which, ...more })));
    const { ETag } = await this.ask(() =>
      this.bucket.send(
        new UploadPartCommand({
          ...this.which,
          UploadId,
          PartNumber: 1,
          Body: body,
          ...('ChecksumType' in more && { ChecksumCRC32: encodeCrc32(sum) }),
        }),
      ),
    );
    return { UploadId, part: { PartNumber: 1, ETag } };
  }

  private complete(UploadId: string | undefined, part: object, more: object): Promise<unknown> {
    return this.ask(() =>
      this.bucket.send(new CompleteMultipartUploadCommand({ ...this.which, UploadId, MultipartUpload: { Parts: [part] }, ...more })),
    );
  }

  private async abort(UploadId: string | undefined): Promise<void> {
    try {
      await this.ask(() => this.bucket.send(new AbortMultipartUploadCommand({ ...this.which, UploadId })));
    } catch (error) {
      if (outcomeOf(error) !== 'gone') throw error;
    }
  }

  /** A wrong one must be refused, and a right one taken. */
  async checksWholeObject(): Promise<boolean> {
    for (const [told, isRight] of [
      [sum ^ 1, false],
      [sum, true],
    ] as const) {
      let UploadId: string | undefined;
      try {
        const begun = await this.begin({ ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' });
        UploadId = begun.UploadId;
        await this.complete(
          UploadId,
          { ...begun.part, ChecksumCRC32: encodeCrc32(sum) },
          {
            ChecksumCRC32: encodeCrc32(told),
            ChecksumType: 'FULL_OBJECT',
            MpuObjectSize: body.length,
          },
        );
        if (!isRight) return false;
      } catch (error) {
        if (UploadId !== undefined) await this.abort(UploadId);
        const outcome = outcomeOf(error);
        if (outcome !== 'damaged' && outcome !== 'fault') throw error;
        if (isRight) return false;
      }
    }
    return true;
  }

  async copiesParts(): Promise<boolean> {
    const { UploadId } = await this.begin();
    try {
      const CopySource = `${this.which.Bucket}/${this.which.Key}`;
      await this.ask(() => this.bucket.send(new UploadPartCopyCommand({ ...this.which, UploadId, PartNumber: 2, CopySource })));
      return true;
    } catch (error) {
      if (outcomeOf(error) === 'fault') return false;
      throw error;
    } finally {
      await this.abort(UploadId);
    }
  }

  /** Asked of an object whose own checksum is known: that is what a store may tell instead. */
  async tellsRangeChecksum(): Promise<boolean> {
    await this.ask(() => this.bucket.send(new PutObjectCommand({ ...this.which, Body: body, ...checksumOfPut(sum) })));
    const { UploadId } = await this.begin({ ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' });
    try {
      const range = { CopySource: `${this.which.Bucket}/${this.which.Key}`, CopySourceRange: 'bytes=0-3' };
      const { CopyPartResult } = await this.ask(() =>
        this.bucket.send(new UploadPartCopyCommand({ ...this.which, UploadId, PartNumber: 2, ...range })),
      );
      const told = CopyPartResult?.ChecksumCRC32;
      return told === undefined || told === encodeCrc32(crc32(body.subarray(0, 4)));
    } catch (error) {
      if (outcomeOf(error) === 'fault') return false;
      throw error;
    } finally {
      await this.abort(UploadId);
    }
  }

  /** An upload that began before a put and is completed behind it. */
  async completion(): Promise<Pick<StoreProfile, 'order' | 'repeatableComplete'>> {
    const { UploadId, part } = await this.begin();
    await this.put('a put in between');
    await this.complete(UploadId, part, {});
    const seen = await this.ask(() => this.bucket.send(new HeadObjectCommand(this.which)));
    const order = seen.ContentLength === body.length ? 'complete' : 'begin';
    try {
      await this.complete(UploadId, part, {});
      return { order, repeatableComplete: true };
    } catch (error) {
      if (outcomeOf(error) !== 'gone') throw error;
      return { order, repeatableComplete: false };
    }
  }

  async holdsKeyBelowKey(): Promise<boolean> {
    const below = { ...this.which, Key: `${this.which.Key}/below` };
    try {
      await this.ask(() => this.bucket.send(new PutObjectCommand({ ...below, Body: body, ...checksumOfPut(sum) })));
    } catch (error) {
      const outcome = outcomeOf(error);
      if (outcome === 'name' || outcome === 'fault' || outcome === 'conflict') return false;
      throw error;
    }
    await this.ask(() => this.bucket.send(new DeleteObjectCommand(below)));
    return true;
  }

  private ask<T>(request: () => Promise<T>): Promise<T> {
    return untilAnswered(this.bucket, request, 'gone', 'refused', 'fault', 'damaged', 'name', 'denied', 'conflict');
  }
}

interface Condition {
  readonly IfMatch?: string;
  readonly IfNoneMatch?: string;
}
