import type { Part } from '../../model/upload-record';

/**
 * The parts of an upload as its record keeps them. The first part of one that continues a complete object is marked: whoever completes it, on whatever
 * task, must do so on condition that this object is still there.
 */
const baseMark = '+';

export function markBase(part: Part): Part {
  return { ...part, etag: baseMark + (part.etag ?? '') };
}

export function continuesObject(parts: readonly Part[]): boolean {
  return parts[0]?.etag?.startsWith(baseMark) ?? false;
}

/** As the store said it. */
export function etagOf(part: Part): string {
  const { etag = '' } = part;
  return etag.startsWith(baseMark) ? etag.slice(baseMark.length) : etag;
}

export function sizeOf(parts: readonly Part[]): number {
  return parts.reduce((sum, { size }) => sum + size, 0);
}
