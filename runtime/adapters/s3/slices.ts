import { Readable } from 'node:stream';

/**
 * Node encrypts what it is given at once: a part written whole is held a second time, as ciphertext, until the peer has taken it. In slices, each written when the
 * one before has left, only a slice is.
 */
export const sliceSize = 256 * 1024;

/** The bytes are not copied; they stay the caller's. */
export function inSlices(bytes: Buffer): Readable {
  let offset = 0;
  return new Readable({
    highWaterMark: 1,
    read() {
      if (offset >= bytes.length) {
        this.push(null);
        return;
      }
      const slice = bytes.subarray(offset, offset + sliceSize);
      offset += slice.length;
      this.push(slice);
    },
  });
}
