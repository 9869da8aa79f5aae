import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from '../../model/crc32';
import type { Version } from '../../model/entry';
import { Failure } from '../../model/failure';
import type { Progress, Settled } from '../../model/upload-record';
import type { Completed, ObjectWriter } from '../../ports/object-store';
import type { Admission } from '../../ports/part-buffers';
import { type Checkpoint, fileStart, heldBack, progressOf } from './checkpoint';
import { storeFailure, versionOf } from './layout';
import { writeAll } from './write-all';

/**
 * Writes one part file. Records are copied into buffers as they come; full buffers are written in order, several with one call; every 8 MiB the file is
 * flushed, and what a finished flush covers is durable. The checksum runs along, once a buffer.
 *
 * One class of some length, because its parts share one state: what was received, queued, written and flushed, and the one failure that ends it.
 */
export interface WriterOptions {
  readonly file: string;
  readonly uploadId: string;
  readonly admission: Admission;
  readonly mode: number;
  /** Bytes that are in the file already, and their checksum. */
  readonly start: Checkpoint;
  /** Throws when the disk is down to its reserve. */
  readonly requireRoom: () => Promise<void>;
  readonly complete: (over: Version | undefined, settled: Settled) => Promise<Completed>;
  readonly remove: () => Promise<void>;
  /** Checksum of the file's first `size` bytes, going on from a place where it is known. */
  readonly checksumUpTo: (size: number, from: Checkpoint) => Promise<number>;
}

const smallestBuffer = 256 * 1024;
const largestBuffer = 1024 * 1024;
const mostQueued = 4 * 1024 * 1024;
const flushEvery = 8 * 1024 * 1024;

interface Filled {
  readonly buffer: Buffer;
  readonly bytes: Buffer;
  readonly end: Checkpoint;
}

export class PartFileWriter implements ObjectWriter {
  received: number;
  onProgress?: () => void;
  private handle: FileHandle | undefined;
  private current: Buffer | undefined;
  private filled = 0;
  private bufferSize = smallestBuffer;
  private queue: Filled[] = [];
  private queuedBytes = 0;
  private lastQueued: Checkpoint | undefined;
  /** Buffers from outside the budget: at most one, when a record overran the last one that the budget had. */
  private readonly extra = new Set<Buffer>();
  private pumping: Promise<void> | undefined;
  private flushing: Promise<void> | undefined;
  private failure: Failure | undefined;
  private wake: (() => void)[] = [];
  private written: Checkpoint;
  /** The last two flushed places: the later one is told only when more than 64 KiB were received behind it. */
  private durable: [Checkpoint, Checkpoint];
  private settled: Settled | undefined;
  private closed = false;

  constructor(private readonly options: WriterOptions) {
    const { start } = options;
    this.received = start.size;
    this.written = start;
    this.durable = [start, start];
  }

  accept(bytes: Buffer): boolean {
    if (this.failure || this.closed) return false;
    let offset = 0;
    while (offset < bytes.length) {
      this.current ??= this.takeBuffer();
      const copied = bytes.copy(this.current, this.filled, offset);
      this.filled += copied;
      offset += copied;
      this.received += copied;
      if (this.filled === this.current.length) this.sendCurrent();
    }
    if (this.failure || this.queuedBytes >= mostQueued) return false;
    return this.current ? !this.extra.has(this.current) : this.tryTakeBuffer();
  }

  /** Between `ready` and the next `accept` a buffer is at hand; a record that overruns it may cost one more than the budget has, and then `ready` waits. */
  private takeBuffer(): Buffer {
    const buffer = this.options.admission.take(this.bufferSize) ?? this.options.admission.take(smallestBuffer);
    if (buffer) return buffer;
    const extra = Buffer.allocUnsafeSlow(smallestBuffer);
    this.extra.add(extra);
    return extra;
  }

  private giveBack(buffer: Buffer): void {
    if (!this.extra.delete(buffer)) this.options.admission.give(buffer);
  }

  private dropCurrent(): void {
    if (this.current) this.giveBack(this.current);
    this.current = undefined;
    this.filled = 0;
  }

  private tryTakeBuffer(): boolean {
    this.current = this.options.admission.take(this.bufferSize) ?? this.options.admission.take(smallestBuffer);
    return this.current !== undefined;
  }

  private sendCurrent(): void {
    const buffer = this.current;
    if (!buffer) return;
    if (this.failure) {
      // Nothing is written any more, and no pump runs that would give the buffer back.
      this.dropCurrent();
      return;
    }
    const bytes = buffer.subarray(0, this.filled);
    const before = this.lastQueued ?? this.written;
    const end = { size: before.size + bytes.length, crc32: crc32(bytes, before.crc32) };
    this.lastQueued = end;
    this.queue.push({ buffer, bytes, end });
    this.queuedBytes += bytes.length;
    this.current = undefined;
    this.filled = 0;
    this.bufferSize = Math.min(this.bufferSize * 2, largestBuffer);
    this.pumping ??= this.pump();
  }

