import type { Socket } from 'node:net';
import type { Clock } from '../ports/clock';
import { HeaderListener, handToSession } from './header-listener';
import { type ProxyHeader, tlvTypes } from './proxy-header';
import type { Refusals } from './refusals';
import type { Reservations } from './reservations';

/**
 * The owner's end of a relay: takes in connections that arrived at another task, as if they had arrived here. The nonce of the lease is the proof, and it is
 * good for one connection: only who could read the lease store knows it. A header without it, or with an old one, opens nothing.
 */
export interface RelayPortOptions {
  /** Asked for when a connection comes: leases name this port, so it is bound before there can be any. */
  readonly reservations: () => Reservations;
  readonly refusals: Refusals;
  readonly clock: Clock;
  /** Milliseconds; a task sends its header with its first packet. */
  readonly headerTimeout: number;
  readonly mostWaiting: number;
}

export class RelayPort {
  private readonly listener: HeaderListener;
  private taken = 0;

  constructor(private readonly options: RelayPortOptions) {
    const { clock, headerTimeout, mostWaiting, refusals } = options;
    this.listener = new HeaderListener({
      clock,
      headerTimeout,
      mostWaiting,
      // All from one task is as good as from many.
      mostFromOne: mostWaiting,
      onHeader: (socket, header) => this.admit(socket, header),
      onNoHeader: (socket, why) => refusals.refuse(socket, why),
    });
  }

  listen(host: string, port: number): Promise<number> {
    return this.listener.listen(host, port);
  }

  private admit(socket: Socket, header: ProxyHeader): void {
    const { reservations, refusals } = this.options;
    const nonce = header.tlvs.find(({ type }) => type === tlvTypes.nonce)?.value;
    if (header.command !== 'proxy' || !nonce) {
      refusals.refuse(socket, 'a connection to the relay port proved no lease');
      return;
    }
    const { source, destination } = header;
    const request = reservations().takeProven(source.address, destination.port, nonce);
    if (!request) {
      refusals.refuse(socket, 'a connection was handed over for a lease that is not, or no longer, there');
      return;
    }
    this.taken++;
    handToSession(socket, request.onSocket, source.address, true);
  }

  /** Connections taken in since the start. */
  get count(): number {
    return this.taken;
  }

  get waiting(): number {
    return this.listener.waiting;
  }

  close(): void {
    this.listener.close();
  }
}
