import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { MemoryLeaseStore } from '../../runtime/adapters/memory/memory-lease-store';
import { ProcessMetrics } from '../../runtime/adapters/process-metrics';
import { randomIds } from '../../runtime/adapters/random-ids';
import { systemClock } from '../../runtime/adapters/system-clock';
import { defaultSwitches, type UserSwitches } from '../../runtime/model/user';
import type { Clock } from '../../runtime/ports/clock';
import type { EventName, Log, LogFields } from '../../runtime/ports/log';
import { PassivePorts } from '../../runtime/routing/passive-ports';
import { FtpsServer, type ServerLimits } from '../../runtime/server/server';
import type { TlsOptions } from '../../runtime/server/tls';
import type { ControlChannel, DataChannel, DataTransfer, Protection, SessionHandler } from '../../runtime/session/channels';
import { makeCertificate, TestCertificates } from './certificates';

/**
 * The server with real sockets and a session that knows no FTP: it notes what it is told, and the test drives its two channels itself. So a test of sockets
 * and TLS does not depend on commands.
 */
export class BareSession implements SessionHandler {
  text = '';
  greeted = false;
  gone = false;
  readonly drains: string[] = [];
  transferring = false;
  /** Called with what came, before it is noted; for what must happen in the same turn. */
  onBytes: ((chunk: Buffer) => void) | undefined;
  private readonly waiting: (() => void)[] = [];
  /** What a real session still does when its client has gone. */
  after: Promise<void> = Promise.resolve();
  private tellEnd: () => void = () => undefined;
  readonly finished: Promise<void> = new Promise<void>((resolve) => {
    this.tellEnd = resolve;
  }).then(() => this.after);

  constructor(
    readonly control: ControlChannel,
    readonly data: DataChannel,
  ) {}

  greet(): void {
    this.greeted = true;
    this.control.write('220 ready\r\n');
    this.wake();
  }

  bytes(chunk: Buffer): void {
    this.onBytes?.(chunk);
    this.text += chunk.toString('latin1');
    this.wake();
  }

  ended(): void {
    this.gone = true;
    this.tellEnd();
    this.wake();
  }

  drain(urgency: 'idle' | 'now'): void {
    this.drains.push(urgency);
    if (urgency === 'idle' && !this.transferring) {
      this.control.write('421 Server restarting, reconnect now.\r\n');
      this.control.end();
    }
    this.wake();
  }

  private wake(): void {
    for (const check of [...this.waiting]) check();
  }

  /** Resolves when the condition holds; looked at whenever something happens. */
  async until(condition: () => boolean, what = 'the condition'): Promise<void> {
    await within(
      new Promise<void>((resolve) => {
        const check = () => {
          if (!condition()) return;
          this.waiting.splice(this.waiting.indexOf(check), 1);
          resolve();
        };
        this.waiting.push(check);
        check();
      }),
      what,
    );
  }

  async prepare(switches: Partial<UserSwitches> = {}, protection: Protection = 'private', user = 'partner'): Promise<number> {
    return (await this.data.prepare({ user, protection, switches: { ...defaultSwitches, ...switches } })).port;
  }

  open(
    direction: 'receive' | 'send',
    { switches = {}, protection = 'private' as Protection, signal = new AbortController().signal }: OpenOptions = {},
  ): DataTransfer {
    return this.data.open({ direction, protection, switches: { ...defaultSwitches, ...switches }, signal });
  }
}

interface OpenOptions {
  switches?: Partial<UserSwitches>;
  protection?: Protection;
  signal?: AbortSignal;
}

export interface WireServer {
  readonly server: FtpsServer;
  readonly passive: PassivePorts;
  readonly certificates: TestCertificates;
  readonly metrics: ProcessMetrics;
  readonly logged: { event: EventName; fields: LogFields | undefined }[];
  readonly explicitPort: number;
  readonly implicitPort: number;
  /** The session of the connection that comes next. */
  next(): Promise<BareSession>;
  stop(): Promise<void>;
}

export const testLimits: ServerLimits = {
  sessionsPerAddress: 100,
  handshakeTimeout: 15_000,
  acceptTimeout: 60_000,
  stallTimeout: 60_000,
  keepAlive: 60_000,
  drainTimeout: 120_000,
};

export async function startWireServer({
  clock = systemClock,
  tls = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3' } as TlsOptions,
  limits = {} as Partial<ServerLimits>,
  passivePorts = 4,
}: {
  clock?: Clock;
  tls?: TlsOptions;
  limits?: Partial<ServerLimits>;
  passivePorts?: number;
} = {}): Promise<WireServer> {
  const certificates = new TestCertificates(await makeCertificate());
  const logged: WireServer['logged'] = [];
  const note = (event: EventName, fields?: LogFields) => void logged.push({ event, fields });
  const log: Log = { debug: note, info: note, warn: note, error: note, with: () => log };
  const metrics = new ProcessMetrics();
  const passive = new PassivePorts({
    leases: new MemoryLeaseStore(clock),
    clock,
    ids: randomIds,
    task: 'task',
    reservedFor: limits.acceptTimeout ?? testLimits.acceptTimeout,
  });
  await passive.bind(
    '127.0.0.1',
    Array.from({ length: passivePorts }, () => 0),
  );
  const arrived: BareSession[] = [];
  const wanted: ((session: BareSession) => void)[] = [];
  const server = new FtpsServer({
    host: '127.0.0.1',
    explicitPort: 0,
    implicitPort: 0,
    tls,
    certificates,
    dataSockets: passive,
    passiveAddress: (local) => local,
    createSession: (control, data) => {
      const session = new BareSession(control, data);
      const first = wanted.shift();
      if (first) first(session);
      else arrived.push(session);
      return session;
    },
    clock,
    log,
    metrics,
    limits: { ...testLimits, ...limits },
  });
  const ports = await server.start();
  const sessions: BareSession[] = [];
  return {
    server,
    passive,
    certificates,
    metrics,
    logged,
    ...ports,
    next: async () => {
      const session =
        arrived.shift() ?? (await within(new Promise<BareSession>((resolve) => wanted.push(resolve)), 'a session of the next connection'));
      sessions.push(session);
      return session;
    },
    stop: async () => {
      for (const session of sessions) {
        session.data.close();
        session.control.destroy();
      }
      server.stop();
      // A test that is over leaves no client behind, however its connection was to end.
      for (const socket of dialled.splice(0)) socket.destroy();
      await passive.close();
    },
  };
}

