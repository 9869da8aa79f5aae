import { networkInterfaces } from 'node:os';
import { readTaskPlace } from './adapters/ecs/task-metadata';
import { TaskProtection } from './adapters/ecs/task-protection';
import { MemoryLeaseStore } from './adapters/memory/memory-lease-store';
import { HealthEndpoint } from './admin/health';
import type { Config, FleetConfig } from './config/config';
import { OperatorError } from './operator/operator-error';
import type { Clock, Timer } from './ports/clock';
import type { DataSockets } from './ports/data-sockets';
import type { Ids } from './ports/ids';
import type { LeaseStore } from './ports/lease-store';
import type { Log } from './ports/log';
import { openFleetRouting } from './routing/fleet-routing';
import { PassivePorts } from './routing/passive-ports';
import { explainBind } from './server/listener';

/** The part of the composition that says how data connections reach this process: through ports of its own, or as a task of a fleet. */
export interface Routing {
  readonly dataSockets: DataSockets;
  /** As clients see them. */
  readonly passivePorts: readonly number[];
  /** What PASV names; undefined: the address that the client reached. */
  readonly pasvAddress: string | undefined;
  /** Where other tasks hand over connections that are ours. */
  readonly relay?: string;
  /** What a task of a fleet listens on beside the control ports; 0 in the settings stands for a free one. */
  readonly ports: Readonly<Record<string, number>>;
  /** For the metrics. */
  counts(): { readonly portsUsedPercent: number; readonly relays: number };
  /** From now on the load balancer may send clients. */
  ready(): void;
  /** From now on it shall not, though it will for a while. */
  leave(): void;
  /** From now on it is asked every few seconds how many transfers run; while there are any, the host is asked not to stop this task. */
  protectWhile(transferring: () => number): void;
  /** Connections that are handed on for other tasks may end by themselves, for so many milliseconds. */
  drain(milliseconds: number): Promise<void>;
  close(): Promise<void>;
}

interface Surroundings {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly task: string;
  readonly leases: LeaseStore;
}

/** Milliseconds. A transfer that is shorter needs no protection: the drain waits for it. */
const betweenLooks = 2_000;

export async function openRouting(config: Config, surroundings: Surroundings): Promise<Routing> {
  return config.fleet ? openFleet(config, config.fleet, surroundings) : openPorts(config, surroundings);
}

async function openPorts(config: Config, surroundings: Surroundings): Promise<Routing> {
  // No other process has to find them: in a shared table each would be two writes more.
  const leases = new MemoryLeaseStore(surroundings.clock);
  const passive = new PassivePorts({ ...surroundings, leases, reservedFor: config.times.accept, mostPending: config.reservations });
  const passivePorts = await passive.bind(config.host, config.passivePorts).catch((error: NodeJS.ErrnoException & { port?: number }) => {
    throw explainBind(error, config.host, `${error.port ?? 'passive'}`);
  });
  return {
    dataSockets: passive,
    passivePorts,
    pasvAddress: addressIn(config.pasvAddress, undefined),
    ports: {},
    counts: () => ({ portsUsedPercent: passive.usedPercent, relays: 0 }),
    ready: () => undefined,
    leave: () => undefined,
    protectWhile: () => undefined,
    drain: async () => undefined,
    close: () => passive.close(),
  };
}

async function openFleet(config: Config, fleet: FleetConfig, surroundings: Surroundings): Promise<Routing> {
  const { clock, log } = surroundings;
  const place = await findPlace(fleet, clock);
  const pasvAddress = addressIn(config.pasvAddress, place.zone);
  let state: string | undefined = 'starting';
  const health = new HealthEndpoint({ clock, notReady: () => state });
  const adminPort = await health.listen(config.host, fleet.adminPort).catch((error: NodeJS.ErrnoException) => {
    throw explainBind(error, config.host, String(fleet.adminPort));
  });
  const routing = await openFleetRouting({
    ...surroundings,
    host: config.host,
    dataPort: fleet.dataPort,
    relayPort: fleet.relayPort,
    relayAddress: place.address,
    passivePorts: config.passivePorts,
    reservedFor: config.times.accept,
    mostPending: config.reservations,
  }).catch(async (error: NodeJS.ErrnoException & { port?: number }) => {
    await health.close();
    throw explainBind(error, config.host, `${error.port ?? `${fleet.dataPort} or ${fleet.relayPort}`}`);
  });
  let looking: Timer | undefined;
  const protection = fleet.agent === undefined ? undefined : new TaskProtection({ agent: fleet.agent, clock, log });
  return {
    dataSockets: routing.dataSockets,
    passivePorts: config.passivePorts,
    pasvAddress,
    relay: routing.relay,
    ports: { dataPort: routing.dataPort, adminPort, relayPort: routing.relayPort },
    counts: () => {
      const { usedPercent, relays } = routing.counts();
      return { portsUsedPercent: usedPercent, relays: relays.active };
    },
    ready: () => {
      state = undefined;
    },
    leave: () => {
      state = 'draining';
    },
    protectWhile: (transferring) => {
      const look = () => {
        protection?.update(transferring() + routing.counts().relays.active);
        looking = clock.timer(betweenLooks, look);
      };
      if (protection) look();
    },
    drain: (milliseconds) =>
      routing
        .drain(AbortSignal.timeout(milliseconds))
        .catch((cause: unknown) =>
          log.warn('server.drain', { text: 'connections handed on for other tasks are cut at the deadline', cause }),
        ),
    close: async () => {
      looking?.cancel();
      await protection?.close();
      await routing.close();
      await health.close();
    },
  };
}

async function findPlace(
  { relayAddress, zone, metadata }: FleetConfig,
  clock: Clock,
): Promise<{ address: string; zone: string | undefined }> {
  if (metadata === undefined || (relayAddress !== undefined && zone !== undefined))
    return { address: relayAddress ?? firstAddress(), zone };
  const found = await readTaskPlace(metadata, clock);
  return { address: relayAddress ?? found.address, zone: zone ?? found.zone };
}

/** Where nothing says who we are: the first address of this machine that others can reach. */
function firstAddress(): string {
  const [address] = ownAddresses();
  if (address === undefined)
    throw new OperatorError('this machine has no address that other tasks could reach: set CAUSEWAY_RELAY_ADDRESS');
  return address;
}

export function ownAddresses(): string[] {
  const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return own.filter(({ family, internal }) => family === 'IPv4' && !internal).map(({ address }) => address);
}

/** In a zone, the address that the load balancer has there: clients in the wild refuse a PASV address that is not the one they dialled. */
function addressIn(pasvAddress: Config['pasvAddress'], zone: string | undefined): string | undefined {
  if (typeof pasvAddress !== 'object') return pasvAddress;
  const address = pasvAddress.get(zone ?? '');
  if (address !== undefined) return address;
  throw new OperatorError(`CAUSEWAY_PASV_ADDRESS has no address for the zone ${zone ?? '(unknown: set CAUSEWAY_ZONE)'}`);
}
