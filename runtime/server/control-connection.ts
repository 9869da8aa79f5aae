import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Clock, Timer } from '../ports/clock';
import type { Log } from '../ports/log';
import type { ControlChannel, SessionHandler, TlsFacts } from '../session/channels';
import type { TlsIdentity } from './tls';
import { type RecordStream, recordStream } from './tls-over-stream';

/**
 * The control connection as a session sees it: bytes in, lines out, TLS put on and taken off. TLS always runs over a record stream here, so that REIN and CCC
 * can take it off again.
 */
export interface ControlOptions {
  readonly raw: Socket;
  readonly implicit: boolean;
  readonly identity: TlsIdentity;
  readonly peerAddress: string;
  readonly localAddress: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Milliseconds. */
  readonly handshakeTimeout: number;
  /** Of TCP, so that a control connection that is silent during a long transfer is not forgotten by what lies between. */
  readonly keepAlive: number;
}

/** Bytes, beside the longest reply: a client that never reads them. Nobody asks for this many for a sensible reason. */
const mostUnsent = 256 * 1024;
const closeNotifyWait = 5_000;
const closeWait = 5_000;

export class ControlConnection implements ControlChannel {
  private handler: SessionHandler | undefined;
  private tlsSocket: TLSSocket | undefined;
  private records: RecordStream | undefined;
  private over = false;
  private paused = false;
  /** Of the replies so far: what STAT says of a large directory is one. */
  private longest = 0;
  /** Between the switch and the end of the handshake: what is written now would be clear text in the middle of TLS. */
  private handshaking = false;
  private timer: Timer | undefined;
  readonly peerAddress: string;
  readonly localAddress: string;
  readonly ipv6: boolean;
  readonly implicit: boolean;

  constructor(private readonly options: ControlOptions) {
    this.peerAddress = options.peerAddress;
    this.localAddress = options.localAddress;
    this.ipv6 = options.localAddress.includes(':');
    this.implicit = options.implicit;
    options.raw.setNoDelay(true);
    options.raw.setKeepAlive(true, options.keepAlive);
  }

  /** Begins to read; on the implicit port the handshake comes first. */
  start(handler: SessionHandler): void {
    this.handler = handler;
    const { raw } = this.options;
    raw.on('close', () => this.finish());
    // A reset is an end like any other; the close that follows tells the session.
    raw.on('error', () => raw.destroy());
    if (this.implicit) {
      this.secure().then(
        () => handler.greet(),
        () => raw.destroy(),
      );
    } else {
      this.listen(raw);
      handler.greet();
    }
  }

  private readonly onData = (bytes: Buffer): void => {
    this.handler?.bytes(bytes);
  };
  /** Replies that are under way still go out; the session learns of the end when the socket has closed. */
  private readonly onEnd = (): void => {
    this.end();
  };

  private listen(socket: Socket | TLSSocket): void {
    socket.on('data', this.onData);
    socket.on('end', this.onEnd);
    if (!this.paused) socket.resume();
  }

  private silence(socket: Socket | TLSSocket): void {
    socket.off('data', this.onData);
    socket.off('end', this.onEnd);
    socket.pause();
  }

  private get socket(): Socket | TLSSocket {
    return this.tlsSocket ?? this.options.raw;
  }

  tls(): TlsFacts | undefined {
    const { tlsSocket } = this;
    if (!tlsSocket) return undefined;
    return { protocol: tlsSocket.getProtocol() ?? 'unknown', cipher: tlsSocket.getCipher()?.name ?? 'unknown' };
  }

  write(text: string | Buffer): void {
    if (this.over || this.handshaking) return;
    this.socket.write(text);
    this.longest = Math.max(this.longest, text.length);
    if (this.socket.writableLength > mostUnsent + this.longest) {
      this.options.log.warn('session.error', { peer: this.peerAddress, text: 'the client does not read its replies; connection closed' });
      this.destroy();
    }
  }

  hasUnread(): boolean {
    return this.socket.readableLength > 0;
  }

