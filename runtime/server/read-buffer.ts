import { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

/**
 * The bytes of a socket through one buffer. As events each TLS record costs a block of memory of its own, 65,536 for a gibibyte, and its way through a stream: a
 * fifth of what an upload costs. Node has a buffer for reading, the option `onread` of `net.connect`, but leaves it out where TLS is put on an accepted
 * connection; here its properties are set by hand. They are internals of Node, so they are tried together with the end of data (`end-of-data.ts`), and where
 * that does not work, or a Node does not have them, the bytes come as events.
 */
const [buffer, callback] = propertiesOf('kBuffer', 'kBufferCb');

/** The largest record (RFC 8446 §5.1), and what libuv reads at once. */
const recordSize = 16 * 1024;
const clearSize = 64 * 1024;

/** Reading goes on until `take` says false; `goOn` begins it, and begins it again. */
export interface Reading {
  goOn(): void;
}

/**
 * From now on, once `goOn` has been called, `take` is given what comes, until it is set again: views of a buffer that is used again, so it copies what it keeps, and
 * never throws. When it says false it is still given what had been read from the system before, at most 64 KiB.
 */
export function takeBytes(socket: Socket | TLSSocket, mayBuffer: boolean, take: (bytes: Buffer) => boolean): Reading {
  socket.removeAllListeners('data');
  const own = socket as unknown as Record<symbol, unknown> & { _handle: { useUserBuffer?(bytes: Buffer): void } | null };
  if (!mayBuffer || !buffer || !callback || !own._handle?.useUserBuffer) {
    socket.on('data', (bytes: Buffer) => {
      if (!take(bytes)) socket.pause();
    });
    return { goOn: () => void socket.resume() };
  }
  const first = !own[buffer];
  // What came before anybody asked.
  const early: Buffer | null = first ? socket.read() : null;
  if (early) take(early);
  own[callback] = (length: number, bytes: Buffer) => take(length === bytes.length ? bytes : bytes.subarray(0, length));
  if (first) {
    const bytes = Buffer.allocUnsafeSlow('encrypted' in socket ? recordSize : clearSize);
    own[buffer] = bytes;
    own._handle.useUserBuffer(bytes);
  }
  // `resume` does that too, and much besides: a tenth of the work when many take turns.
  return { goOn: () => void socket.read(0) };
}

function propertiesOf(...names: readonly string[]): (symbol | undefined)[] {
  const all = Object.getOwnPropertySymbols(new Socket());
  return names.map((name) => all.find(({ description }) => description === name));
}
