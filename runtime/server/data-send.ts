import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { Failure } from '../model/failure';
import type { Clock } from '../ports/clock';
import type { DataConnection } from './data-connection';

/** The payload of a download or a listing. */
export interface SendOptions {
  readonly connection: DataConnection;
  readonly socket: Socket | TLSSocket;
  readonly clock: Clock;
  readonly stallTimeout: number;
  readonly onBytes: (count: number) => void;
}

const endWait = 5_000;
/** One write of this size costs half the CPU of many of 16 kB. */
const writeSize = 1024 * 1024;

/**
 * Writes all chunks, then close_notify and FIN, and waits for the client's FIN. While one piece is on its way the next is fetched. When the chunks fail the TCP
 * connection is reset: any other ending would look like the end of the file.
 */
export async function send(options: SendOptions, chunks: AsyncIterable<Buffer>): Promise<void> {
  const { connection, socket } = options;
  connection.releaseTickets();
  const gone = watchGone(options);
  const pieces = coalesce(chunks)[Symbol.asyncIterator]();
  try {
    // Its end is not ours: a client may say at once that it has nothing to send. One that has gone is met by the next write.
    for (const end of [socket, connection.raw]) end.allowHalfOpen = true;
    // Bytes from the client mean nothing here, but unread they would turn our close into a reset.
    socket.resume();
    let next = pieces.next();
    let wrote = false;
    for (;;) {
      // Not raced with the end of the connection: a client that knows the size from 150 may close after the last byte, before we know that it was the last.
      const { done, value } = await next;
      if (done) break;
      const written = taken(options, (finished) => socket.write(value, finished));
      wrote = true;
      next = pieces.next();
      next.catch(() => undefined); // Awaited in the next round, or overtaken by the end of the connection.
      await Promise.race([written, gone.promise]);
      options.onBytes(value.length);
    }
    if (gone.quietly) return;
    if (!wrote) await afterHandshake();
    await Promise.race([taken(options, (finished) => socket.end(finished)), gone.promise]);
    await gone.expectClose();
    socket.destroy();
  } catch (error) {
    connection.reset();
    throw error;
  } finally {
    gone.stop();
    // Not waited for: a source that hangs must not hold the failure of its client. It closes what it has opened by itself.
    pieces.return(undefined).catch(() => undefined);
  }
}

/**
 * An end in the same turn of the event loop as the last record of the handshake: Node has not yet heard that this record was written, holds close_notify back,
 * and sends the FIN at once. The client then sees an empty file that was cut. A write before the end is waited for, which is as good.
 */
function afterHandshake(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Small chunks together, large ones as they are. */
async function* coalesce(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  let small: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    small.push(chunk);
    size += chunk.length;
    if (size < writeSize) continue;
    yield small.length === 1 ? chunk : Buffer.concat(small);
    small = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(small);
}

/**
 * Waits until the client's side has taken what was written. A slow client is not a stalled one: as long as the system's queue of this socket gets shorter the
 * clock starts again.
 */
function taken({ connection, clock, stallTimeout }: SendOptions, write: (finished: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let queued = connection.unsent;
    const look = () => {
      const now = connection.unsent;
      if (now >= queued) {
        reject(new Failure('stalled', `Download incomplete: the client took no data for ${stallTimeout / 1000} seconds.`));
        return;
      }
      queued = now;
      timer = clock.timer(stallTimeout, look);
    };
    let timer = clock.timer(stallTimeout, look);
    write((error) => {
      timer.cancel();
      if (error) reject(closedEarly(error));
      else resolve();
    });
    queued = connection.unsent;
  });
}

interface Gone {
  readonly promise: Promise<never>;
  /** The client closed in order; no error. */
  readonly quietly: boolean;
  /** From now on a close is what we wait for. */
  expectClose(): Promise<void>;
  stop(): void;
}

function watchGone({ connection, socket, clock }: SendOptions): Gone {
  let expected = false;
  let failed = false;
  let closed: () => void = () => undefined;
  let onClose: () => void = () => undefined;
  let onError: (error: Error) => void = () => undefined;
  const promise = new Promise<never>((_, reject) => {
    onClose = () => {
      closed();
      if (!expected) reject(connection.error ?? closedEarly(undefined));
    };
    onError = (error) => {
      failed = true;
      if (!expected) reject(closedEarly(error));
    };
    socket.on('close', onClose);
    socket.on('error', onError);
    if (socket.destroyed) onClose();
  });
  promise.catch(() => undefined); // Every wait races it; between two waits nobody listens.
  return {
    promise,
    get quietly() {
      return socket.destroyed && !failed && !connection.error;
    },
    expectClose: () =>
      new Promise((resolve) => {
        expected = true;
        const timer = clock.timer(endWait, () => {
          connection.raw.destroy();
          resolve();
        });
        closed = () => {
          timer.cancel();
          resolve();
        };
        socket.once('end', closed);
        if (socket.destroyed || socket.readableEnded) closed();
      }),
    stop: () => {
      socket.off('close', onClose);
      socket.off('error', onError);
      socket.on('error', () => undefined); // The transfer is over; how the socket ends concerns nobody.
    },
  };
}

function closedEarly(cause: Error | undefined): Failure {
  return new Failure('cut', 'Download incomplete: the client closed the data connection.', { cause });
}
