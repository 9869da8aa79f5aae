import type { Socket } from 'node:net';
import type { Clock, Timer } from '../ports/clock';
import type { DataRequest, DataSockets, Reservation } from '../ports/data-sockets';
import type { Lease, LeaseStore } from '../ports/lease-store';
import type { Log } from '../ports/log';
import { HeaderListener, handToSession } from './header-listener';
import type { ProxyHeader } from './proxy-header';
import type { Refusals } from './refusals';
import type { Arrival, Relays } from './relay';
import { anyClient, type Reservations } from './reservations';

/**
 * The one socket behind a load balancer on which the data connections of all passive ports arrive, those of other tasks' sessions too. The header says
 * who dialled which port; a reservation of ours under it takes the connection, a lease of another task's sends it there, and else it is closed.
 */
export interface DataPortOptions {
  readonly reservations: Reservations;
  readonly leases: LeaseStore;
  readonly relays: Relays;
  readonly refusals: Refusals;
  readonly clock: Clock;
  readonly log: Log;
  readonly task: string;
  /** Milliseconds from the connection to the whole header: a client may wait long before its first byte. */
  readonly headerTimeout: number;
  readonly mostWaiting: number;
  readonly mostFromOne: number;
}

/** Milliseconds that the lease store has to say whose connection it is. */
const lookupTimeout = 10_000;
/** Questions to the lease store at once: junk must not become its load. */
const mostLookups = 256;

export class DataPort implements DataSockets {
  private readonly listener: HeaderListener;
  private readonly asking = new Set<Socket>();

  constructor(private readonly options: DataPortOptions) {
    const { clock, headerTimeout, mostWaiting, mostFromOne, refusals } = options;
    this.listener = new HeaderListener({
      clock,
      headerTimeout,
      mostWaiting,
      mostFromOne,
      onHeader: (socket, header) => this.arrive(socket, header),
      onNoHeader: (socket, why) => refusals.refuse(socket, why),
    });
  }

  /** `passivePorts` are those that the load balancer listens on. */
  async listen(host: string, port: number, passivePorts: readonly number[]): Promise<number> {
    const bound = await this.listener.listen(host, port);
    this.options.reservations.open(passivePorts);
    return bound;
  }

  reserve(request: DataRequest): Promise<Reservation> {
    return this.options.reservations.reserve(request);
  }

  private arrive(socket: Socket, header: ProxyHeader): void {
    const { reservations, refusals } = this.options;
    // A probe: the balancer has seen that the port is open.
    if (header.command === 'local') {
      refusals.refuse(socket);
      return;
    }
    const ours = reservations.take(header.source.address, header.destination.port);
    if (ours) handToSession(socket, ours.onSocket, header.source.address);
    else if (this.asking.size >= mostLookups) refusals.refuse(socket, 'too many connections without a reservation here at once');
    else void this.ask(socket, header);
  }

  /** Nobody here waits for exactly this one: the store knows whether anybody does. */
  private async ask(socket: Socket, arrival: Arrival): Promise<void> {
    const { reservations, refusals, relays, leases, log, clock, task } = this.options;
    const { address } = arrival.source;
    const { port } = arrival.destination;
    let found: Lease | undefined;
    let open: DataRequest | undefined;
    // Who has left is asked about no more, though the answer is still to come.
    const left = () => this.asking.delete(socket);
    this.asking.add(socket);
    socket.once('close', left);
    try {
      found = await within(clock, leases.find(address, port));
      if (!found && !socket.destroyed) open = reservations.takeAny(port);
      if (!found && !open) found = await within(clock, leases.find(anyClient, port));
    } catch (cause) {
      log.warn('store.error', { peer: address, text: 'the lease store did not say whose data connection this is', cause });
      refusals.refuse(socket);
      return;
    } finally {
      this.asking.delete(socket);
      socket.off('close', left);
    }
    if (open) handToSession(socket, open.onSocket, address);
    else if (socket.destroyed) return;
    else if (found && found.task !== task) relays.handOver(socket, arrival, found);
    else {
      refusals.refuse(socket, `nobody waits for a data connection of this client on port ${port}`);
      reservations.reportStranger(address, port);
    }
  }

  get reserved(): number {
    return this.options.reservations.reserved;
  }

  /** Connections that have not shown their header, and those about which the store is being asked. */
  get waiting(): number {
    return this.listener.waiting + this.asking.size;
  }

  async close(): Promise<void> {
    this.options.reservations.close();
    this.listener.close();
    for (const socket of this.asking) socket.destroy();
  }
}

async function within<T>(clock: Clock, work: Promise<T>): Promise<T> {
  let timer: Timer | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = clock.timer(lookupTimeout, () => reject(new Error('no answer in time')));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    timer?.cancel();
  }
}