/** Waits are for what is about to happen; one that lasts says what for. */
export async function within<T>(work: Promise<T>, what: string, milliseconds = 8_000): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      work,
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`waited ${milliseconds} ms for ${what}`)), milliseconds);
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}

/** For what only the system knows when it happens, such as bytes that have arrived and that nobody reads. */
export async function eventually(condition: () => boolean, what: string, milliseconds = 8_000): Promise<void> {
  for (const end = performance.now() + milliseconds; !condition(); ) {
    if (performance.now() > end) throw new Error(`waited ${milliseconds} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** How a connection ended, as its client sees it. */
export type Ending = 'end' | 'reset' | 'closed';

/** A client's end of a connection: collects what comes, and how it ends. */
export class Peer {
  received: Buffer[] = [];
  ending: Promise<Ending>;
  private readonly waiting: (() => void)[] = [];

  constructor(readonly socket: Socket | TLSSocket) {
    this.ending = new Promise((resolve) => {
      socket.on('end', () => resolve('end'));
      socket.on('error', () => resolve('reset'));
      socket.on('close', () => resolve('closed'));
    });
    socket.on('data', (bytes: Buffer) => {
      this.received.push(bytes);
      for (const check of [...this.waiting]) check();
    });
    socket.resume();
  }

  get text(): string {
    return Buffer.concat(this.received).toString('latin1');
  }

  get size(): number {
    return this.received.reduce((sum, { length }) => sum + length, 0);
  }

  async expect(part: string): Promise<void> {
    await within(
      new Promise<void>((resolve) => {
        const check = () => {
          if (this.text.includes(part)) resolve();
        };
        this.waiting.push(check);
        check();
      }),
      `"${part}", got "${this.text}"`,
    );
    this.received = [Buffer.from(this.text.slice(this.text.indexOf(part) + part.length), 'latin1')];
  }

  end(): Promise<Ending> {
    return within(this.ending, 'the end of the connection');
  }

  /** Gives the socket back, with nobody listening. */
  detach(): Socket | TLSSocket {
    this.socket.removeAllListeners('data');
    this.socket.pause();
    return this.socket;
  }
}

const dialled: Socket[] = [];

export async function dial(port: number, localAddress?: string): Promise<Socket> {
  const socket = connectTcp({ port, host: '127.0.0.1', localAddress });
  dialled.push(socket);
  socket.setNoDelay(true);
  await within(once(socket, 'connect'), 'the connection');
  return socket;
}

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

export function tlsOptions(version: TlsVersion, options: ConnectionOptions = {}): ConnectionOptions {
  return { rejectUnauthorized: false, minVersion: version, maxVersion: version, ...options };
}

export async function secure(socket: Socket, options: ConnectionOptions): Promise<TLSSocket> {
  const tls = connectTls({ socket, ...options });
  await within(once(tls, 'secureConnect'), 'the handshake');
  return tls;
}

/** A control connection on the implicit port, and a session that its data connections can resume. */
export async function login(wire: WireServer, version: TlsVersion, options: ConnectionOptions = {}): Promise<Login> {
  const raw = await dial(wire.implicitPort);
  const tls = connectTls({ socket: raw, ...tlsOptions(version, options) });
  let resumable: Buffer | undefined;
  tls.on('session', (session) => {
    resumable = session;
  });
  const peer = new Peer(tls);
  const session = await wire.next();
  await peer.expect('220 ready\r\n');
  return { session, peer, raw, ticket: () => resumable };
}

export interface Login {
  readonly session: BareSession;
  readonly peer: Peer;
  readonly raw: Socket;
  readonly ticket: () => Buffer | undefined;
}

/** Takes everything and keeps a copy: the connection takes back each record when `accept` has returned. */
export function collector(): { accept: (bytes: Buffer) => boolean; readonly bytes: Buffer; readonly pieces: Buffer[] } {
  const pieces: Buffer[] = [];
  return {
    pieces,
    accept: (bytes) => {
      pieces.push(Buffer.from(bytes));
      return true;
    },
    get bytes() {
      return Buffer.concat(pieces);
    },
  };
}

export const noWait = async (): Promise<void> => undefined;

/** A data connection as most clients make it. */
export async function dialData(
  port: number,
  version: TlsVersion,
  { ticket, localAddress, ...options }: ConnectionOptions & { ticket?: Buffer; localAddress?: string } = {},
): Promise<{ raw: Socket; tls: TLSSocket; peer: Peer }> {
  const raw = await dial(port, localAddress);
  const tls = await secure(raw, tlsOptions(version, { ...options, session: ticket }));
  return { raw, tls, peer: new Peer(tls) };
}

/** The kind of the failure that a promise rejects with, or what went wrong instead. */
export async function failureOf(work: Promise<unknown>): Promise<string> {
  return within(
    work.then(
      () => 'nothing failed',
      (error) => (error.kind ? `${error.kind}: ${error.message}` : String(error)),
    ),
    'a failure',
  );
}
