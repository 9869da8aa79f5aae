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

/**
 * Writes all chunks, then close_notify and FIN, and waits for the client's FIN. While one chunk is on its way the next is fetched. When the chunks fail the TCP
 * connection is reset: any other ending would look like the end of the file.
 */
export async function send(options: SendOptions, chunks: AsyncIterable<Buffer>): Promise<void> {
  const { connection, socket } = options;
  connection.releaseTickets();
  const gone = watchGone(options);
  const iterator = chunks[Symbol.asyncIterator]();
  try {
    // Bytes from the client mean nothing here, but unread they would turn our close into a reset.
    socket.resume();
    let next = iterator.next();
    for (;;) {
      const { done, value } = await Promise.race([next, gone.promise]);
      if (done) break;
      const written = write(options, value);
      next = iterator.next();
      next.catch(() => undefined); // Awaited in the next round, or overtaken by the end of the connection.
      await Promise.race([written, gone.promise]);
      options.onBytes(value.length);
    }
    await finish(options, gone);
  } catch (error) {
    connection.reset();
    throw error;
  } finally {
    gone.stop();
    await iterator.return?.();
  }
}

function write({ socket, clock, stallTimeout }: SendOptions, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.timer(stallTimeout, () => {
      reject(new Failure('stalled', `Download incomplete: the client took no data for ${stallTimeout / 1000} seconds.`));
    });
    socket.write(bytes, (error) => {
      timer.cancel();
      if (error) reject(closedEarly(error));
      else resolve();
    });
  });
}

interface Gone {
  readonly promise: Promise<never>;
  /** From now on a close is what we wait for. */
  expectClose(): Promise<void>;
  stop(): void;
}

function watchGone({ connection, socket, clock }: SendOptions): Gone {
  let expected = false;
  let closed: () => void = () => undefined;
  let onClose: () => void = () => undefined;
  let onError: (error: Error) => void = () => undefined;
  const promise = new Promise<never>((_, reject) => {
    onClose = () => {
      closed();
      if (!expected) reject(connection.error ?? closedEarly(undefined));
    };
    onError = (error) => {
      if (!expected) reject(closedEarly(error));
    };
    socket.on('close', onClose);
    socket.on('error', onError);
    if (socket.destroyed) onClose();
  });
  promise.catch(() => undefined); // Every wait races it; between two waits nobody listens.
  return {
    promise,
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

async function finish({ socket }: SendOptions, gone: Gone): Promise<void> {
  const flushed = new Promise<void>((resolve) => {
    socket.end(resolve);
  });
  await Promise.race([flushed, gone.promise]);
  await gone.expectClose();
  socket.destroy();
}

function closedEarly(cause: Error | undefined): Failure {
  return new Failure('cut', 'Download incomplete: the client closed the data connection.', { cause });
}
