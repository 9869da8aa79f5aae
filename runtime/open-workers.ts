import type { ChildProcess } from 'node:child_process';
import type { Server } from 'node:net';
import { MetricsLog } from './adapters/metrics-log';
import { systemClock } from './adapters/system-clock';
import { beatEmbedded, closeAll, homesOf, type Opened, openRules, type RunningServer } from './compose';
import type { Config } from './config/config';
import { Heartbeat } from './filesystem/heartbeat';
import { followHints } from './filesystem/index-sync';
import { Maintenance } from './filesystem/maintenance';
import { recover, recoverFrom } from './filesystem/sweeper';
import { TaskObserver } from './filesystem/task-observer';
import { openCertificates } from './open-certificates';
import { openRouting } from './open-routing';
import { openBoard, openSeats, openServer } from './open-server';
import { openHints } from './open-stores';
import { Partners } from './operator/partners';
import type { Log } from './ports/log';
import { Worker } from './routing/worker';
import type { PipeEnd } from './routing/worker-channel';
import type { WorkerPipe } from './routing/worker-slot';
import { Workers } from './routing/workers';
import { ConnectionCounter, listen } from './server/listener';
import type { FtpsServer } from './server/server';

/**
 * The part of the composition for one server of many processes. The primary holds the folder, the ports and the leases, and carries on what a worker leaves that
 * dies; the workers hold the sessions and work on the same index and the same files.
 */

/** Behind the deadline of a drain: for the last replies, and for what was cut to be put aside. Milliseconds. */
const lastWords = 10_000;

/** @param fork Starts a process that calls `startWorker` with this task. */
export async function startPrimary(
  config: Config,
  hostName: string,
  log: Log,
  fork: (task: string) => ChildProcess,
): Promise<RunningServer> {
  const undo: (() => unknown)[] = [];
  try {
    const opened = await openRules(config, log, undo);
    return await openPrimary(config, hostName, opened, undo, fork);
  } catch (error) {
    await closeAll(undo);
    throw error;
  }
}

async function openPrimary(
  config: Config,
  hostName: string,
  { fs, index, metrics, hasher, surroundings }: Opened,
  undo: (() => unknown)[],
  fork: (task: string) => ChildProcess,
): Promise<RunningServer> {
  const { clock, log, ids, task } = fs;
  const { users, leases } = index;
  const routing = await openRouting(config, { ...surroundings, task, leases });
  undo.push(() => routing.close());
  // Nobody else works on the folder yet: all that is unfinished was left.
  await recover(fs);
  // One of our own making is made once, before the workers look for it.
  const certificates = await openCertificates(config, hostName, clock, log);
  undo.push(() => certificates.close());

  const connections = new ConnectionCounter(config.sessionsPerAddress);
  const lost = new Set<string>();
  const children = new Set<ChildProcess>();
  const workers = new Workers({
    count: config.workers,
    clock,
    log,
    leases,
    dataSockets: routing.dataSockets,
    deadAfter: config.times.deadAfter,
    start: () => {
      const own = ids.token();
      const child = fork(own);
      // Node listens to it once for each port whose connections are handed over.
      child.setMaxListeners(0);
      children.add(child);
      child.once('exit', () => children.delete(child));
      return pipeTo(child, own, log);
    },
    onClosed: (address) => connections.remove(address),
    onLost: (_, dead) => {
      lost.add(dead);
      leases
        .forget(dead)
        .then(() =>
          recoverFrom(
            fs,
            (owner) => lost.has(owner),
            () => workers.uploads(),
          ),
        )
        .catch((cause: unknown) => log.warn('store.error', { text: 'what a worker has left is carried on by the next sweep', cause }));
    },
  });
  undo.push(() => {
    // Stops what would be started again; told apart from a drain by its deadline, which is over. Whom it cannot tell any more is killed below.
    void workers.drain(AbortSignal.abort(new Error('the server stops'))).catch(() => undefined);
    for (const child of children) child.kill('SIGKILL');
  });
  await workers.start();

  const listeners: Server[] = [];
  const closeListeners = () => {
    for (const listener of listeners.splice(0)) listener.close();
  };
  undo.push(closeListeners);
  const open = async (port: number, implicit: boolean) => {
    const listener = await listen({
      host: config.host,
      port,
      implicit,
      log,
      // Handed over, a connection is closed here and goes on there: its worker says when it has ended.
      connections: { add: (address) => connections.add(address), remove: () => undefined },
      accept: (socket, address) => workers.accept(socket, implicit, address),
    });
    listeners.push(listener);
    return (listener.address() as { port: number }).port;
  };
  const explicitPort = await open(config.explicitPort, false);
  const implicitPort = await open(config.implicitPort, true);

  const maintenance = new Maintenance(fs, {
    every: config.times.sweepEvery,
    homes: () => homesOf(users),
    upkeep: () => index.upkeep(),
    others: {
      isDead: (owner) => lost.has(owner),
      takeDuty: async () => true,
      dead: () => [...lost],
      forget: async (dead) => void lost.delete(dead),
    },
  });
  maintenance.start();
  const hints = openHints(config);
  const noMoreHints = new AbortController();
  const following = hints && followHints(fs, hints, noMoreHints.signal);
  const used = () => ({ 'ports.used-percent': routing.counts().portsUsedPercent });
  const report = new MetricsLog({ read: () => ({ ...used(), ...metrics.totals() }), clock, log });
  report.start();
  log.info('server.ready', { explicitPort, implicitPort, task, workers: config.workers });

  return {
    partners: new Partners({ users, hasher, clock }),
    explicitPort,
    implicitPort,
    passivePorts: routing.passivePorts,
    reloadCertificate: async () => {
      for (const child of children) child.kill('SIGHUP');
    },
    drain: async () => {
      closeListeners();
      log.info('server.drain', { text: `${workers.load.reduce<number>((sum, load) => sum + (load ?? 0), 0)} sessions` });
      await workers
        .drain(AbortSignal.timeout(config.times.drain + lastWords))
        .catch((cause: unknown) => log.warn('server.drain', { text: 'a worker has not ended in time and is ended', cause }));
      noMoreHints.abort(new Error('the server stops'));
      await following;
      hints?.close();
      await maintenance.stop();
      report.stop();
      await closeAll(undo);
    },
  };
}

