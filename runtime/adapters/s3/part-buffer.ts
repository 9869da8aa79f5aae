import { crc32 } from 'node:zlib';
import type { Clock } from '../../ports/clock';
import type { Admission } from '../../ports/part-buffers';
import { smallestPart } from './bucket';

/**
 * The part that is being filled. It begins small and doubles, so that thousands of small files need little memory; it grows to the full size of a part only
 * while bytes come fast, because one that fills slowly keeps what others wait for: every admitted upload can have the least size at any time.
 */
const firstSize = 256 * 1024;
/** Milliseconds in which the last part was filled, for the next one to begin at full size. */
const fastFill = 1_000;
/** Milliseconds in which the first half must have come, for a part to grow above the least size. */
const steadyFill = 10_000;

export class PartBuffer {
  filled = 0;
  crc32 = 0;
  private buffer: Buffer | undefined;
  private begun = 0;
  private lastFill = Number.POSITIVE_INFINITY;

  constructor(
    private readonly admission: Admission,
    private readonly clock: Clock,
  ) {}

  get full(): boolean {
    return this.buffer !== undefined && this.filled === this.buffer.length;
  }

  get bytes(): Buffer {
    return this.buffer ? this.buffer.subarray(0, this.filled) : Buffer.alloc(0);
  }

  /** There is room for a byte, or now there is. False: no memory. */
  makeRoom(wanted: number): boolean {
    if (!this.buffer) return this.begin(wanted);
    return !this.full || this.grow(wanted);
  }

  private begin(wanted: number): boolean {
    const size = Math.min(wanted, this.lastFill <= fastFill ? wanted : firstSize);
    this.buffer = this.admission.take(size) ?? (size > firstSize ? this.admission.take(firstSize) : undefined);
    this.begun = this.clock.monotonic();
    return this.buffer !== undefined;
  }

  private grow(wanted: number): boolean {
    const old = this.buffer as Buffer;
    const steady = this.clock.monotonic() - this.begun <= steadyFill;
    const most = steady ? wanted : Math.min(wanted, Math.max(smallestPart, old.length));
    const sizes = [Math.min(old.length * 2, most), Math.min(smallestPart, most)].filter((size) => size > old.length);
    if (sizes.length === 0) return false;
    for (const size of sizes) {
      const next = this.admission.exchange(old, size);
      if (!next) continue;
      old.copy(next, 0, 0, this.filled);
      this.buffer = next;
      return true;
    }
    return false;
  }

  /** Copies what fits; gives how much. */
  fill(source: Buffer, offset: number): number {
    const copied = source.copy(this.buffer as Buffer, this.filled, offset);
    this.crc32 = crc32(source.subarray(offset, offset + copied), this.crc32);
    this.filled += copied;
    return copied;
  }

  /** The filled part, whose memory belongs to the caller now. */
  detach(): { readonly buffer: Buffer | undefined; readonly bytes: Buffer; readonly crc32: number } {
    const part = { buffer: this.buffer, bytes: this.bytes, crc32: this.crc32 };
    this.lastFill = this.clock.monotonic() - this.begun;
    this.buffer = undefined;
    this.filled = 0;
    this.crc32 = 0;
    return part;
  }

  drop(): void {
    const { buffer } = this.detach();
    if (buffer) this.admission.give(buffer);
  }
}
