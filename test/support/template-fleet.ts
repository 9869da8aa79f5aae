import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { systemClock } from '../../runtime/adapters/system-clock';
import {
  containerOf,
  environmentOf,
  type Known,
  listenersOf,
  type TargetGroup,
  type Template,
  targetGroupsOf,
} from '../infrastructure/template';
import { FakeLoadBalancer } from './fake-load-balancer';
import { probe } from './fake-load-balancer-probe';

/**
 * What a template says, running on this machine: the load balancer of its listeners and target groups, and tasks from the bundle with the environment of its
 * container. Each zone and each task has a loopback address of its own, so that every port is the template's, save those of the balancer that only root may
 * open. Time is the template's divided by `speed` where only waiting is meant.
 */
export interface TemplateFleetOptions {
  readonly template: Template;
  readonly known: Known;
  /** The bundle. */
  readonly app: string;
  readonly folder: string;
  /** What stands for AWS: endpoints, credentials. */
  readonly settings: Readonly<Record<string, string>>;
  readonly speed: number;
}

export interface TemplateTask {
  readonly name: string;
  readonly zone: string;
  readonly address: string;
  readonly process: ChildProcess;
  readonly stdout: () => string;
  readonly log: () => string;
  stopWatching: () => void;
}

export const zoneAddress = (number: number) => `127.42.0.${number}`;
const taskAddress = (number: number) => `127.43.0.${number}`;
const startsWithin = 60_000;

export class TemplateFleet {
  readonly balancer: FakeLoadBalancer;
  readonly tasks: TemplateTask[] = [];
  /** Requests to the agent beside each container, as policies name them. */
  readonly agentCalls = new Set<string>();
  private readonly groups: readonly TargetGroup[];
  private readonly agents: Server[] = [];
  private started = 0;

  constructor(private readonly options: TemplateFleetOptions) {
    const { template, speed } = options;
    this.groups = targetGroupsOf(template);
    this.balancer = new FakeLoadBalancer(
      {
        zones: this.zones.map((name, index) => ({ name, address: zoneAddress(index + 1) })),
        listeners: listenersOf(template).map(({ port, idleSeconds, targetGroup }) => ({
          port: port < 1024 ? 0 : port,
          targetGroup,
          attributes: { 'tcp.idle_timeout.seconds': String(idleSeconds) },
        })),
        targetGroups: this.groups.map(({ id, proxyProtocol, preservesClientAddress }) => ({
          name: id,
          attributes: {
            'proxy_protocol_v2.enabled': String(proxyProtocol),
            'preserve_client_ip.enabled': String(preservesClientAddress),
          },
        })),
      },
      { clock: systemClock, lateDeregistration: (1_000 * (this.groups[0]?.deregistrationSeconds ?? 0)) / speed },
    );
  }

  get zones(): string[] {
    const { template, known } = this.options;
    return (environmentOf(template, known)['CAUSEWAY_PASV_ADDRESS'] ?? '').split(',').map((part) => part.split('=')[0] as string);
  }

  /** The environment of a container, as the template says it, and the little that this machine changes in it. */
  environment(address: string, data: string): Record<string, string> {
    const { template, known, settings } = this.options;
    return { ...environmentOf(template, known), CAUSEWAY_HOST: address, CAUSEWAY_DATA: data, ...settings };
  }