/** Gone is a worker when its process is: before that it could still write. */
function pipeTo(child: ChildProcess, task: string, log: Log): WorkerPipe {
  child.once('disconnect', () => child.kill('SIGKILL'));
  return {
    task,
    kill: () => child.kill('SIGKILL'),
    send: (message, handle, options, sent) => child.send(message as object, handle, options, sent),
    on: (event: 'message' | 'disconnect', listener: (message?: unknown, handle?: unknown) => void) => {
      if (event === 'message') return child.on('message', listener);
      child.once('exit', () => listener());
      child.on('error', (cause) => {
        log.error('server.warning', { text: 'a worker cannot be reached', cause });
        // It never began, so it will not say that it has ended.
        if (child.pid === undefined) listener();
      });
      return undefined;
    },
  };
}

export interface WorkerSurroundings {
  readonly hostName: string;
  readonly log: Log;
  readonly pipe: PipeEnd;
  /** The name under which this process owns records, given by the primary, who recovers them. */
  readonly task: string;
  readonly onDrained: () => void;
}

export async function startWorker(
  config: Config,
  { hostName, log, pipe, task, onDrained }: WorkerSurroundings,
): Promise<{ reloadCertificate(): Promise<void> }> {
  const undo: (() => unknown)[] = [];
  const clock = systemClock;
  let server: FtpsServer | undefined;
  let drain = async () => undefined as unknown;
  const worker: Worker = new Worker({
    pipe,
    clock,
    onSession: (socket, implicit, address) => server?.accept(socket, address, implicit),
    onPark: (token, durable) => fs.active.yield(token, durable),
    uploads: () => [...fs.active.all()].map(({ token }) => token),
    onDrain: () => void drain().finally(onDrained),
  });
  const { leases } = worker;
  const observer = new TaskObserver(leases, clock, config.times.deadAfter);
  const fleet = {
    // The primary sees a worker's end for certain and carries on what it left; nobody here needs to guess.
    isDead: () => false,
    isSilent: (other: string, token: string) => observer.isSilent(other, token),
    park: (other: string, token: string, durable: number) => worker.park(other, token, durable),
  };
  const bufferBudget = Math.max(config.smallestPart, Math.floor(config.bufferBudget / config.workers));
  const { fs, index, metrics, hasher } = await openRules({ ...config, bufferBudget }, log, undo, { task, leases, fleet });
  const board = openBoard(fs, leases);
  const seats = openSeats(fs, leases);
  const onBeat = async () => {
    board.refresh();
    seats.refresh();
  };
  const heartbeat = new Heartbeat(fs, { leases, observer, every: beatEmbedded, onBeat });
  await heartbeat.start();
  undo.push(async () => {
    await heartbeat.stop();
    await board.close();
  });
  const certificates = await openCertificates(config, hostName, clock, log);
  undo.push(() => certificates.close());
  const routing = { dataSockets: worker, pasvAddress: typeof config.pasvAddress === 'string' ? config.pasvAddress : undefined };
  server = openServer(config, { fs, users: index.users, leases, hasher, metrics, certificates, routing, board, seats });
  await server.prepare();
  // What a handler here has left; the folders are gone over by the primary.
  const maintenance = new Maintenance(fs, { every: config.times.sweepEvery, homes: async () => [], upkeep: () => index.upkeep() });
  maintenance.start();
  const levels = () => ({ ...metrics.levels(), 'transfers.open': server?.transferring, 'buffers.used-percent': usedOf(fs.buffers) });
  const report = new MetricsLog({ read: () => ({ ...levels(), ...metrics.totals() }), clock, log });
  report.start();
  drain = async () => {
    await server?.drain();
    await maintenance.stop();
    report.stop();
    await closeAll(undo);
  };
  worker.ready();
  return { reloadCertificate: () => certificates.reload() };
}

function usedOf({ used, budget }: { readonly used: number; readonly budget: number }): number {
  return Math.round((100 * used) / budget);
}
