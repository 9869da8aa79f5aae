import { crc32, joinCrc32 } from '../../model/crc32';
import type { Version } from '../../model/entry';
import { Failure } from '../../model/failure';
import { noProgress, type Part, type Progress, type Settled } from '../../model/upload-record';
import type { Completed, NewUpload, ObjectWriter, Refused } from '../../ports/object-store';
import type { Admission } from '../../ports/part-buffers';
import { type Bucket, mostParts, smallestPart } from './bucket';
import { completeParts, inOnePut, inParts, putWhole } from './complete';
import { endUpload } from './multipart';
import { PartBuffer } from './part-buffer';
import { sizeOf } from './part-list';
import { PartSender } from './part-sender';
import { partSizeAt, partsInFlightAt } from './part-sizes';

/**
 * One upload into a bucket: records are copied into the part that is being filled, full parts are on their way while the next one fills. What fits into one
 * part stays in its buffer until it is completed, and goes out in one put.
 */
export interface UploadStart {
  readonly uploadId?: string;
  readonly parts: readonly Part[];
  readonly reserved: number;
  /** The upload begins with bytes of a complete object. */
  readonly continuesObject: boolean;
}

export const freshStart: UploadStart = { parts: [], reserved: 0, continuesObject: false };

export class UploadWriter implements ObjectWriter {
  received: number;
  onProgress?: () => void;
  beforeBegin?: () => Promise<void>;
  private readonly admission: Admission;
  private readonly sender: PartSender;
  private readonly part: PartBuffer;
  /** Of a store whose parts must be equal. */
  private readonly equalSize: number | undefined;
  /** What overran the last buffer that there was: at most the rest of one record. */
  private overrun: Buffer[] = [];
  private wake: (() => void)[] = [];
  private settled: Settled | undefined;
  private closed = false;

  constructor(
    private readonly bucket: Bucket,
    private readonly upload: NewUpload,
    private readonly start: UploadStart,
  ) {
    if (!upload.admission) throw new Error('an upload without admission');
    this.admission = upload.admission;
    this.received = sizeOf(start.parts);
    this.part = new PartBuffer(upload.admission, bucket.clock);
    this.equalSize = bucket.profile.equalParts ? (start.parts[0]?.size ?? partSizeAt(1, bucket.sizes)) : undefined;
    this.sender = new PartSender({
      bucket,
      upload,
      uploadId: start.uploadId,
      parts: start.parts,
      reserved: start.reserved,
      marksBase: start.continuesObject,
      beforeBegin: async () => this.beforeBegin?.(),
      onChange: (progressed) => {
        if (progressed) this.onProgress?.();
        this.notify();
      },
    });
  }

  accept(bytes: Buffer): boolean {
    if (this.closed || this.sender.failure) return false;
    this.received += bytes.length;
    this.take(bytes);
    return this.overrun.length === 0 && !this.sender.failure && this.hasRoom();
  }

  private take(bytes: Buffer): void {
    for (let offset = 0; offset < bytes.length; ) {
      if (this.overrun.length > 0 || !this.hasRoom()) {
        this.overrun.push(Buffer.from(bytes.subarray(offset)));
        return;
      }
      offset += this.part.fill(bytes, offset);
    }
  }

  /** A part that is full goes; one that cannot grow goes as it is, when it is large enough for the store. */
  private hasRoom(): boolean {
    const { wanted } = this;
    if (this.part.filled < wanted && this.part.makeRoom(wanted)) return true;
    const least = this.equalSize ?? Math.min(wanted, smallestPart);
    if (this.part.filled < least || this.allInFlight) return false;
    this.sendPart();
    return !this.sender.failure && this.part.makeRoom(this.wanted);
  }

  /** Bytes of the part that is being filled. */
  private get wanted(): number {
    return partSizeAt(this.sender.nextNumber, this.bucket.sizes, this.equalSize);
  }

  private get allInFlight(): boolean {
    return this.sender.outstanding >= partsInFlightAt(this.wanted, this.bucket.sizes);
  }

  private sendPart(): void {
    const { bytes, crc32: sum, release } = this.part.detach();
    this.sender.send(bytes, sum, release);
  }

  private notify(): void {
    for (const resolve of this.wake.splice(0)) resolve();
  }