  /** Starts one more, and waits until the balancer's own checks find it healthy in every target group. */
  async add(): Promise<TemplateTask> {
    const number = ++this.started;
    const zone = this.zones[(number - 1) % this.zones.length] as string;
    const address = taskAddress(number);
    const name = `task-${number}`;
    const data = path.join(this.options.folder, name);
    mkdirSync(data);
    const agent = await this.startAgent(address, zone);
    const child = spawn(process.execPath, ['dist/runtime/main.js'], {
      cwd: this.options.app,
      env: { ...this.environment(address, data), ECS_CONTAINER_METADATA_URI_V4: agent, ECS_AGENT_URI: agent },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const kill = () => child.kill('SIGKILL');
    process.once('exit', kill);
    child.once('exit', () => process.off('exit', kill));
    const said = { out: '', err: '' };
    child.stdout?.on('data', (chunk: Buffer) => {
      said.out = (said.out + chunk.toString()).slice(-200_000);
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      said.err = (said.err + chunk.toString()).slice(-400_000);
    });
    const task: TemplateTask = {
      name,
      zone,
      address,
      process: child,
      stdout: () => said.out,
      log: () => said.err,
      stopWatching: () => undefined,
    };
    this.tasks.push(task);
    const ports = Object.fromEntries(this.groups.map(({ id, containerPort }) => [id, containerPort]));
    this.balancer.setHealth(name, false);
    await this.untilHealthy(task);
    this.balancer.register({ name, zone, host: address, ports });
    return task;
  }

  private untilHealthy(task: TemplateTask): Promise<void> {
    const { speed } = this.options;
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${task.name} does not become healthy: ${task.log().slice(-3_000)}`)), startsWithin);
      task.process.once('exit', (code) => reject(new Error(`${task.name} ended with ${code}: ${task.log().slice(-3_000)}`)));
      const counts = new Map<string, number>();
      const look = async () => {
        for (const { id, proxyProtocol, healthCheck } of this.groups) {
          const shape = proxyProtocol ? 'header without addresses' : 'no header';
          const { text } = await probe(task.address, healthCheck.port, shape, healthCheck.path).catch(() => ({ text: '' }));
          const good = text.startsWith('HTTP/1.1 200');
          const count = counts.get(id) ?? 0;
          counts.set(id, good ? Math.max(1, count + 1) : Math.min(-1, count - 1));
        }
        const fulfils = (test: (group: TargetGroup, count: number) => boolean) =>
          this.groups.map((group) => test(group, counts.get(group.id) ?? 0));
        if (fulfils((group, count) => count >= group.healthCheck.healthy).every(Boolean)) {
          this.balancer.setHealth(task.name, true);
          clearTimeout(late);
          resolve();
        }
        if (fulfils((group, count) => -count >= group.healthCheck.unhealthy).some(Boolean)) this.balancer.setHealth(task.name, false);
      };
      const every = (1_000 * (this.groups[0]?.healthCheck.intervalSeconds ?? 10)) / speed;
      let stopped = false;
      const again = () => {
        if (!stopped) timer = setTimeout(() => void look().finally(again), every);
      };
      let timer = setTimeout(() => void look().finally(again), every);
      task.stopWatching = () => {
        stopped = true;
        clearTimeout(timer);
        clearTimeout(late);
      };
    });
  }

  /** As the service does with an old task: taken from the balancer and told to stop, and killed when it has not gone by its stop time-out. */
  async retire(task: TemplateTask): Promise<number | NodeJS.Signals> {
    this.balancer.deregister(task.name);
    const gone = once(task.process, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
    const stopTimeout = 1_000 * (containerOf(this.options.template)['StopTimeout'] as number);
    const kill = setTimeout(() => task.process.kill('SIGKILL'), stopTimeout);
    task.process.kill('SIGTERM');
    const [code, signal] = await gone;
    clearTimeout(kill);
    task.stopWatching();
    this.tasks.splice(this.tasks.indexOf(task), 1);
    return code ?? (signal as NodeJS.Signals);
  }

  /** The agent of ECS beside a container: who this task is, and its protection. */
  private async startAgent(address: string, zone: string): Promise<string> {
    const agent = createServer((asked, answer) => {
      const protection = asked.method === 'PUT';
      if (protection) this.agentCalls.add('ecs:UpdateTaskProtection');
      asked.resume();
      asked.on('end', () => {
        answer.setHeader('Content-Type', 'application/json');
        const place = { AvailabilityZone: zone, TaskARN: `arn:${address}`, Containers: [{ Networks: [{ IPv4Addresses: [address] }] }] };
        answer.end(JSON.stringify(protection ? { protection: {} } : place));
      });
    });
    agent.listen(0, '127.0.0.1');
    await once(agent, 'listening');
    this.agents.push(agent);
    return `http://127.0.0.1:${(agent.address() as AddressInfo).port}`;
  }

  /** The operator's command line, in the bundle, with the environment of a task. */
  async command(args: readonly string[], input = ''): Promise<string> {
    const { app, folder } = this.options;
    const child = execFile(process.execPath, ['dist/runtime/cli.js', ...args], {
      cwd: app,
      env: this.environment(taskAddress(0), folder),
      timeout: 30_000,
    });
    let said = '';
    child.stdout?.on('data', (text: string) => {
      said += text;
    });
    child.stderr?.on('data', (text: string) => {
      said += text;
    });
    child.stdin?.end(input);
    const [code] = (await once(child, 'exit')) as [number];
    if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${said}`);
    return said;
  }

  async close(): Promise<void> {
    for (const task of this.tasks) {
      task.stopWatching();
      task.process.removeAllListeners('exit');
      task.process.kill('SIGKILL');
    }
    for (const agent of this.agents) {
      agent.closeAllConnections();
      agent.close();
    }
    await this.balancer.close();
  }
}
