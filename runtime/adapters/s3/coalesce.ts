import type { Readable } from 'node:stream';
import type { Clock } from '../../ports/clock';

/**
 * Pieces of a socket, 16 KiB each where TLS is, as chunks of almost 1 MiB: each chunk costs its reader one write, and no promise is made for a piece. The body
 * stands still while a whole chunk waits to be taken.
 */
export const chunkSize = 1024 * 1024;
/** Milliseconds without a byte after which an answer counts as cut. */
const longestSilence = 30_000;

export async function* coalesced(body: Readable, clock: Clock): AsyncGenerator<Buffer> {
  const held: Buffer[] = [];
  let size = 0;
  let ended = false;
  let failure: Error | undefined;
  let wake: () => void = () => undefined;
  body.on('data', (piece: Buffer) => {
    held.push(piece);
    size += piece.length;
    if (size < chunkSize) return;
    body.pause();
    wake();
  });
  body.on('end', () => {
    ended = true;
    wake();
  });
  // Also for one that comes when nobody asks any more.
  body.on('error', (error: Error) => {
    failure ??= error;
    wake();
  });
  body.on('close', () => {
    if (!ended) failure ??= new Error('the answer was closed before its end');
    wake();
  });
  for (;;) {
    if (size < chunkSize && !ended && !failure) {
      const silence = watch(body, clock, () => size);
      body.resume();
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      silence.cancel();
      continue;
    }
    // What came before a cut is good.
    while (size > 0 && (size >= chunkSize || ended || failure)) {
      const pieces: Buffer[] = [];
      let taken = 0;
      for (let first = held[0]; first && taken < chunkSize; first = held[0]) {
        const rest = chunkSize - taken;
        const piece = first.length <= rest ? (held.shift() as Buffer) : first.subarray(0, rest);
        if (piece !== first) held[0] = first.subarray(rest);
        pieces.push(piece);
        taken += piece.length;
      }
      size -= taken;
      yield pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces, taken);
    }
    if (size > 0) continue;
    if (failure) throw failure;
    if (ended) return;
  }
}

/** Breaks off a body from which nothing comes while it is waited for. */
function watch(body: Readable, clock: Clock, received: () => number): { cancel(): void } {
  let seen = received();
  let timer = clock.timer(longestSilence, check);
  function check(): void {
    if (received() === seen) {
      body.destroy(new Error('no byte came for too long'));
      return;
    }
    seen = received();
    timer = clock.timer(longestSilence, check);
  }
  return { cancel: () => timer.cancel() };
}