  async startTls(reply: string): Promise<void> {
    const { raw } = this.options;
    // Stop reading before the reply goes out: the client's first TLS byte may follow it at once.
    this.silence(raw);
    raw.write(reply);
    try {
      await this.secure();
    } catch (error) {
      this.destroy();
      throw error;
    }
  }

  /** Async, so that a certificate that cannot be used costs this connection and not the process. */
  private async secure(): Promise<void> {
    const { raw, identity, clock, log, handshakeTimeout } = this.options;
    this.handshaking = true;
    const records = recordStream(raw);
    const tlsSocket = identity.secureControl(records.stream);
    return new Promise((resolve, reject) => {
      let settled = false;
      const fail = (error: Error) => {
        raw.destroy();
        if (settled) return;
        settled = true;
        this.timer?.cancel();
        log.info('tls.failed', { peer: this.peerAddress, cause: error });
        reject(error);
      };
      this.timer = clock.timer(handshakeTimeout, () => fail(new Error(`no TLS handshake within ${handshakeTimeout / 1000} s`)));
      tlsSocket.on('error', (error) => {
        // Taken off again: how the old layer goes concerns nobody.
        if (!settled || this.tlsSocket === tlsSocket) fail(error);
      });
      tlsSocket.on('close', () => {
        if (!settled) fail(new Error('closed during the TLS handshake'));
      });
      tlsSocket.once('secure', () => {
        settled = true;
        this.timer?.cancel();
        this.handshaking = false;
        this.records = records;
        this.tlsSocket = tlsSocket;
        this.listen(tlsSocket);
        resolve();
      });
    });
  }

  /**
   * Ours goes first: the reply, then close_notify (curl waits for it). Then the client's close_notify, or, from clients that just drop their TLS layer,
   * the first clear byte. What came behind it in clear is the session's next input. A client may be quicker than our close_notify is written, and waits for
   * it then.
   */
  async stopTls(reply: string): Promise<void> {
    const { tlsSocket, records } = this;
    if (!tlsSocket || !records) throw new Error('there is no TLS to take off');
    const { raw, clock } = this.options;
    records.release();
    tlsSocket.off('data', this.onData);
    tlsSocket.off('end', this.onEnd);
    // Behind CCC nothing may come inside TLS but its end; it would be a command under the wrong protection.
    tlsSocket.on('data', () => raw.destroy());
    const ended = new Promise<boolean>((resolve) => {
      const settle = (clear: boolean) => {
        timer.cancel();
        // A session may begin anew hundreds of times on one socket.
        raw.off('close', gone);
        resolve(clear);
      };
      const gone = () => settle(false);
      const open = new Set(['ours', 'theirs']);
      const end = (side: string) => {
        open.delete(side);
        if (open.size === 0) settle(true);
      };
      const timer = clock.timer(closeNotifyWait, gone);
      tlsSocket.once('finish', () => end('ours'));
      tlsSocket.once('end', () => end('theirs'));
      records.onClear = () => end('theirs');
      raw.once('close', gone);
    });
    tlsSocket.end(reply);
    tlsSocket.resume();
    const clear = await ended;
    if (!clear || this.over) {
      raw.destroy();
      throw new Error('the client did not close TLS');
    }
    const rest = records.takeBack();
    this.tlsSocket = undefined;
    this.records = undefined;
    tlsSocket.destroy();
    this.listen(raw);
    if (rest.length > 0) raw.unshift(rest);
  }

  pause(): void {
    this.paused = true;
    if (!this.handshaking) this.socket.pause();
  }

  resume(): void {
    this.paused = false;
    if (!this.handshaking) this.socket.resume();
  }

  end(): void {
    if (this.over) return;
    if (this.handshaking) {
      this.destroy();
      return;
    }
    this.socket.end();
    // A peer that never answers the FIN does not keep the socket.
    const timer = this.options.clock.timer(closeWait, () => this.options.raw.destroy());
    this.options.raw.once('close', () => timer.cancel());
    this.socket.resume();
  }

  destroy(): void {
    this.options.raw.destroy();
  }

  private finish(): void {
    if (this.over) return;
    this.over = true;
    this.timer?.cancel();
    this.tlsSocket?.destroy();
    this.handler?.ended();
  }
}
