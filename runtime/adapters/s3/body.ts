import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';

/**
 * The body of a request, in the blocks that it lies in. Node encrypts what it is given at once, so a part written whole is held a second time, as ciphertext, until
 * the peer has taken it; in blocks, each written when the one before has left, only a block is. The bytes are not copied; they stay the caller's.
 */
export class Body extends Readable {
  private next = 0;

  constructor(private readonly blocks: readonly Buffer[]) {
    super({ highWaterMark: 1 });
  }

  override _read(): void {
    this.push(this.blocks[this.next++] ?? null);
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
