import type { Server as NetServer, Socket } from 'node:net';
import { stripMapped } from '../model/client-address';
import type { CertificateSource } from '../ports/certificate-source';
import type { Clock } from '../ports/clock';
import type { DataSockets } from '../ports/data-sockets';
import type { Log } from '../ports/log';
import type { Metrics } from '../ports/metrics';
import type { ControlChannel, DataChannel, SessionHandler } from '../session/channels';
import { ControlConnection } from './control-connection';
import { SessionDataChannel } from './data-channel';
import { TransferLoad } from './data-receive';
import { probeWorks } from './end-of-data';
import { ConnectionCounter, listen } from './listener';
import { TlsIdentity, type TlsOptions } from './tls';

/** The FTPS server: its listeners, its sessions, and how it goes down. */
export interface ServerOptions {
  readonly host: string;
  readonly explicitPort: number;
  readonly implicitPort: number;
  readonly tls: TlsOptions;
  readonly certificates: CertificateSource;
  readonly dataSockets: DataSockets;
  /** What PASV names to a client that reached this local address. */
  readonly passiveAddress: (local: string) => string;
  readonly createSession: (control: ControlChannel, data: DataChannel) => SessionHandler;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly limits: ServerLimits;
}

export interface ServerLimits {
  readonly sessionsPerAddress: number;
  /** Milliseconds. */
  readonly handshakeTimeout: number;
  readonly acceptTimeout: number;
  readonly stallTimeout: number;
  readonly keepAlive: number;
  /** How long transfers may go on after the end was announced. */
  readonly drainTimeout: number;
  /**
   * Behind a load balancer, which sends new connections for minutes after it was told not to: they are served until this long before the end of that time.
   */
  readonly lastCall?: number;
}

export class FtpsServer {
  private readonly listeners: NetServer[] = [];
  private readonly sessions = new Map<ControlConnection, SessionHandler>();
  private readonly load = new TransferLoad();
  private readonly connections: ConnectionCounter;
  private probe = true;
  private draining: 'soon' | 'idle' | undefined;
  private onEmpty: (() => void) | undefined;

  constructor(private readonly options: ServerOptions) {
    this.connections = new ConnectionCounter(options.limits.sessionsPerAddress);
  }

  /** All that `start` does but listening: for a process that is handed its connections. */
  async prepare(): Promise<void> {
    const { certificates, log } = this.options;
    this.probe = await probeWorks(certificates.current());
    if (!this.probe)
      log.warn('server.warning', { text: 'the end-of-data probe does not work here: data connections use the slower record stream' });
  }

  /** Binds both ports. Gives them, for port 0 stands for whatever is free. */
  async start(): Promise<{ explicitPort: number; implicitPort: number }> {
    const { host, explicitPort, implicitPort } = this.options;
    await this.prepare();
    try {
      return { explicitPort: await this.listen(host, explicitPort, false), implicitPort: await this.listen(host, implicitPort, true) };
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  private async listen(host: string, port: number, implicit: boolean): Promise<number> {
    const { connections, options } = this;
    const accept = (socket: Socket, peerAddress: string) => this.accept(socket, peerAddress, implicit);
    const listener = await listen({ host, port, implicit, connections, log: options.log, accept });
    this.listeners.push(listener);
    return (listener.address() as { port: number }).port;
  }

  /** A control connection from which nothing has been read. */
  accept(raw: Socket, peerAddress: string, implicit: boolean): void {
    const { certificates, clock, log, metrics, dataSockets, passiveAddress, createSession, limits, tls } = this.options;
    const identity = new TlsIdentity(() => certificates.current(), tls);
    const localAddress = stripMapped(raw.localAddress ?? '');
    const control = new ControlConnection({
      raw,
      implicit,
      identity,
      peerAddress,
      localAddress,
      clock,
      log,
      handshakeTimeout: limits.handshakeTimeout,
      keepAlive: limits.keepAlive,
    });
    const data = new SessionDataChannel({
      sockets: dataSockets,
      identity,
      peerAddress,
      passiveAddress: passiveAddress(localAddress),
      clock,
      log,
      metrics,
      load: this.load,
      probe: this.probe,
      ...limits,
    });
    const session = createSession(control, data);
    this.sessions.set(control, session);
    metrics.gauge('sessions.open', this.sessions.size);
    raw.once('close', () => {
      void session.finished.then(() => {
        this.sessions.delete(control);
        metrics.gauge('sessions.open', this.sessions.size);
        if (this.sessions.size === 0) this.onEmpty?.();
      });
    });
    control.start(session);
    if (this.draining) session.drain(this.draining);
  }

  /**
   * No new connections; who is idle is told to reconnect; who transfers may finish until the deadline, then is cut and what he sent is kept. Resolves when
   * every session is gone.
   */
  async drain(): Promise<void> {
    const { limits, log, clock } = this.options;
    log.info('server.drain', { text: `${this.sessions.size} sessions` });
    const { drainTimeout, lastCall = drainTimeout } = limits;
    if (lastCall < drainTimeout) {
      this.tellAll('soon');
      await clock.sleep(drainTimeout - lastCall);
    }
    this.closeListeners();
    this.tellAll('idle');
    await this.empty(Math.min(lastCall, drainTimeout));
    for (const session of this.sessions.values()) session.drain('now');
    await this.empty(lastWords);
    this.stop();
  }

  private tellAll(urgency: 'soon' | 'idle'): void {
    this.draining = urgency;
    for (const session of this.sessions.values()) session.drain(urgency);
  }

  /** Sessions with a transfer that runs. */
  get transferring(): number {
    let count = 0;
    for (const session of this.sessions.values()) if (session.transferring) count++;
    return count;
  }

  /** Resolves when every session is gone, or after the time. */
  private async empty(milliseconds: number): Promise<void> {
    if (this.sessions.size === 0) return;
    const done = new AbortController();
    this.onEmpty = () => done.abort();
    // The abort is the good case: all are gone before the time.
    await this.options.clock.sleep(milliseconds, done.signal).catch(() => undefined);
    this.onEmpty = undefined;
  }

  /** At once: no new connections, and none of those that are. */
  stop(): void {
    this.closeListeners();
    for (const control of this.sessions.keys()) control.destroy();
  }

  private closeListeners(): void {
    for (const listener of this.listeners.splice(0)) listener.close();
  }

  get open(): number {
    return this.sessions.size;
  }
}

/** For the last replies, and for what was cut to be parked. */
const lastWords = 5_000;
