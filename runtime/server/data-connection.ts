import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { Failure } from '../model/failure';
import type { Clock } from '../ports/clock';
import { watchEnd } from './end-of-data';
import type { TlsIdentity } from './tls';
import { recordStream } from './tls-over-stream';

/**
 * One accepted data connection: the raw socket, and TLS on it when the data is protected. It starts TLS as soon as it may, because some clients finish their
 * handshake before they send a command and others only begin after 150; the tickets wait until the direction is known.
 */
export interface DataConnectionOptions {
  readonly raw: Socket;
  readonly address: string;
  /** By another task of the fleet. */
  readonly relayed: boolean;
  readonly identity: TlsIdentity;
  readonly clock: Clock;
  /** Judge the end by the probe; otherwise TLS runs over a record stream. */
  readonly probe: boolean;
  readonly handshakeTimeout: number;
  readonly keepAlive: number;
}

export class DataConnection {
  readonly address: string;
  readonly relayed: boolean;
  private held: { tls: TLSSocket; secured: Promise<void>; releaseTickets: () => void } | undefined;
  private endVerified: () => boolean = () => false;
  private failure: Failure | undefined;
  private endedWithoutPeer: boolean | undefined;

  constructor(private readonly options: DataConnectionOptions) {
    const { raw } = options;
    this.address = options.address;
    this.relayed = options.relayed;
    raw.setNoDelay(true);
    raw.setKeepAlive(true, options.keepAlive);
    // Whoever transfers listens for himself; a reset before that must not bring the process down.
    raw.on('error', () => undefined);
    raw.once('end', () => this.lookForPeer());
  }

  /** What this process knows of Node's sockets is so: their bytes may be read through a buffer. */
  get mayBuffer(): boolean {
    return this.options.probe;
  }

  get raw(): Socket {
    return this.options.raw;
  }

  /** Puts TLS on the connection; nothing has been read from it before. */
  startTls(): void {
    if (this.held) return;
    const { raw, identity, probe } = this.options;
    if (probe) {
      this.held = identity.secureData(raw);
      const watched = watchEnd(this.held.tls, raw);
      this.endVerified = watched.verified;
    } else {
      const { stream } = recordStream(raw);
      // TLS that has ended before its stream did saw a close_notify. Registered before OpenSSL's own listener, which makes an end of both.
      let clean = true;
      stream.once('end', () => {
        const tls = this.held?.tls as unknown as { _readableState: { ended: boolean } } | undefined;
        clean = tls?._readableState.ended === true;
      });
      this.held = identity.secureData(stream);
      this.endVerified = () => clean;
    }
    const { tls, releaseTickets } = this.held;
    tls.once('end', () => {
      this.lookForPeer();
      // At once: Node ends its own side by itself in the next tick, and with tickets still held no close_notify would go out.
      releaseTickets();
    });
    tls.on('error', (error) => {
      this.failure ??= new Failure('data-tls', 'TLS on the data connection failed.', { cause: error });
    });
  }

  /** The socket that carries the payload, its handshake done. Throws `data-tls`; `cut` when the client closed before that. */
  async ready(protect: boolean, signal: AbortSignal): Promise<Socket | TLSSocket> {
    if (!protect) {
      if (this.held)
        throw new Failure('no-data-connection', 'The data connection was opened for TLS; send PASV or EPSV again after PROT C.');
      return this.raw;
    }
    this.startTls();
    const held = this.held as NonNullable<typeof this.held>;
    const { clock, handshakeTimeout } = this.options;
    const timeout = new AbortController();
    let fail: () => void = () => undefined;
    const closed = new Promise<never>((_, reject) => {
      fail = () => {
        // TLS reads the handle by itself, so the raw socket never says `end`: without an error it was the client that closed. With an empty file some do so at
        // once, and some (basic-ftp) in the middle of the handshake, whenever it is slower than they are.
        const when = this.raw.bytesRead === 0 ? 'before' : 'during';
        reject(this.failure ?? new Failure('cut', `The data connection was closed ${when} its TLS handshake.`));
      };
      if (held.tls.destroyed) fail();
      held.tls.once('close', fail);
    });
    closed.catch(() => undefined); // Lost the race below: the handshake was done first.
    try {
      await Promise.race([
        held.secured,
        closed,
        clock.sleep(handshakeTimeout, AbortSignal.any([signal, timeout.signal])).then(() => {
          throw new Failure('data-tls', `No TLS handshake on the data connection within ${handshakeTimeout / 1000} seconds.`);
        }),
      ]);
    } finally {
      timeout.abort();
      held.tls.off('close', fail);
    }
    return held.tls;
  }

  /** The client proved that it belongs to this control connection. */
  get resumed(): boolean {
    return this.held?.tls.isSessionReused() ?? false;
  }

  /** TLS ended with close_notify; in clear there is nothing better than the FIN. */
  get ended(): 'verified' | 'unverified' {
    if (!this.held) return 'verified';
    return this.endVerified() ? 'verified' : 'unverified';
  }

  /**
   * A reset that comes in the same moment as the bytes before it is an end to libuv, and no error. But a connection that was reset has no peer any more, and
   * one whose other side has only finished still has. Behind a close_notify it does not matter.
   */
  get torn(): boolean {
    return this.endedWithoutPeer === true && !this.endVerified();
  }

  private lookForPeer(): void {
    const handle = (this.raw as unknown as { _handle?: { getpeername?(into: object): number } | null })._handle;
    // The first look counts: once we have finished too there is no peer either.
    this.endedWithoutPeer ??= handle?.getpeername !== undefined && handle.getpeername({}) !== 0;
  }

  get error(): Failure | undefined {
    return this.failure;
  }

  /** Bytes that were written and that the system has not taken yet. */
  get unsent(): number {
    const handle = (this.raw as unknown as { _handle?: { writeQueueSize?: number } | null })._handle;
    return handle?.writeQueueSize ?? 0;
  }

  releaseTickets(): void {
    this.held?.releaseTickets();
  }

  /** Only a reset of the TCP connection itself is seen as a failure by every client; `end` and `destroy` of the TLS socket look like a clean end. */
  reset(): void {
    if (this.raw.destroyed) return;
    // After a shutdown libuv refuses the reset and Node then leaks the descriptor. Our side has ended by itself where the client's end came first.
    if (!this.raw.writableEnded && !this.held?.tls.writableEnded) this.raw.resetAndDestroy();
    // That only marks the socket and waits for its writes to finish, which under TLS may never be; the reset itself happens in `destroy`.
    this.raw.destroy();
  }
}
