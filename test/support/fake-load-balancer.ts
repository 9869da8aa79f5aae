import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../runtime/ports/clock';
import { carry, type FakeConnection } from './fake-load-balancer-connection';

/**
 * A network load balancer as unfriendly as the real one: it names the client only with the client's first bytes and loses what the server said before;
 * it chooses targets without regard to what belongs together; it forgets idle connections and resets who speaks on them; it goes on sending to a target that
 * has been taken away. Described by the attributes under which AWS knows them, so that a template's own can be fed to it.
 */
export interface LoadBalancerDescription {
  /** Each zone has an address of its own, on loopback. */
  readonly zones: readonly { readonly name: string; readonly address: string }[];
  readonly attributes?: Readonly<Record<string, string>>;
  readonly listeners: readonly ListenerDescription[];
  readonly targetGroups: readonly TargetGroupDescription[];
}

export interface ListenerDescription {
  /** 0: whatever is free, the same in each zone. */
  readonly port: number;
  readonly targetGroup: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

export interface TargetGroupDescription {
  readonly name: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

export interface Target {
  readonly name: string;
  readonly zone: string;
  readonly host: string;
  /** By target group. */
  readonly ports: Readonly<Record<string, number>>;
}

export interface Choice {
  readonly group: string;
  readonly client: string;
  readonly port: number;
  readonly candidates: readonly Target[];
}

export interface FakeLoadBalancerOptions {
  readonly clock: Clock;
  /** An adversary may choose; without one it is random. */
  readonly choose?: (choice: Choice) => Target;
  /** Milliseconds that a target which was taken away still gets new connections. */
  readonly lateDeregistration?: number;
}

const defaults: Readonly<Record<string, string>> = {
  'load_balancing.cross_zone.enabled': 'false',
  'tcp.idle_timeout.seconds': '350',
  'proxy_protocol_v2.enabled': 'false',
  'preserve_client_ip.enabled': 'false',
};

export class FakeLoadBalancer {
  private readonly servers: Server[] = [];
  private targets: Target[] = [];
  private readonly unhealthy = new Set<string>();
  private readonly connections = new Set<FakeConnection>();
  /** The public ports by target group, in the order of the listeners. */
  private readonly listening = new Map<string, number[]>();
  /** Of every connection, in order. */
  readonly choices: { readonly group: string; readonly client: string; readonly port: number; readonly target: string }[] = [];

  constructor(
    readonly description: LoadBalancerDescription,
    private readonly options: FakeLoadBalancerOptions,
  ) {}

  async start(): Promise<void> {
    for (const listener of this.description.listeners) {
      const port = await this.listen(listener);
      this.listening.set(listener.targetGroup, [...this.ports(listener.targetGroup), port]);
    }
  }

  /** One listener is a socket in each zone, on the same port. */
  private async listen(listener: ListenerDescription): Promise<number> {
    for (let attempt = 0; ; attempt++) {
      const opened: Server[] = [];
      try {
        let { port } = listener;
        for (const zone of this.description.zones) {
          const server = createServer({ pauseOnConnect: true, allowHalfOpen: true });
          opened.push(server);
          port = await bind(server, zone.address, port);
          const bound = port;
          server.on('connection', (socket) => this.accept(socket, zone.name, listener, bound));
        }
        this.servers.push(...opened);
        return port;
      } catch (error) {
        for (const server of opened) server.close();
        // Free in one zone and taken in the next.
        if (listener.port !== 0 || attempt === 9) throw error;
      }
    }
  }

  ports(group: string): readonly number[] {
    return this.listening.get(group) ?? [];
  }

  register(target: Target): void {
    this.targets.push(target);
  }

  /** New connections keep coming for a while; those that are there stay. */
  deregister(name: string): void {
    this.options.clock.timer(this.options.lateDeregistration ?? 0, () => {
      this.targets = this.targets.filter((target) => target.name !== name);
    });
  }

  /** A target that fails its checks gets nothing new, unless all of them do. */
  setHealth(name: string, healthy: boolean): void {
    if (healthy) this.unhealthy.delete(name);
    else this.unhealthy.add(name);
  }

  get open(): number {
    return this.connections.size;
  }

  private accept(client: Socket, zone: string, listener: ListenerDescription, port: number): void {
    client.on('error', () => client.destroy());
    const group = listener.targetGroup;
    const across = this.attribute('load_balancing.cross_zone.enabled', this.description.attributes) === 'true';
    const reachable = this.targets.filter((target) => group in target.ports && (across || target.zone === zone));
    const healthy = reachable.filter(({ name }) => !this.unhealthy.has(name));
    // All unhealthy: sent to anyway, as the real one does.
    const candidates = healthy.length > 0 ? healthy : reachable;
    if (candidates.length === 0) {
      client.resetAndDestroy();
      return;
    }
    const address = client.remoteAddress ?? '';
    const target = (this.options.choose ?? atRandom)({ group, client: address, port, candidates });
    this.choices.push({ group, client: address, port, target: target.name });
    const attributes = this.description.targetGroups.find(({ name }) => name === group)?.attributes;
    const connection = carry({
      client,
      target: { host: target.host, port: target.ports[group] as number },
      proxyHeader: this.attribute('proxy_protocol_v2.enabled', attributes) === 'true',
      preserveClient: this.attribute('preserve_client_ip.enabled', attributes) === 'true',
      listener: { address: client.localAddress ?? '', port },
      idleAfter: 1_000 * Number(this.attribute('tcp.idle_timeout.seconds', listener.attributes)),
      clock: this.options.clock,
      onClose: () => this.connections.delete(connection),
    });
    this.connections.add(connection);
  }

  private attribute(name: string, attributes: Readonly<Record<string, string>> | undefined): string {
    return attributes?.[name] ?? (defaults[name] as string);
  }

  /** A zone is lost: its address answers nobody, its connections are gone. */
  async close(): Promise<void> {
    for (const server of this.servers.splice(0)) server.close();
    for (const connection of [...this.connections]) connection.destroy();
  }
}

function bind(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function atRandom({ candidates }: Choice): Target {
  return candidates[Math.floor(Math.random() * candidates.length)] as Target;
}
