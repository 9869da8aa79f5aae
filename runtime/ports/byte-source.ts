/**
 * The bytes of one upload, from wherever they come. The data connection is one; in tests it is an array.
 *
 * `deliver` pushes every piece into `accept` as it arrives (no await a record); when `accept` says false it stops reading until `ready` resolves, and
 * the stall clock stands still meanwhile. It resolves only on a verified clean end. It rejects with a `Failure` on everything else: reset, missing
 * close_notify, stall, the abort of the signal it was made with, or the rejection of `ready`.
 */
export interface ByteSource {
  deliver(accept: (bytes: Buffer) => boolean, ready: () => Promise<void>): Promise<void>;
}
