import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { Failure } from '../model/failure';
import type { UserSwitches } from '../model/user';
import type { Clock, Timer } from '../ports/clock';
import type { DataConnection } from './data-connection';
import { takeBytes } from './read-buffer';

/** The payload of an upload, pushed record by record, until a verified end. */
export interface ReceiveOptions {
  readonly connection: DataConnection;
  readonly socket: Socket | TLSSocket;
  readonly switches: UserSwitches;
  readonly clock: Clock;
  readonly stallTimeout: number;
  readonly load: TransferLoad;
  readonly signal: AbortSignal;
  readonly onBytes: (count: number) => void;
  /** The stream ended in a way that a cut would have ended it too. */
  readonly onTruncated: () => void;
}

/** How many transfers run in this process. One alone may take whatever its socket has; several must let each other, and the control connections, have a turn. */
export class TransferLoad {
  running = 0;
}

/** Bytes of one socket per turn of the event loop while others wait. */
const quota = 192 * 1024;
const endWait = 5_000;

export async function receive(
  options: ReceiveOptions,
  accept: (bytes: Buffer) => boolean,
  ready: () => Promise<void>,
): Promise<'verified' | 'unverified'> {
  const { connection, socket, switches } = options;
  const bytes = await pump(options, accept, ready);
  const ended = connection.ended;
  const empty = bytes === 0 && switches.allowEmptyWithoutTls;
  if (ended === 'unverified' && switches.endOfData !== 'off' && !empty) options.onTruncated();
  if (ended === 'unverified' && switches.endOfData === 'strict' && !empty) {
    const remedy = bytes === 0 ? ' If this client sends empty files so, set allowEmptyWithoutTls for this account.' : '';
    throw new Failure('cut', `Upload incomplete: TLS stream ended without close_notify after ${bytes} bytes.${remedy}`);
  }
  if (connection.torn) throw brokenAfter(bytes);
  await answerEnd(connection, socket, options.clock);
  return ended;
}

/** Resolves with the number of bytes when the stream has ended, verified or not. After it has settled `accept` is never called again. */
function pump(options: ReceiveOptions, accept: (bytes: Buffer) => boolean, ready: () => Promise<void>): Promise<number> {
  const { connection, socket, clock, stallTimeout, load, signal } = options;
  return new Promise((resolve, reject) => {
    let bytesIn = 0;
    let over = false;
    let stall: Timer | undefined;
    let lastData = clock.monotonic();
    let waiting = false;
    let ended = false;
    /** Came while we waited: what had been read from the system before the pause. */
    const late: Buffer[] = [];
    let inTurn = 0;
    let turnEnds = false;

    const settle = (outcome: () => void) => {
      if (over) return;
      over = true;
      stall?.cancel();
      signal.removeEventListener('abort', onAbort);
      socket.off('end', onEnd);
      socket.off('close', onClose);
      socket.off('error', onError);
      outcome();
    };
    const fail = (error: unknown) => settle(() => reject(error));
    // One timer that looks at the clock, instead of one that is restarted for each record.
    const watchStall = () => {
      const idle = clock.monotonic() - lastData;
      if (!waiting && idle >= stallTimeout) {
        fail(new Failure('stalled', `Upload incomplete: no data came for ${stallTimeout / 1000} seconds after ${bytesIn} bytes.`));
        return;
      }
      stall = clock.timer(waiting ? stallTimeout : stallTimeout - idle, watchStall);
    };
    const onData = (bytes: Buffer): boolean => {
      if (over) return true;
      lastData = clock.monotonic();
      const { length } = bytes;
      bytesIn += length;
      options.onBytes(length);
      if (waiting) {
        late.push(Buffer.from(bytes));
        return false;
      }
      if (!give(bytes)) return false;
      if (load.running <= 1) return true;
      inTurn += length;
      if (inTurn >= quota && !turnEnds) endTurn();
      return !turnEnds;
    };
    /** False: no more before it is ready. */
    const give = (bytes: Buffer): boolean => {
      try {
        if (accept(bytes)) return true;
        waitUntilReady();
      } catch (error) {
        // Thrown out of a socket's event it would end the process.
        fail(error);
      }
      return false;
    };
    const endTurn = () => {
      turnEnds = true;
      setImmediate(() => {
        turnEnds = false;
        inTurn = 0;
        if (!waiting && !over) reading.goOn();
      });
    };
    const waitUntilReady = () => {
      waiting = true;
      ready().then(() => {
        waiting = false;
        lastData = clock.monotonic();
        while (late.length > 0 && !over) if (!give(late.shift() as Buffer)) return;
        if (over) return;
        if (ended) onEnd();
        else if (!turnEnds) reading.goOn();
      }, fail);
    };
    const onEnd = () => {
      ended = true;
      if (!waiting) settle(() => resolve(bytesIn));
    };
    const onError = (cause: unknown) => {
      // After its end it may close while we still wait.
      if (!ended) fail(brokenAfter(bytesIn, cause));
    };
    const onClose = () => onError(connection.error?.cause);
    const onAbort = () => fail(signal.reason);
    socket.once('end', onEnd);
    socket.once('error', onError);
    socket.once('close', onClose);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    // Over while nobody was listening (an empty file is, in the moment after 150): its events will not come again.
    else if (socket.readableEnded) onEnd();
    else if (socket.destroyed) onClose();
    if (over) return;
    watchStall();
    const reading = takeBytes(socket, connection.mayBuffer, onData);
    if (!waiting && !turnEnds && !over) reading.goOn();
  });
}

function brokenAfter(bytes: number, cause?: unknown): Failure {
  return new Failure('cut', `Upload incomplete: the data connection broke after ${bytes} bytes.`, { cause });
}

/** Our close_notify and FIN: clients that wait for them (Python's `unwrap`) go on, and only then is 226 due. */
async function answerEnd(connection: DataConnection, socket: Socket | TLSSocket, clock: Clock): Promise<void> {
  if (socket.destroyed) return;
  await new Promise<void>((resolve) => {
    const timer = clock.timer(endWait, resolve);
    const done = () => {
      timer.cancel();
      resolve();
    };
    socket.once('close', done);
    socket.once('error', done);
    socket.end(done);
  });
  const last = clock.timer(endWait, () => connection.raw.destroy());
  connection.raw.once('close', () => last.cancel());
}

/** How much of what a refused client still sends is thrown away: in bytes and in milliseconds. */
const mostDiscarded = 64 * 1024 * 1024;
const longestDiscard = 5_000;

/**
 * We have refused what a client is still sending. A reset at once would reach it before the reply: then it reports a broken connection instead of the full
 * disk, or sends the file again for ever (lftp). So it may go on for a little while, into nothing.
 */
export function discard(connection: DataConnection, socket: Socket | TLSSocket, clock: Clock): void {
  let left = mostDiscarded;
  const timer = clock.timer(longestDiscard, () => connection.reset());
  connection.raw.once('close', () => timer.cancel());
  socket.once('end', () => socket.end());
  socket.once('error', () => connection.reset());
  takeBytes(socket, connection.mayBuffer, ({ length }) => {
    left -= length;
    if (left < 0) connection.reset();
    return left >= 0;
  }).goOn();
}
