/**
 * CRC32 of a joined content from the CRCs of its pieces, so that a file received in parts, or continued after a cut, has its checksum without being read
 * again. The method is zlib's `crc32_combine`: appending n zero bytes to a message is a linear map over GF(2), applied by repeated squaring.
 */
export function joinCrc32(left: number, right: number, rightLength: number): number {
  if (rightLength === 0) return left >>> 0;
  let odd = new Uint32Array(32);
  odd[0] = 0xedb88320;
  for (let n = 1; n < 32; n++) odd[n] = 1 << (n - 1);
  let even = square(odd);
  odd = square(even);
  let crc = left;
  // `rightLength` may exceed 32 bits: divide instead of shifting.
  for (let length = rightLength; ; ) {
    even = square(odd);
    if (length % 2 === 1) crc = times(even, crc);
    length = Math.floor(length / 2);
    if (length === 0) break;
    odd = square(even);
    if (length % 2 === 1) crc = times(odd, crc);
    length = Math.floor(length / 2);
    if (length === 0) break;
  }
  return (crc ^ right) >>> 0;
}

function times(matrix: Uint32Array, vector: number): number {
  let sum = 0;
  for (let n = 0, bits = vector >>> 0; bits !== 0; n++, bits >>>= 1) if (bits & 1) sum ^= matrix[n] as number;
  return sum;
}

function square(matrix: Uint32Array): Uint32Array<ArrayBuffer> {
  return Uint32Array.from(matrix, (column) => times(matrix, column));
}
