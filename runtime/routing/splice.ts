import type { Socket } from 'node:net';
import type { Clock, Timer } from '../ports/clock';

/**
 * Two sockets as one connection. How each direction ends is carried over exactly, because the one at the end judges a transfer by it: FIN becomes FIN, after
 * every byte before it and with the other direction still open; a reset becomes a reset. Both sockets must allow half-open. What one side sends faster than the
 * other reads stays with its sender.
 */
export interface SpliceOptions {
  readonly clock: Clock;
  /** Milliseconds without a byte, none being held back either, after which both are reset. */
  readonly idleAfter: number;
  /** Once, when both sockets are closed. */
  readonly onClose: (bytes: number) => void;
}

export interface Splice {
  /** Resets both. */
  abort(): void;
}

/**
 * Bytes that wait for one side before the other is not read any more. Twice what one read brings: stopping at every read, as a stream of Node's does by itself,
 * costs half as much CPU again.
 */
const mostHeld = 128 * 1024;

export function splice(left: Socket, right: Socket, { clock, idleAfter, onClose }: SpliceOptions): Splice {
  let bytes = 0;
  let moved = 0;
  let open = 2;
  const timer = { current: undefined as Timer | undefined };

  const abort = () => {
    left.resetAndDestroy();
    right.resetAndDestroy();
  };
  // One timer for the whole time instead of one for every piece.
  const watch = () => {
    timer.current = clock.timer(idleAfter, () => {
      // Bytes that wait to be sent are held back by the other end, which has its reasons, such as a store that is away.
      if (moved === 0 && left.writableLength === 0 && right.writableLength === 0) abort();
      else watch();
      moved = 0;
    });
  };
  const count = (more: number) => {
    bytes += more;
    moved += more;
  };
  const closed = () => {
    if (--open > 0) return;
    timer.current?.cancel();
    onClose(bytes);
  };

  watch();
  pump(left, right, count, closed);
  pump(right, left, count, closed);
  return { abort };
}

function pump(from: Socket, to: Socket, count: (bytes: number) => void, closed: () => void): void {
  from.on('data', (chunk: Buffer) => {
    count(chunk.length);
    to.write(chunk);
    if (to.writableLength > mostHeld) from.pause();
  });
  to.on('drain', () => from.resume());
  from.on('end', () => {
    if (wasReset(from)) to.resetAndDestroy();
    else to.end();
  });
  // The close that follows says the same.
  from.on('error', () => to.resetAndDestroy());
  from.on('close', () => {
    // Gone before it had said all: not an end.
    if (!from.readableEnded) to.resetAndDestroy();
    closed();
  });
  if (from.destroyed) {
    to.resetAndDestroy();
    closed();
  } else from.resume();
}

/**
 * libuv reports an end, and no error, when a reset comes in the same moment as the bytes before it. A connection that was reset has no peer any more; one whose
 * other side has only finished still has. (Once both have finished it has none either, and there is nothing left to be told apart.)
 */
function wasReset(socket: Socket): boolean {
  const handle = (socket as unknown as { _handle?: { getpeername(into: object): number } | null })._handle;
  return !socket.writableEnded && handle?.getpeername({}) !== 0;
}
