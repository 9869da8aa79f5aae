import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';

/** Larger ones cost no less processor time. */
const pieceSize = 64 * 1024;

/**
 * The body of a request. Node encrypts what it is given at once, so a part written whole is held a second time, as ciphertext, until the peer has taken it; in small
 * pieces, each written when the one before has left, only a piece is: with hundreds of parts on their way that is the difference. The bytes are not copied; they
 * stay the caller's.
 */
export class Body extends Readable {
  private block = 0;
  private offset = 0;

  constructor(private readonly blocks: readonly Buffer[]) {
    super({ highWaterMark: 1 });
  }

  override _read(): void {
    let block = this.blocks[this.block];
    if (block && this.offset >= block.length) {
      block = this.blocks[++this.block];
      this.offset = 0;
    }
    this.push(block?.subarray(this.offset, this.offset + pieceSize) ?? null);
    this.offset += pieceSize;
  }

  /** As the signature of a request in clear wants it. */
  sha256(): string {
    const hash = createHash('sha256');
    for (const block of this.blocks) hash.update(block);
    return hash.digest('hex');
  }
}

export function lengthOf(blocks: readonly Buffer[]): number {
  return blocks.reduce((sum, { length }) => sum + length, 0);
}
