import type { Progress } from '../../model/upload-record';

/** A place in a part file: how many bytes from the start, and their checksum. */
export interface Checkpoint {
  readonly size: number;
  readonly crc32: number;
}

export const fileStart: Checkpoint = { size: 0, crc32: 0 };

/** Never told as received: a client that finds its own size sends nothing and reports success. */
export const heldBack = 64 * 1024;

export function progressOf(uploadId: string, place: Checkpoint): Progress {
  if (place.size === 0) return { uploadId, parts: [], durable: 0, reserved: 0 };
  return { uploadId, parts: [{ number: 1, size: place.size, crc32: place.crc32 }], durable: place.size, reserved: 1 };
}

/** The place that a progress names; its parts are contiguous, and a directory store tells them as one. */
export function placeOfProgress(progress: Progress): Checkpoint {
  return progress.durable === 0 ? fileStart : { size: progress.durable, crc32: progress.parts[0]?.crc32 ?? 0 };
}
