import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { systemClock } from '../../runtime/adapters/system-clock';
import { type Choice, FakeLoadBalancer, type Target } from './fake-load-balancer';
import { type HealthWatch, watchHealth } from './fleet-health';
import { type ServerProcess, startProcess } from './server-process';

/** Tasks as processes of their own, and the load balancer before them: it asks for their health, and sends new connections to those that want them. */
export interface FleetOptions {
  /** Certificate and key are made here by the first task and shared by all. */
  readonly data: string;
  /** Bucket, table, credentials, and what else a task is told. */
  readonly settings: Readonly<Record<string, string>>;
  readonly tasks: number;
  /** Address of each; tasks are spread over them in turn. */
  readonly zones?: readonly { readonly name: string; readonly address: string }[];
  readonly choose?: (choice: Choice) => Target;
  /** Milliseconds that a task which was taken away still gets new connections. */
  readonly lateDeregistration?: number;
  readonly explicitPort?: number;
  readonly implicitPort?: number;
  /** Undefined: `passiveCount` in a row that are free. */
  readonly passivePorts?: readonly number[];
  readonly passiveCount?: number;
}

export interface FleetTask {
  readonly name: string;
  readonly server: ServerProcess;
  readonly ports: { readonly dataPort: number; readonly adminPort: number; readonly relayPort: number };
}

const oneZone = [{ name: 'zone-1', address: '127.0.0.1' }] as const;

export class Fleet {
  readonly tasks: FleetTask[] = [];
  private readonly watches = new Map<string, HealthWatch>();
  private readonly healthy = new Set<string>();
  private started = 0;
  password = '';
  /** PEM file. */
  certificate = '';

  private constructor(
    private readonly options: FleetOptions,
    readonly balancer: FakeLoadBalancer,
    readonly passivePorts: readonly number[],
  ) {}

  /** The first task alone, because it makes the certificate and the first partner; then the others at once. */
  static async open(options: FleetOptions): Promise<Fleet> {
    const zones = options.zones ?? oneZone;
    const passivePorts =
      options.passivePorts ??
      (await freePortsInARow(
        options.passiveCount ?? 48,
        zones.map(({ address }) => address),
      ));
    const balancer = new FakeLoadBalancer(
      {
        zones,
        listeners: [
          { port: options.explicitPort ?? 0, targetGroup: 'explicit' },
          { port: options.implicitPort ?? 0, targetGroup: 'implicit' },
          ...passivePorts.map((port) => ({ port, targetGroup: 'data' })),
        ],
        targetGroups: [
          { name: 'explicit', attributes: { 'preserve_client_ip.enabled': 'true' } },
          { name: 'implicit', attributes: { 'preserve_client_ip.enabled': 'true' } },
          { name: 'data', attributes: { 'proxy_protocol_v2.enabled': 'true' } },
        ],
      },
      { clock: systemClock, choose: options.choose, lateDeregistration: options.lateDeregistration },
    );
    const fleet = new Fleet(options, balancer, passivePorts);
    try {
      await balancer.start();
      const first = await fleet.add();
      fleet.password = first.server.password ?? '';
      fleet.certificate = first.server.certificate;
      await Promise.all(Array.from({ length: options.tasks - 1 }, () => fleet.add()));
    } catch (error) {
      await fleet.close();
      throw error;
    }
    return fleet;
  }

  get explicitPort(): number {
    return this.balancer.ports('explicit')[0] as number;
  }

  get implicitPort(): number {
    return this.balancer.ports('implicit')[0] as number;
  }

  /** Starts one more, and waits until it gets connections. */
  async add(): Promise<FleetTask> {
    const { data, settings, zones = oneZone } = this.options;
    const zone = zones[this.started % zones.length] as (typeof zones)[number];
    const name = `task-${++this.started}`;
    const server = await startProcess(data, {
      CAUSEWAY_FLEET: 'on',
      CAUSEWAY_DATA_PORT: '0',
      CAUSEWAY_ADMIN_PORT: '0',
      CAUSEWAY_RELAY_PORT: '0',
      CAUSEWAY_RELAY_ADDRESS: '127.0.0.1',
      CAUSEWAY_PASSIVE_PORTS: `${this.passivePorts[0]}-${this.passivePorts.at(-1)}`,
      CAUSEWAY_ZONE: zone.name,
      CAUSEWAY_PASV_ADDRESS: zones.map((each) => `${each.name}=${each.address}`).join(','),
      ...settings,
    });
    // Nothing outlives the program that started it.
    const kill = () => server.process.kill('SIGKILL');
    process.once('exit', kill);
    server.process.once('exit', () => process.off('exit', kill));
    const ports = portsOf(server);
    const task = { name, server, ports };
    this.tasks.push(task);
    await new Promise<void>((resolve) => {
      const watch = watchHealth('127.0.0.1', ports.adminPort, (healthy) => {
        this.balancer.setHealth(name, healthy);
        if (healthy) this.healthy.add(name);
        else this.healthy.delete(name);
        if (healthy) resolve();
      });
      this.watches.set(name, watch);
    });
    this.balancer.register({
      name,
      zone: zone.name,
      host: '127.0.0.1',
      ports: { explicit: server.explicitPort, implicit: server.implicitPort, data: ports.dataPort },
    });
    return task;
  }

  isHealthy(task: FleetTask): boolean {
    return this.healthy.has(task.name);
  }

  /** As a deployment does: told to stop, taken out of service, waited for. Gives the exit code. */
  async retire(task: FleetTask, signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const code = await task.server.stop(signal);
    this.remove(task);
    return code;
  }

  private remove(task: FleetTask): void {
    this.watches.get(task.name)?.stop();
    this.watches.delete(task.name);
    this.healthy.delete(task.name);
    this.balancer.deregister(task.name);
    const index = this.tasks.indexOf(task);
    if (index >= 0) this.tasks.splice(index, 1);
  }

  /** @param signal What the tasks are told; with SIGKILL it takes no time. */
  async close(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await Promise.all([...this.tasks].map((task) => this.retire(task, signal)));
    await this.balancer.close();
  }
}

function portsOf(server: ServerProcess): FleetTask['ports'] {
  const line = server
    .log()
    .split('\n')
    .find((each) => each.includes('"server.ready"'));
  if (line === undefined) throw new Error(`the task does not say its ports: ${server.log()}`);
  return JSON.parse(line);
}

/** Below those that the system gives out by itself; the setting names a range. */
const firstTried = 20_000;
const lastTried = 32_000;

async function freePortsInARow(count: number, addresses: readonly string[]): Promise<number[]> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const first = firstTried + Math.floor(Math.random() * (lastTried - firstTried - count));
    const ports = Array.from({ length: count }, (_, index) => first + index);
    if (await areFree(ports, addresses)) return ports;
  }
  throw new Error(`no ${count} free ports in a row`);
}

async function areFree(ports: readonly number[], addresses: readonly string[]): Promise<boolean> {
  const servers = addresses.flatMap((host) => ports.map((port) => createServer().listen({ host, port, exclusive: true })));
  const bound = await Promise.allSettled(servers.map((server) => once(server, 'listening')));
  const open = servers.filter((server) => (server.address() as AddressInfo | null) !== null);
  await Promise.all(open.map((server) => new Promise((resolve) => server.close(resolve))));
  return bound.every(({ status }) => status === 'fulfilled');
}
