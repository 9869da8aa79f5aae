import type { Socket } from 'node:net';
import { MemoryLeaseStore } from '../../runtime/adapters/memory/memory-lease-store';
import { randomIds } from '../../runtime/adapters/random-ids';
import type { DataRequest } from '../../runtime/ports/data-sockets';
import type { LeaseStore } from '../../runtime/ports/lease-store';
import type { EventName, Log, LogFields } from '../../runtime/ports/log';
import { type FleetRouting, openFleetRouting, type RoutingLimits } from '../../runtime/routing/fleet-routing';
import { FakeClock } from '../support/fake-clock';
import { type Choice, FakeLoadBalancer, type Target } from '../support/fake-load-balancer';
import { eventually } from '../support/wire-server';

/** Several tasks' routing behind one unfriendly load balancer, in one process, with a lease store of their own. */
export class RoutingFleet {
  readonly clock = new FakeClock();
  readonly leases = new MemoryLeaseStore(this.clock);
  readonly tasks: RoutingTask[] = [];
  /** Where the balancer sends the next data connections. */
  next: string | undefined;
  choose = ({ candidates }: Choice): Target =>
    candidates.find(({ name }) => name === this.next) ?? (candidates[candidates.length - 1] as Target);
  readonly balancer: FakeLoadBalancer;

  constructor(ports: number) {
    const attributes = { 'tcp.idle_timeout.seconds': '6000' };
    this.balancer = new FakeLoadBalancer(
      {
        zones: [{ name: 'a', address: '127.0.0.1' }],
        listeners: Array.from({ length: ports }, () => ({ port: 0, targetGroup: 'data', attributes })),
        targetGroups: [{ name: 'data', attributes: { 'proxy_protocol_v2.enabled': 'true' } }],
      },
      { clock: this.clock, choose: (choice: Choice) => this.choose(choice) },
    );
  }

  static async start(count: number, limits: Partial<RoutingLimits> = {}, ports = 6): Promise<RoutingFleet> {
    const fleet = new RoutingFleet(ports);
    await fleet.balancer.start();
    for (let index = 1; index <= count; index++) await fleet.add(`task-${index}`, limits);
    return fleet;
  }

  async add(name: string, limits: Partial<RoutingLimits> = {}, leases: LeaseStore = this.leases): Promise<RoutingTask> {
    const logged: RoutingTask['logged'] = [];
    const note = (event: EventName, fields?: LogFields) => void logged.push({ event, fields });
    const log: Log = { debug: note, info: note, warn: note, error: note, with: () => log };
    const routing = await openFleetRouting({
      leases,
      clock: this.clock,
      ids: randomIds,
      log,
      task: name,
      host: '127.0.0.1',
      dataPort: 0,
      relayPort: 0,
      relayAddress: '127.0.0.1',
      passivePorts: this.balancer.ports('data'),
      reservedFor: 60_000,
      limits,
    });
    const task = { name, routing, logged };
    this.tasks.push(task);
    this.balancer.register({ name, zone: 'a', host: '127.0.0.1', ports: { data: routing.dataPort } });
    return task;
  }

  task(number: number): RoutingTask {
    return this.tasks[number - 1] as RoutingTask;
  }

  async stop(): Promise<void> {
    await this.balancer.close();
    for (const { routing } of this.tasks) await routing.close();
  }
}

export interface RoutingTask {
  readonly name: string;
  readonly routing: FleetRouting;
  readonly logged: { event: EventName; fields: LogFields | undefined }[];
}

/** A reservation as a session makes one, and what came of it. */
export class Waiting {
  socket: Socket | undefined;
  address = '';
  arrivals = 0;
  expired = 0;
  readonly strangers: string[] = [];
  port = 0;
  release: () => void = () => undefined;

  static async on(task: RoutingTask, changes: Partial<DataRequest> = {}): Promise<Waiting> {
    const waiting = new Waiting();
    const { port, release } = await task.routing.dataSockets.reserve({
      client: '127.0.0.1',
      user: 'partner',
      anyAddress: false,
      session: waiting,
      onSocket: (socket, address) => {
        waiting.arrivals++;
        waiting.socket = socket;
        waiting.address = address;
      },
      onStranger: (address) => waiting.strangers.push(address),
      onExpired: () => {
        waiting.expired++;
      },
      ...changes,
    });
    waiting.port = port;
    waiting.release = release;
    return waiting;
  }

  async arrival(): Promise<Socket> {
    await eventually(() => this.socket !== undefined, 'the data connection');
    return this.socket as Socket;
  }
}
