import { createServer, type Server, type Socket } from 'node:net';
import { stripMapped } from '../model/client-address';
import { Failure } from '../model/failure';
import type { Clock, Timer } from '../ports/clock';
import type { DataRequest, DataSockets, Reservation } from '../ports/data-sockets';
import type { Ids } from '../ports/ids';
import type { LeaseStore } from '../ports/lease-store';

/**
 * The passive ports of one server, bound once at start and shared by all clients: a reservation is a pair (client address, port), so the same port serves
 * many clients at once, and a connection that nobody waits for is closed without having cost anything. The port is random: a predictable one can be
 * raced for (CVE-1999-0351).
 */
export interface PassivePortsOptions {
  readonly leases: LeaseStore;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly task: string;
  /** Milliseconds that a reservation waits for its connection. */
  readonly reservedFor: number;
  /** Reservations that one user at one address may hold; undefined: by the number of ports. */
  readonly mostPending?: number;
}

/**
 * Connections from wrong addresses that are reported for one reservation. They do not end it: the ports are shared, so a scan of them would end everybody's;
 * a dropped connection costs nothing, a flood of log lines would.
 */
const mostStrangersTold = 3;

interface Pending {
  readonly request: DataRequest;
  readonly port: number;
  readonly nonce: string;
  readonly timer: Timer;
  strangers: number;
}

/** Ports that one user at one address leaves to others; of a very small range, half. */
const keptFree = 4;

export class PassivePorts implements DataSockets {
  private readonly servers: Server[] = [];
  private ports: number[] = [];
  /** By `client port`. */
  private readonly pending = new Map<string, Pending>();

  constructor(private readonly options: PassivePortsOptions) {}

  /** Binds all ports, or none. Port 0 binds whatever is free. Throws the system's error with the port in it. */
  async bind(host: string, ports: readonly number[]): Promise<readonly number[]> {
    try {
      for (const port of ports) this.ports.push(await this.listen(host, port));
    } catch (error) {
      await this.close();
      throw error;
    }
    return this.ports;
  }

  private listen(host: string, port: number): Promise<number> {
    const server = createServer({ pauseOnConnect: true });
    this.servers.push(server);
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, exclusive: true }, () => {
        server.off('error', reject);
        const bound = (server.address() as { port: number }).port;
        server.on('connection', (socket) => this.take(socket, bound));
        resolve(bound);
      });
    });
  }

  async reserve(request: DataRequest): Promise<Reservation> {
    const mine = [...this.pending.values()].filter(
      (other) => other.request.user === request.user && other.request.client === request.client,
    );
    // A few ports stay for the client's other accounts: one that asks and never connects must not shut them out.
    if (mine.length >= (this.options.mostPending ?? Math.max(Math.ceil(this.ports.length / 2), this.ports.length - keptFree)))
      throw noPort();
    for (const port of this.candidates(request)) {
      const name = nameOf(request.client, port);
      if (this.pending.has(name)) continue;
      const { clock, ids, leases, reservedFor, task } = this.options;
      const nonce = ids.token();
      const entry: Pending = {
        request,
        port,
        nonce,
        strangers: 0,
        timer: clock.timer(reservedFor, () => {
          this.free(entry);
          request.onExpired();
        }),
      };
      this.pending.set(name, entry);
      const reserved = await leases
        .reserve({ client: request.client, port, task, nonce, expires: clock.now() + reservedFor })
        .catch((error: unknown) => {
          this.free(entry);
          throw error;
        });
      // Used while its lease was being written: freeing it came before it was there.
      if (reserved && this.pending.get(name) !== entry) this.releaseLease(entry);
      if (reserved) return { port, release: () => this.free(entry) };
      this.free(entry);
    }
    throw noPort();
  }

  /** A connection from an unknown address goes to whoever takes any: one of those a port, as long as there are enough. */
  private candidates({ anyAddress }: DataRequest): number[] {
    const ports = this.shuffled();
    if (!anyAddress) return ports;
    const shared = new Set([...this.pending.values()].filter(({ request }) => request.anyAddress).map(({ port }) => port));
    return [...ports.filter((port) => !shared.has(port)), ...ports.filter((port) => shared.has(port))];
  }

  private shuffled(): number[] {
    const ports = [...this.ports];
    for (let last = ports.length - 1; last > 0; last--) {
      const other = this.options.ids.random(last + 1);
      [ports[last], ports[other]] = [ports[other] as number, ports[last] as number];
    }
    return ports;
  }

  private take(socket: Socket, port: number): void {
    socket.on('error', () => socket.destroy());
    const address = stripMapped(socket.remoteAddress ?? '');
    const expected = this.pending.get(nameOf(address, port));
    if (expected) {
      this.free(expected);
      expected.request.onSocket(socket, address);
      return;
    }
    const waiting = [...this.pending.values()].filter((entry) => entry.port === port);
    const open = waiting.find((entry) => entry.request.anyAddress);
    if (open) {
      this.free(open);
      open.request.onSocket(socket, address);
      return;
    }
    socket.destroy();
    for (const entry of waiting) if (++entry.strangers <= mostStrangersTold) entry.request.onStranger(address);
  }

  private free(entry: Pending): void {
    entry.timer.cancel();
    const name = nameOf(entry.request.client, entry.port);
    if (this.pending.get(name) !== entry) return;
    this.pending.delete(name);
    this.releaseLease(entry);
  }

  private releaseLease({ request: { client }, port, nonce }: Pending): void {
    // A lease that cannot be freed ends by its own expiry.
    this.options.leases.release({ client, port, nonce }).catch(() => undefined);
  }

  get reserved(): number {
    return this.pending.size;
  }

  /** Frees the ports; connections that came through them are their sessions' and go with those. */
  async close(): Promise<void> {
    for (const entry of [...this.pending.values()]) this.free(entry);
    for (const server of this.servers.splice(0)) server.close();
    this.ports = [];
  }
}

function nameOf(client: string, port: number): string {
  return `${client} ${port}`;
}

function noPort(): Failure {
  return new Failure('no-data-connection', 'No passive port is free for this client: use or close the ones asked for before.');
}
