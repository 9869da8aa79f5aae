import { Failure } from '../../model/failure';
import { numbersAhead, type Part } from '../../model/upload-record';
import type { NewUpload } from '../../ports/object-store';
import { type Bucket, mostParts } from './bucket';
import { failureOf } from './errors';
import { metadataOf } from './headers';
import { createUpload, UploadGone, uploadPart } from './multipart';
import { markBase } from './part-list';

/** Sends the parts of one upload, several at once, and knows which of them are durable without a gap. The first one begins the upload. */
export interface SenderOptions {
  readonly bucket: Bucket;
  readonly upload: NewUpload;
  /** Of an earlier task, or copied. */
  readonly uploadId: string | undefined;
  readonly parts: readonly Part[];
  /** Highest number that may be in use. */
  readonly reserved: number;
  /** The first part holds bytes of a complete object that is continued. */
  readonly marksBase: boolean;
  beforeBegin(): Promise<void>;
  onChange(progressed: boolean): void;
}

export class PartSender {
  outstanding = 0;
  uploadId: string | undefined;
  failure: Failure | undefined;
  private readonly slots: { part: Part | undefined }[];
  private lastNumber: number;
  private beginning: Promise<string> | undefined;
  private readonly running = new Set<Promise<void>>();
  private readonly cancelled = new AbortController();

  constructor(private readonly options: SenderOptions) {
    this.uploadId = options.uploadId;
    this.slots = options.parts.map((part) => ({ part }));
    this.lastNumber = Math.max(options.reserved, ...options.parts.map(({ number }) => number), 0);
  }

  get nextNumber(): number {
    return this.lastNumber + 1;
  }

  get reserved(): number {
    return Math.min(mostParts, this.lastNumber + numbersAhead);
  }

  /** Nothing has been sent, by anybody. */
  get untouched(): boolean {
    return this.uploadId === undefined && this.beginning === undefined && this.slots.length === 0;
  }

  get partCount(): number {
    return this.slots.length;
  }

  /** Acknowledged parts from the first one on. */
  durableParts(): Part[] {
    const parts: Part[] = [];
    for (const { part } of this.slots) {
      if (!part) break;
      parts.push(part);
    }
    return parts;
  }

  /** `release` is called when the memory of the bytes is free again. */
  send(bytes: readonly Buffer[], crc32: number, release: () => void): void {
    if (!this.failure && this.nextNumber > mostParts) {
      this.fail(new Failure('too-large', 'File too large: the storage takes no more parts of it.'));
    }
    if (this.failure) {
      release();
      return;
    }
    const number = ++this.lastNumber;
    const slot: { part: Part | undefined } = { part: undefined };
    const first = this.slots.push(slot) === 1;
    this.outstanding++;
    const work = this.sendPart(number, bytes, crc32)
      .then(
        (part) => {
          slot.part = first && this.options.marksBase ? markBase(part) : part;
        },
        (error: unknown) => this.fail(error),
      )
      .finally(() => {
        this.outstanding--;
        this.running.delete(work);
        release();
        this.options.onChange(slot.part !== undefined);
      });
    this.running.add(work);
  }

  private async sendPart(number: number, bytes: readonly Buffer[], crc32: number): Promise<Part> {
    const { bucket, upload } = this.options;
    const uploadId = this.uploadId ?? (await this.begin());
    return uploadPart(bucket, { storedKey: upload.storedKey, uploadId, number }, bytes, crc32, this.cancelled.signal);
  }

  private begin(): Promise<string> {
    this.beginning ??= this.beginAnnounced();
    return this.beginning;
  }

  private async beginAnnounced(): Promise<string> {
    const { bucket, upload, beforeBegin, onChange } = this.options;
    await beforeBegin();
    this.cancelled.signal.throwIfAborted();
    this.uploadId = await createUpload(bucket, upload.storedKey, metadataOf(bucket, upload));
    // The sooner a record names it, the less is left for others to find.
    onChange(true);
    return this.uploadId;
  }

  private fail(error: unknown): void {
    if (error instanceof UploadGone) {
      // What was acknowledged is gone with it, and cannot be told any more.
      for (const slot of this.slots.splice(0)) slot.part = undefined;
      const text = 'What was received of this upload has been removed from the storage; send the file again.';
      this.failure ??= new Failure('store-unavailable', text, { cause: error });
      return;
    }
    const failure = failureOf(error);
    this.failure ??=
      failure instanceof Failure ? failure : new Failure('store-unavailable', 'Storage refused the bytes.', { cause: failure });
  }

  /** Every part has its answer. */
  async idle(): Promise<void> {
    while (this.running.size > 0) await Promise.all(this.running);
  }

  /** What is on its way is given up. */
  async cancel(): Promise<void> {
    this.failure ??= new Failure('aborted', 'The upload has ended.');
    this.cancelled.abort(this.failure);
    await this.idle();
  }
}
