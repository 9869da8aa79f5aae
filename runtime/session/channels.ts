import type { UserSwitches } from '../model/user';
import type { ByteSource } from '../ports/byte-source';

/**
 * What a session asks of the two connections it lives on. `server` implements them with sockets and TLS; tests of the session fake them.
 */

export interface ControlChannel {
  /** Address of the client, `::ffff:` stripped. */
  readonly peerAddress: string;
  readonly localAddress: string;
  readonly ipv6: boolean;
  /** Implicit listener: TLS came first and cannot be taken off. */
  readonly implicit: boolean;
  /** Derived from the socket, not from a flag that a command could set. Undefined: clear. */
  tls(): TlsFacts | undefined;
  /** Encoded replies, complete lines; or the few bytes that refuse a Telnet option. Order is kept. */
  write(text: string | Buffer): void;
  /**
   * Bytes that the client sent behind the line being handled are already here: behind AUTH or CCC that is an injection (CVE-2011-1575 class), and the
   * session must drop the connection.
   */
  hasUnread(): boolean;
  /** Writes `reply`, then TLS begins; the session gets a fresh framer. Resolves when the handshake is done; a failed one closes the channel. */
  startTls(reply: string): Promise<void>;
  /** Writes `reply` inside TLS, sends close_notify, waits at most 5 s for the peer's, and goes on in clear (REIN, CCC). */
  stopTls(reply: string): Promise<void>;
  /** Stops and goes on reading: the back-pressure of the command queue. */
  pause(): void;
  resume(): void;
  /** close_notify, FIN, after what was written. */
  end(): void;
  /** At once. */
  destroy(): void;
}

export interface TlsFacts {
  /** `TLSv1.2`, `TLSv1.3` */
  readonly protocol: string;
  readonly cipher: string;
}

/** Data connections of one session. One is prepared at a time, one transfer runs at a time. */
export interface DataChannel {
  /**
   * PASV, EPSV: reserves a port; an earlier reservation is released. With `protection` private an early ClientHello is served as soon as it
   * arrives, tickets held. `address` is what PASV names.
   */
  prepare(request: { user: string; protection: Protection; switches: UserSwitches }): Promise<{ port: number; address: string }>;
  /** There is an unused reservation, or a connection that came for it. */
  readonly prepared: boolean;
  /**
   * Takes the prepared connection for one transfer. Returns at once: 150 never waits for the connection or its handshake. Aborting the signal resets
   * the connection, and everything that waits rejects with the signal's reason.
   */
  open(transfer: { direction: 'receive' | 'send'; protection: Protection; switches: UserSwitches; signal: AbortSignal }): DataTransfer;
  /** A refused transfer: a connection that has come, or is about to, is closed so that a waiting client sees EOF; an unused reservation stays. */
  refuse(): void;
  /** Releases everything: REIN, end of the session. */
  close(): void;
}

export type Protection = 'clear' | 'private';

export interface DataTransfer {
  /**
   * Direction receive. After a verified end it answers close_notify and FIN before it resolves, so that a client that waits for ours (Python's `unwrap`)
   * goes on. Rejects with `no-data-connection`, `wrong-peer`, `data-tls`, `data-not-resumed`, `cut`, `stalled`, or the signal's reason.
   */
  readonly source: ByteSource;
  /**
   * Direction send: writes everything, then close_notify and FIN, and waits for the peer's FIN, at most 5 s. When `chunks` throws, the TCP connection is
   * reset, so that a client cannot take half a file for a whole one, and the error is thrown on.
   */
  send(chunks: AsyncIterable<Buffer>): Promise<void>;
  /** Payload bytes so far. */
  readonly bytes: number;
  /** `unverified`: ended without close_notify and let through by the partner's switch. Known after `deliver`. */
  readonly end: 'verified' | 'unverified' | 'open';
}

/** What a connection tells its session. The session frames, decides and writes; it never sees a socket. */
export interface SessionHandler {
  /** Once, when the connection can be written to: at accept on the explicit port, after the handshake on the implicit one. */
  greet(): void;
  bytes(chunk: Buffer): void;
  /** The control connection is gone, cleanly or not; nothing can be written any more. */
  ended(): void;
  /**
   * The server is going down. `soon`: go on, but say 421 and close after ten seconds without command or transfer. `idle`: do so unless a transfer runs. `now`:
   * abort what runs, keep what was received.
   */
  drain(urgency: 'soon' | 'idle' | 'now'): void;
  readonly transferring: boolean;
  /**
   * Resolves after the end, when nothing of the session runs any more: its client may be gone while a cut upload is still being put aside, and a server that
   * closes its stores under that loses what was kept.
   */
  readonly finished: Promise<void>;
}