  private changed(): Promise<void> {
    return new Promise((resolve) => {
      this.wake.push(resolve);
    });
  }

  async ready(): Promise<void> {
    for (;;) {
      if (this.sender.failure) throw this.sender.failure;
      if (this.closed) throw new Failure('taken-over', 'The upload has ended.');
      const waiting = this.overrun.splice(0);
      for (const bytes of waiting) this.take(bytes);
      if (this.overrun.length === 0 && this.hasRoom()) return;
      if (this.sender.failure) continue;
      // An answer of the store and memory that others give back: whichever comes first.
      await (this.allInFlight ? this.changed() : Promise.race([this.changed(), this.admission.available()]));
    }
  }

  /** Never the part that holds the last byte received: a client that finds its own size sends nothing and reports success. */
  private told(): Part[] {
    const parts = this.sender.durableParts();
    const own = parts.length > this.start.parts.length;
    return own && sizeOf(parts) >= this.received ? parts.slice(0, -1) : parts;
  }

  progress(): Progress {
    const { uploadId } = this.sender;
    if (uploadId === undefined) return noProgress;
    if (this.settled && !this.closed) {
      const parts = this.sender.durableParts();
      return { uploadId, parts, durable: sizeOf(parts), reserved: lastNumberOf(parts) };
    }
    const parts = this.told();
    // Nothing is sent any more; one number is left out, so that the list is not taken for a whole one.
    const reserved = this.closed ? Math.min(this.sender.nextNumber, mostParts) : this.sender.reserved;
    return { uploadId, parts, durable: sizeOf(parts), reserved };
  }

  async flush(): Promise<void> {
    if (this.closed || this.settled || this.sender.failure || this.equalSize !== undefined) return;
    if (this.part.filled >= smallestPart && !this.allInFlight) this.sendPart();
    await this.sender.idle();
  }

  async settle(): Promise<Settled> {
    if (this.settled) return this.settled;
    while (this.overrun.length > 0) await this.ready();
    if (this.sender.failure) throw this.sender.failure;
    if (this.sender.untouched && this.bucket.profile.conditionalPut) {
      this.settled = { size: this.part.filled, crc32: this.part.crc32, proof: inOnePut };
      return this.settled;
    }
    // An upload without any part cannot be completed.
    if (this.part.filled > 0 || this.sender.partCount === 0) this.sendPart();
    this.part.drop();
    await this.sender.idle();
    if (this.sender.failure) throw this.sender.failure;
    const parts = this.sender.durableParts();
    const size = sizeOf(parts);
    if (size !== this.received) throw new Error(`the parts have ${size} bytes, ${this.received} were received`);
    this.settled = { size, crc32: parts.reduce((sum, part) => joinCrc32(sum, part.crc32, part.size), crc32('')), proof: inParts };
    return this.settled;
  }

  async complete(over: Version | undefined): Promise<Completed | Refused> {
    const { settled } = this;
    if (!settled) throw new Error('complete before settle');
    if (settled.proof === inParts) return completeParts(this.bucket, this.upload, this.progress(), settled, over);
    if (this.closed) throw new Error('complete after the end');
    const completed = await putWhole(this.bucket, this.upload, this.part.bytes, settled, over);
    // Whatever is not final may be tried again, over something else.
    if (typeof completed !== 'string' && 'version' in completed) this.part.drop();
    return completed;
  }

  /** The part that is being filled holds the last byte, so it could not be told: it is not sent. */
  async park(): Promise<Progress> {
    this.close();
    await this.sender.idle();
    return this.progress();
  }

  async abort(): Promise<void> {
    this.close();
    await this.sender.cancel();
    const { uploadId } = this.sender;
    if (uploadId !== undefined) await endUpload(this.bucket, this.upload.storedKey, uploadId);
  }

  async release(): Promise<void> {
    this.close();
    await this.sender.idle();
  }

  private close(): void {
    this.closed = true;
    this.overrun = [];
    this.part.drop();
    this.notify();
  }
}

/** Reserved up to exactly its last part, a list is whole: no byte came behind it. */
function lastNumberOf(parts: readonly Part[]): number {
  return parts.at(-1)?.number ?? 0;
}
