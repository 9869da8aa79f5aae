import { createHash, timingSafeEqual } from 'node:crypto';
import { Failure } from '../model/failure';
import type { Clock, Timer } from '../ports/clock';
import type { DataRequest, DataSockets, Reservation } from '../ports/data-sockets';
import type { Ids } from '../ports/ids';
import type { Lease, LeaseStore } from '../ports/lease-store';
import { CoolingPorts } from './cooling-ports';

/**
 * Who waits for a data connection on which port. A reservation is a pair (client address, port) with a lease of its own, so the same port serves many
 * clients at once, and a connection that nobody waits for is closed without having cost anything. The port is random: a predictable one can be raced for
 * (CVE-1999-0351). Apart from the listeners, because connections arrive in three ways: on a passive port of ours, on the one port behind a load balancer,
 * and through another task.
 */
export interface ReservationsOptions {
  readonly leases: LeaseStore;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly task: string;
  /** Milliseconds that a reservation waits for its connection. */
  readonly reservedFor: number;
  /** Reservations that one user at one address may hold; undefined: by the number of ports. */
  readonly mostPending?: number;
  /** Where other tasks hand over what arrives with them, `host:port`; undefined: there are none. */
  readonly relay?: string;
  /**
   * Milliseconds that a port which was reserved in vain stays shut for its client. Behind a load balancer a connection shows itself only with its first
   * bytes, and those of one that was given up must not meet the next reservation.
   */
  readonly coolFor?: number;
}

/**
 * Connections from wrong addresses that are reported for one reservation. They do not end it: the ports are shared, so a scan of them would end everybody's;
 * a dropped connection costs nothing, a flood of log lines would.
 */
const mostStrangersTold = 3;
/** Ports that one user at one address leaves to others; of a very small range, half. */
const keptFree = 4;
/**
 * Ports that one session shuts by commands which are refused before its client has used them, as long as it can do with these: the client gave them up itself,
 * and what it still sends for one meets only its own next transfer. Taken in turn, so that this is not the very next.
 */
const mostShut = 4;
/** A store that is slow while most ports are taken: the client hears that there is none before its own time-out. */
const searchedFor = 10_000;
/** In place of a client's address: a connection from anywhere. */
export const anyClient = '*';

interface Pending {
  readonly request: DataRequest;
  readonly port: number;
  readonly nonce: string;
  readonly timer: Timer;
  /**
   * The store has granted it. Before that the port may be another task's for the same client, and a connection that comes is meant for that one: taken for this
   * session, it would mix what two partners behind one address send.
   */
  leased: boolean;
  strangers: number;
}

export class Reservations implements DataSockets {
  private ports: readonly number[] = [];
  /** By `client port`. */
  private readonly pending = new Map<string, Pending>();
  private readonly cooling: CoolingPorts;

  constructor(private readonly options: ReservationsOptions) {
    this.cooling = new CoolingPorts(options.clock, options.coolFor ?? 0);
  }

  /** The ports that clients can reach from now on. */
  open(ports: readonly number[]): void {
    this.ports = ports;
  }

  async reserve(request: DataRequest): Promise<Reservation> {
    const { clock, ids, reservedFor } = this.options;
    const mine = [...this.pending.values()].filter(
      (other) => other.request.user === request.user && other.request.client === request.client,
    );
    // A few ports stay for the client's other accounts: one that asks and never connects must not shut them out.
    if (mine.length >= (this.options.mostPending ?? Math.max(Math.ceil(this.ports.length / 2), this.ports.length - keptFree)))
      throw this.noPort();
    const begun = clock.monotonic();
    for (const { port, instead } of this.candidates(request, mine.length === 0 ? this.ports : this.portsOf(request.user))) {
      if (this.pending.has(nameOf(request.client, port))) continue;
      if (clock.monotonic() - begun >= searchedFor) break;
      const nonce = ids.token();
      const entry: Pending = {
        request,
        port,
        nonce,
        leased: false,
        strangers: 0,
        timer: clock.timer(reservedFor, () => {
          this.remove(entry);
          this.cool(entry);
          request.onExpired();
        }),
      };
      this.pending.set(nameOf(request.client, port), entry);
      const reserved = await this.lease(entry, instead).catch((error: unknown) => {
        this.free(entry, 'unused');
        throw error;
      });
      if (!reserved) {
        this.remove(entry);
        continue;
      }
      entry.leased = true;
      this.cooling.remove({ client: request.client, port });
      // Closed while its lease was being written: freeing it came before it was there.
      if (this.pending.get(nameOf(request.client, port)) !== entry) this.releaseLeases(entry, 0);
      return { port, release: () => this.free(entry, 'unused') };
    }
    throw this.noPort();
  }

  private async lease({ request: { client, anyAddress }, port, nonce }: Pending, instead: string | undefined): Promise<boolean> {
    const { leases, clock, task, relay, reservedFor, coolFor = 0 } = this.options;
    const expires = clock.now() + reservedFor;
    const lease: Lease = { client, port, task, nonce, expires, cool: expires + coolFor, ...(relay === undefined ? {} : { relay }) };
    if (!(await leases.reserve(lease, instead))) return false;
    // In one process the one who takes any connection is found in its memory; other tasks must be told.
    if (!anyAddress || relay === undefined || (await leases.reserve({ ...lease, client: anyClient }, instead))) return true;
    await leases.release(lease);
    return false;
  }