  private async pump(): Promise<void> {
    try {
      while (this.queue.length > 0 && !this.failure) {
        const batch = this.queue;
        this.queue = [];
        try {
          const handle = await this.open();
          await writeAll(
            handle,
            batch.map(({ bytes }) => bytes),
            this.written.size,
          );
          this.written = (batch.at(-1) as Filled).end;
        } finally {
          for (const { buffer, bytes } of batch) {
            this.giveBack(buffer);
            this.queuedBytes -= bytes.length;
          }
        }
        this.notify();
        if (this.written.size - this.durable[1].size >= flushEvery) this.flushing ??= this.flushWritten();
      }
    } catch (error) {
      this.fail(error);
    } finally {
      // In the same turn as the last look at the queue, so that a record that comes next starts another pump.
      this.pumping = undefined;
    }
  }

  private async open(): Promise<FileHandle> {
    if (!this.handle) {
      // Opening again would cut what has been written.
      if (this.closed) throw new Error('the part file has been closed');
      await this.options.requireRoom();
      this.handle = await open(this.options.file, this.options.start.size > 0 ? 'r+' : 'w+', this.options.mode);
    }
    return this.handle;
  }

  /** Runs beside the writes: what was written when it began is durable when it ends. */
  private async flushWritten(): Promise<void> {
    const covered = this.written;
    try {
      await this.options.requireRoom();
      await this.handle?.datasync();
      this.durable = [this.durable[1], covered];
      this.onProgress?.();
    } catch (error) {
      this.fail(error);
    } finally {
      this.flushing = undefined;
    }
  }

  private fail(error: unknown): void {
    this.failure ??= storeFailure(error);
    for (const { buffer } of this.queue.splice(0)) this.giveBack(buffer);
    this.queuedBytes = 0;
    this.notify();
  }

  private notify(): void {
    for (const resolve of this.wake.splice(0)) resolve();
  }

  async ready(): Promise<void> {
    for (;;) {
      if (this.failure) throw this.failure;
      if (this.closed) throw new Failure('taken-over', 'The upload has ended.');
      if (this.current && this.extra.has(this.current)) this.sendCurrent();
      if (this.queuedBytes >= mostQueued) {
        await new Promise<void>((resolve) => {
          this.wake.push(resolve);
        });
      } else if (this.current || this.tryTakeBuffer()) {
        return;
      } else {
        await this.options.admission.available();
      }
    }
  }

  progress(): Progress {
    const [before, last] = this.durable;
    const told = last.size <= this.received - heldBack || last.size <= this.options.start.size ? last : before;
    return progressOf(this.options.uploadId, told);
  }

  private async drain(): Promise<void> {
    if (this.filled > 0) this.sendCurrent();
    while (this.pumping || this.flushing) await Promise.all([this.pumping, this.flushing]);
  }

  /** For an upload from which no byte comes. If one comes meanwhile, what is told is only what was received before. */
  async flush(): Promise<void> {
    await this.drain();
    const size = Math.min(this.received - heldBack, this.written.size);
    const [before, last] = this.durable;
    if (this.failure || !this.handle || size <= this.progress().durable) return;
    try {
      await this.handle.datasync();
      const place = { size, crc32: await this.options.checksumUpTo(size, last.size <= size ? last : before) };
      // A flush of the writes may have gone further meanwhile.
      if (this.durable[1] !== last) return;
      this.durable = last.size <= size ? [last, place] : [place, last];
    } catch (error) {
      throw storeFailure(error);
    }
    this.onProgress?.();
  }

  async settle(): Promise<Settled> {
    if (this.settled) return this.settled;
    await this.drain();
    try {
      if (this.failure) throw this.failure;
      const handle = await this.open();
      await handle.sync();
      const stats = await handle.stat({ bigint: true });
      if (Number(stats.size) !== this.received) throw new Error(`the part file has ${stats.size} bytes, ${this.received} were received`);
      this.settled = { size: this.received, crc32: this.written.crc32, proof: versionOf(stats) };
      await this.close();
      return this.settled;
    } catch (error) {
      throw storeFailure(error);
    }
  }

  async complete(over: Version | undefined): Promise<Completed> {
    if (!this.settled) throw new Error('complete before settle');
    return this.options.complete(over, this.settled);
  }

  async park(): Promise<Progress> {
    const { start, uploadId, checksumUpTo } = this.options;
    await this.drain();
    try {
      try {
        await this.handle?.sync();
      } finally {
        await this.close();
      }
      if (this.written.size === 0) return progressOf(uploadId, fileStart);
      // What was there before this connection has been told already, and the client has sent from there on.
      const size = Math.max(start.size, this.written.size - heldBack);
      const known = [this.written, this.durable[1], this.durable[0], start].find((place) => place.size <= size) ?? fileStart;
      return progressOf(uploadId, { size, crc32: await checksumUpTo(size, known) });
    } catch (error) {
      throw storeFailure(error);
    }
  }

  async release(): Promise<void> {
    this.closed = true;
    await this.drain();
    await this.close();
  }

  async abort(): Promise<void> {
    this.closed = true;
    await this.drain();
    await this.close();
    await this.options.remove();
  }

  private async close(): Promise<void> {
    this.closed = true;
    this.dropCurrent();
    this.notify();
    const { handle } = this;
    this.handle = undefined;
    await handle?.close();
  }
}
