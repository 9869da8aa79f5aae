import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { Failure } from '../model/failure';
import type { UserSwitches } from '../model/user';
import type { Clock, Timer } from '../ports/clock';
import type { DataConnection } from './data-connection';

/** The payload of an upload, pushed record by record, until a verified end. */
export interface ReceiveOptions {
  readonly connection: DataConnection;
  readonly socket: Socket | TLSSocket;
  readonly switches: UserSwitches;
  readonly clock: Clock;
  readonly stallTimeout: number;
  readonly load: TransferLoad;
  readonly onBytes: (count: number) => void;
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
  const { connection, socket } = options;
  await pump(options, accept, ready);
  const ended = connection.ended;
  if (ended === 'unverified' && options.switches.endOfData === 'strict') throw missingCloseNotify();
  await answerEnd(connection, socket, options.clock);
  return ended;
}

function missingCloseNotify(): Failure {
  return new Failure('cut', 'Upload incomplete: the TLS stream ended without close_notify.');
}

function pump(options: ReceiveOptions, accept: (bytes: Buffer) => boolean, ready: () => Promise<void>): Promise<void> {
  const { connection, socket, clock, stallTimeout, load } = options;
  return new Promise((resolve, reject) => {
    let stall: Timer | undefined;
    let lastData = clock.monotonic();
    let waiting = false;
    let inTurn = 0;
    let turnEnds = false;

    const settle = (outcome: () => void) => {
      stall?.cancel();
      socket.off('data', onData);
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
        fail(new Failure('stalled', `Upload incomplete: no data came for ${stallTimeout / 1000} seconds.`));
        return;
      }
      stall = clock.timer(waiting ? stallTimeout : stallTimeout - idle, watchStall);
    };
    const onData = (bytes: Buffer) => {
      lastData = clock.monotonic();
      options.onBytes(bytes.length);
      const goOn = accept(bytes);
      freeRecord(bytes);
      if (!goOn) {
        waitUntilReady();
      } else if (load.running > 1) {
        inTurn += bytes.length;
        if (inTurn >= quota && !turnEnds) takeTurns();
      }
    };
    const takeTurns = () => {
      turnEnds = true;
      socket.pause();
      setImmediate(() => {
        turnEnds = false;
        inTurn = 0;
        if (!waiting) socket.resume();
      });
    };
    const waitUntilReady = () => {
      waiting = true;
      socket.pause();
      ready().then(() => {
        waiting = false;
        lastData = clock.monotonic();
        if (!turnEnds) socket.resume();
      }, fail);
    };
    const onEnd = () => {
      // At once: Node ends its own side by itself in the next tick, and with tickets still held no close_notify would go out.
      connection.releaseTickets();
      settle(resolve);
    };
    const onError = (error: Error) => {
      fail(new Failure('cut', 'Upload incomplete: the data connection was reset.', { cause: error }));
    };
    const onClose = () => {
      fail(connection.error ?? new Failure('cut', 'Upload incomplete: the data connection was closed.'));
    };
    socket.on('data', onData);
    socket.once('end', onEnd);
    socket.once('error', onError);
    socket.once('close', onClose);
    watchStall();
    socket.resume();
  });
}

/**
 * Each TLS record has a memory block of its own; freeing it at once, instead of leaving it to the collector, saves a third of the CPU. Node 26 packs several
 * records into one block, which must stay.
 */
function freeRecord(bytes: Buffer): void {
  const block = bytes.buffer as ArrayBuffer & { transfer?: (length: number) => ArrayBuffer };
  if (block.transfer && bytes.byteLength === block.byteLength) block.transfer(0);
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
