import { crc32 } from '../../model/crc32';
import type { Clock } from '../../ports/clock';
import type { Admission } from '../../ports/part-buffers';
import { smallestPart } from './bucket';

/**
 * The part that is being filled, in blocks of one size: it grows by another block as bytes come, so that thousands of small files need little memory, nothing is
 * copied twice, and every block fits the next upload. It grows above the least size only while bytes come fast, because one that fills slowly keeps what others
 * wait for: every admitted upload can have the least size at any time.
 */
export const blockSize = 256 * 1024;
/** Milliseconds in which what there is must have come, for a part to grow above the least size. */
const steadyFill = 10_000;

export class PartBuffer {
  filled = 0;
  crc32 = 0;
  private blocks: Buffer[] = [];
  /** Bytes that the part may have. */
  private most = 0;
  private begun = 0;

  constructor(
    private readonly admission: Admission,
    private readonly clock: Clock,
  ) {}

  private get held(): number {
    return this.blocks.length * blockSize;
  }

  get bytes(): readonly Buffer[] {
    const last = Math.ceil(this.filled / blockSize);
    return this.blocks.slice(0, last).map((block, index) => block.subarray(0, this.filled - index * blockSize));
  }

  /** There is room for a byte, or now there is. False: no memory, or it is as large as it may be. */
  makeRoom(wanted: number): boolean {
    const steady = this.clock.monotonic() - this.begun <= steadyFill;
    this.most = this.blocks.length === 0 || steady ? wanted : Math.min(wanted, Math.max(smallestPart, this.held));
    if (this.filled < this.held) return this.filled < this.most;
    if (this.filled >= this.most) return false;
    const block = this.admission.take(blockSize);
    if (!block) return false;
    if (this.blocks.push(block) === 1) this.begun = this.clock.monotonic();
    return true;
  }

  /** Copies what fits; gives how much. */
  fill(source: Buffer, offset: number): number {
    const block = this.blocks[Math.floor(this.filled / blockSize)] as Buffer;
    const end = Math.min(source.length, offset + this.most - this.filled);
    const copied = source.copy(block, this.filled % blockSize, offset, end);
    this.crc32 = crc32(source.subarray(offset, offset + copied), this.crc32);
    this.filled += copied;
    return copied;
  }

  /** The filled part, whose memory belongs to the caller now, until `release`. */
  detach(): { readonly bytes: readonly Buffer[]; readonly crc32: number; readonly release: () => void } {
    const { bytes, crc32: sum, blocks, admission } = this;
    this.blocks = [];
    this.filled = 0;
    this.crc32 = 0;
    const release = () => {
      for (const block of blocks.splice(0)) admission.give(block);
    };
    return { bytes, crc32: sum, release };
  }

  drop(): void {
    this.detach().release();
  }
}
