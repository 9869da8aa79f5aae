import { mostParts, type Sizes, smallestPart } from './bucket';

/**
 * How large a part is to be. The length of an upload is not known, and a store takes 10,000 parts: so they grow by their number, as far as an eighth of the
 * memory for parts allows. The first is small (8 MiB unless set), because a file that fits into it is held until its end; the next ones are twice as large,
 * which costs an upload a tenth less processor time (`docs/decisions/0008`).
 */
const growth = [
  { upTo: 1, times: 1 },
  { upTo: 2_000, times: 2 },
  { upTo: 5_000, times: 8 },
  { upTo: mostParts, times: 32 },
] as const;

export function partSizeAt(number: number, sizes: Sizes, equal?: number): number {
  if (equal !== undefined) return equal;
  const { times } = growth.find(({ upTo }) => number <= upTo) ?? growth[3];
  const most = Math.max(smallestPart, Math.floor(sizes.budget / 8));
  return Math.max(smallestPart, Math.min(sizes.partSize * times, most));
}

/** Parts of this size on their way at once: together as many bytes as the setting allows of the first size, yet two, so that one fills the wire while another is answered. */
export function partsInFlightAt(size: number, { partSize, partsInFlight }: Sizes): number {
  return Math.max(Math.min(2, partsInFlight), Math.floor((partSize * partsInFlight) / size));
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
