import type { Clock } from '../ports/clock';
import type { DataSockets } from '../ports/data-sockets';
import type { Ids } from '../ports/ids';
import type { LeaseStore } from '../ports/lease-store';
import type { Log } from '../ports/log';
import { DataPort } from './data-port';
import { Refusals } from './refusals';
import { type RelayCounts, Relays } from './relay';
import { RelayPort } from './relay-port';
import { Reservations } from './reservations';

/** The routing of one task behind a load balancer, put together: its data port, its relay port, and what both work on. */
export interface FleetRoutingOptions {
  readonly leases: LeaseStore;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly task: string;
  readonly host: string;
  readonly dataPort: number;
  readonly relayPort: number;
  /** Address under which the other tasks reach the relay port. */
  readonly relayAddress: string;
  /** Ports of the load balancer's listeners. */
  readonly passivePorts: readonly number[];
  readonly reservedFor: number;
  readonly mostPending?: number;
  readonly limits?: Partial<RoutingLimits>;
}

export interface RoutingLimits {
  /** All times in milliseconds. */
  readonly coolFor: number;
  readonly headerTimeout: number;
  readonly relayHeaderTimeout: number;
  readonly mostWaiting: number;
  readonly mostFromOne: number;
  readonly mostRelays: number;
  readonly relayConnectTimeout: number;
  readonly relayIdleAfter: number;
}

export const defaultRoutingLimits: RoutingLimits = {
  coolFor: 10_000,
  headerTimeout: 60_000,
  relayHeaderTimeout: 10_000,
  // Who is silent is told from who is slow only by time: the more may wait, the longer a flood leaves an honest client until it makes room.
  mostWaiting: 4_096,
  // A load balancer is few addresses: one zone's node may be all of it.
  mostFromOne: 3_072,
  mostRelays: 1_024,
  relayConnectTimeout: 5_000,
  relayIdleAfter: 600_000,
};

export interface RoutingCounts {
  readonly reserved: number;
  /** Of the passive ports, by the client address that holds the most. */
  readonly usedPercent: number;
  /** Connections whose owner is not known yet. */
  readonly waiting: number;
  readonly refused: number;
  /** Taken in from other tasks. */
  readonly handedOver: number;
  readonly relays: RelayCounts;
}

export interface FleetRouting {
  readonly dataSockets: DataSockets;
  readonly dataPort: number;
  readonly relayPort: number;
  /** `host:port`, for leases and heartbeats. */
  readonly relay: string;
  counts(): RoutingCounts;
  /** Resolves when no relay is left; rejects with the signal's reason. New connections are routed all the same. */
  drain(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export async function openFleetRouting(options: FleetRoutingOptions): Promise<FleetRouting> {
  const { leases, clock, log, task, host } = options;
  const limits = { ...defaultRoutingLimits, ...options.limits };
  const refusals = new Refusals(clock, log);
  const address = options.relayAddress.includes(':') ? `[${options.relayAddress}]` : options.relayAddress;
  const handedOver = new RelayPort({
    reservations: () => reservations,
    refusals,
    clock,
    headerTimeout: limits.relayHeaderTimeout,
    mostWaiting: limits.mostWaiting,
  });
  const relayPort = await handedOver.listen(host, options.relayPort);
  const relay = `${address}:${relayPort}`;
  const reservations = new Reservations({ ...options, relay, coolFor: limits.coolFor });
  const relays = new Relays({
    clock,
    log,
    refusals,
    most: limits.mostRelays,
    connectTimeout: limits.relayConnectTimeout,
    idleAfter: limits.relayIdleAfter,
  });
  const { headerTimeout, mostWaiting, mostFromOne } = limits;
  const data = new DataPort({ reservations, leases, relays, refusals, clock, log, task, headerTimeout, mostWaiting, mostFromOne });
  const close = async () => {
    await data.close();
    handedOver.close();
    relays.close();
    refusals.close();
  };
  const dataPort = await data.listen(host, options.dataPort, options.passivePorts).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  return {
    dataSockets: data,
    dataPort,
    relayPort,
    relay,
    counts: () => ({
      reserved: reservations.reserved,
      usedPercent: reservations.usedPercent,
      waiting: data.waiting + handedOver.waiting,
      refused: refusals.count,
      handedOver: handedOver.count,
      relays: relays.counts,
    }),
    drain: (signal) => relays.drain(signal),
    close,
  };
}
