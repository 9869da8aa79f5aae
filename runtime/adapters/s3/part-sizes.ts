import { mostParts, type Sizes, smallestPart } from './bucket';

/**
 * How large a part is to be. The length of an upload is not known, and a store takes 10,000 parts: so they grow by their number, 8 MiB for the first 2,000,
 * then four times, then sixteen times as much, as far as an eighth of the memory for parts allows.
 */
const growth = [
  { upTo: 2_000, times: 1 },
  { upTo: 5_000, times: 4 },
  { upTo: mostParts, times: 16 },
] as const;

export function partSizeAt(number: number, sizes: Sizes, equal?: number): number {
  if (equal !== undefined) return equal;
  const { times } = growth.find(({ upTo }) => number <= upTo) ?? growth[2];
  const most = Math.max(smallestPart, Math.floor(sizes.budget / 8));
  return Math.max(smallestPart, Math.min(sizes.partSize * times, most));
}

/** Bytes that fit into one object. */
export function largestObject(sizes: Sizes, equal?: number): number {
  let bytes = 0;
  let from = 0;
  for (const { upTo } of growth) {
    bytes += (upTo - from) * partSizeAt(upTo, sizes, equal);
    from = upTo;
  }
  return bytes;
}

/** Sizes of the parts that a range of an object is copied in: all of one size, none below the least, except the last. */
export function copyRanges(size: number, partSize: number): { readonly start: number; readonly size: number }[] {
  const each = Math.max(partSize, Math.ceil(size / mostParts));
  const ranges: { start: number; size: number }[] = [];
  for (let start = 0; start < size; start += each) ranges.push({ start, size: Math.min(each, size - start) });
  return ranges;
}
