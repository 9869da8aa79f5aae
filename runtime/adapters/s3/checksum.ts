/** CRC32 as the protocol writes it: four bytes, base64. */
export function encodeCrc32(sum: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(sum >>> 0);
  return bytes.toString('base64');
}

/** Of a put: a bucket whose objects are locked takes none without, and a store may want the algorithm named beside the sum. */
export function checksumOfPut(sum: number) {
  return { ChecksumAlgorithm: 'CRC32', ChecksumCRC32: encodeCrc32(sum) } as const;
}

export function decodeCrc32(text: string | undefined): number | undefined {
  const bytes = text === undefined ? undefined : Buffer.from(text, 'base64');
  return bytes?.length === 4 ? bytes.readUInt32BE() : undefined;
}

/** Of the whole object: a store may also tell a checksum of the parts' checksums, which says nothing about the bytes to anybody else. */
export function wholeCrc32(answer: {
  readonly ChecksumCRC32?: string;
  readonly ChecksumType?: string;
  readonly ETag?: string;
}): number | undefined {
  if (answer.ChecksumType === 'COMPOSITE' || answer.ChecksumCRC32?.includes('-')) return undefined;
  const ofParts = answer.ChecksumType === undefined && answer.ETag?.includes('-');
  return ofParts ? undefined : decodeCrc32(answer.ChecksumCRC32);
}