  /** In the order in which they are tried; `instead`: what this session had it for before, which it may replace. */
  private candidates(
    { client, anyAddress, session }: DataRequest,
    allowed: readonly number[],
  ): { readonly port: number; readonly instead?: string }[] {
    const ports = this.shuffled(allowed);
    const shut = this.cooling.of(client);
    const open = ports.filter((port) => !shut.some((other) => other.port === port));
    const free = (anyAddress ? this.leastShared(open) : open).map((port) => ({ port }));
    const own = shut
      .filter((other) => session !== undefined && other.session === session && ports.includes(other.port))
      .map(({ port, nonce }) => ({ port, instead: nonce }));
    return own.length >= mostShut ? [...own, ...free] : [...free, ...own];
  }

  /**
   * What one partner holds on the other tasks nobody here knows, and to ask would cost every PASV a read. So a fleet keeps each partner from some ports, chosen by
   * his name and the same everywhere: of those he gets one a task, as long as it is his only one there, and the rest is left to others at his address.
   */
  private portsOf(user: string): readonly number[] {
    if (this.options.relay === undefined) return this.ports;
    const ports = [...this.ports];
    const chosen = createHash('sha256').update(user).digest();
    const barred = Math.min(keptFree, Math.floor(ports.length / 2));
    for (let each = 0; each < barred; each++) ports.splice(chosen.readUInt32BE(4 * each) % ports.length, 1);
    return ports;
  }

  /** A connection from an unknown address goes to whoever takes any: one of those a port, as long as there are enough. */
  private leastShared(ports: readonly number[]): number[] {
    const shared = new Set([...this.pending.values()].filter(({ request }) => request.anyAddress).map(({ port }) => port));
    return [...ports.filter((port) => !shared.has(port)), ...ports.filter((port) => shared.has(port))];
  }

  private shuffled(given: readonly number[]): number[] {
    const ports = [...given];
    for (let last = ports.length - 1; last > 0; last--) {
      const other = this.options.ids.random(last + 1);
      [ports[last], ports[other]] = [ports[other] as number, ports[last] as number];
    }
    return ports;
  }

  /** Whose connection this is; the reservation is used up by it. */
  take(address: string, port: number): DataRequest | undefined {
    const entry = this.pending.get(nameOf(address, port));
    return this.use(entry?.leased ? entry : undefined);
  }

  /** Who takes a connection from any address here; asked when nobody waits for this one. */
  takeAny(port: number): DataRequest | undefined {
    return this.use(this.waitingOn(port).find(({ request }) => request.anyAddress));
  }

  /** Whose connection this is that arrived elsewhere; a wrong nonce leaves the reservation as it was. */
  takeProven(address: string, port: number, nonce: Buffer): DataRequest | undefined {
    const waiting = this.waitingOn(port).filter(({ request }) => request.client === address || request.anyAddress);
    return this.use(waiting.find((entry) => isSame(nonce, Buffer.from(entry.nonce))));
  }

  private use(entry: Pending | undefined): DataRequest | undefined {
    if (entry) this.free(entry, 'used');
    return entry?.request;
  }

  /** A connection that is nobody's: those who wait on the port may learn why theirs does not come. */
  reportStranger(address: string, port: number): void {
    for (const entry of this.waitingOn(port)) if (++entry.strangers <= mostStrangersTold) entry.request.onStranger(address);
  }

  private waitingOn(port: number): Pending[] {
    return [...this.pending.values()].filter((entry) => entry.port === port && entry.leased);
  }

  private free(entry: Pending, why: 'used' | 'unused'): void {
    const { clock, coolFor = 0 } = this.options;
    if (!this.remove(entry)) return;
    if (why === 'unused') this.cool(entry);
    this.releaseLeases(entry, why === 'used' || coolFor === 0 ? 0 : clock.now() + coolFor);
  }

  private cool({ request: { client, session }, port, nonce }: Pending): void {
    this.cooling.add({ client, port, nonce, session });
  }

  private remove(entry: Pending): boolean {
    entry.timer.cancel();
    const name = nameOf(entry.request.client, entry.port);
    return this.pending.get(name) === entry && this.pending.delete(name);
  }

  private releaseLeases({ request: { client, anyAddress }, port, nonce }: Pending, cool: number): void {
    const clients = anyAddress && this.options.relay !== undefined ? [client, anyClient] : [client];
    for (const each of clients) {
      // A lease that cannot be freed ends by its own expiry.
      this.options.leases.release({ client: each, port, nonce }, cool).catch(() => undefined);
    }
  }

  private noPort(): Failure {
    const { coolFor = 0 } = this.options;
    const later = coolFor === 0 ? '' : `, or try again in ${coolFor / 1_000} seconds`;
    return new Failure('no-data-connection', `No passive port is free for this client: use or close the ones asked for before${later}.`);
  }

  get reserved(): number {
    return this.pending.size;
  }

  /** Of the client address that holds the most: at 100 it, and nobody else, gets no more. */
  get usedPercent(): number {
    const held = new Map<string, number>();
    for (const { request } of this.pending.values()) held.set(request.client, (held.get(request.client) ?? 0) + 1);
    return this.ports.length === 0 ? 0 : Math.round((100 * Math.max(0, ...held.values())) / this.ports.length);
  }

  close(): void {
    for (const entry of [...this.pending.values()]) this.free(entry, 'unused');
    this.ports = [];
  }
}

function nameOf(client: string, port: number): string {
  return `${client} ${port}`;
}

function isSame(left: Buffer, right: Buffer): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}
