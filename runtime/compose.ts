import { Argon2PasswordHasher } from './adapters/argon2-password-hasher';
import { EmfMetrics } from './adapters/emf-metrics';
import { watchEventLoop } from './adapters/event-loop-delay';
import { lockFolder } from './adapters/lmdb/folder-lock';
import { BudgetedPartBuffers } from './adapters/memory/budgeted-part-buffers';
import { MetricsLog } from './adapters/metrics-log';
import { pinoLog } from './adapters/pino-log';
import { availableMemory, bootId, startedOf } from './adapters/process-identity';
import { ProcessMetrics } from './adapters/process-metrics';
import { randomIds } from './adapters/random-ids';
import { RememberingPasswordHasher } from './adapters/remembering-password-hasher';
import { systemClock } from './adapters/system-clock';
import type { Config } from './config/config';
import { warningOfAddress } from './config/private-address';
import { ActiveUploads } from './filesystem/active-uploads';
import { alone, type Filesystem, type Fleet } from './filesystem/filesystem';
import { FolderTruth } from './filesystem/folder-truth';
import { Heartbeat } from './filesystem/heartbeat';
import { followHints } from './filesystem/index-sync';
import { Maintenance } from './filesystem/maintenance';
import { recover } from './filesystem/sweeper';
import { TaskObserver } from './filesystem/task-observer';
import { openCertificates } from './open-certificates';
import { openRouting, ownAddresses } from './open-routing';
import { openBoard, openSeats, openServer } from './open-server';
import {
  type Index,
  openFolderLeases,
  openHints,
  openIndex,
  openStores,
  requireDataFolder,
  type Surroundings,
  usesFolder,
} from './open-stores';
import { Partners } from './operator/partners';
import { Sessions } from './operator/sessions';
import type { Ids } from './ports/ids';
import type { LeaseStore } from './ports/lease-store';
import type { Log } from './ports/log';
import type { PasswordHasher } from './ports/password-hasher';
import type { UserDirectory } from './ports/user-directory';

/** The composition root: the only file that knows which adapter stands behind which port. */

export interface OperatorTools {
  readonly partners: Partners;
  readonly ids: Ids;
  close(): Promise<void>;
}

/** What the command line needs; beside a running server, in the same index. */
export async function openOperator(config: Pick<Config, 'data' | 'metadata'>): Promise<OperatorTools> {
  if (config.metadata.kind === 'lmdb') requireDataFolder(config.data);
  const undo: (() => unknown)[] = [];
  const log = commandLog();
  const { users } = await openIndex(config, { clock: systemClock, ids: randomIds, log, undo }, false);
  const partners = new Partners({ users, hasher: new Argon2PasswordHasher(), clock: systemClock });
  return { partners, ids: randomIds, close: () => closeAll(undo) };
}

export interface SessionTools {
  readonly sessions: Sessions;
  close(): Promise<void>;
}

/** What shows and ends sessions, beside a running server. */
export async function openSessions(config: Config): Promise<SessionTools> {
  const undo: (() => unknown)[] = [];
  const surroundings = { clock: systemClock, ids: randomIds, log: commandLog(), undo };
  const folder = config.metadata.kind === 'lmdb';
  if (folder) requireDataFolder(config.data);
  const leases = folder ? openFolderLeases(config.data, surroundings, 'beside it') : (await openIndex(config, surroundings, false)).leases;
  const sessions = new Sessions({ leases, clock: systemClock, beatEvery: beatEvery(config) });
  return { sessions, close: () => closeAll(undo) };
}

/** Bytes that part buffers are a share of. */
export const memoryOfProcess = availableMemory;

/** Of a command: what goes wrong beside it. */
function commandLog(): Log {
  return pinoLog('warn', (line) => process.stderr.write(line));
}

export async function closeAll(undo: (() => unknown)[]): Promise<void> {
  for (const step of undo.reverse()) await step();
}

/** Whether anything is kept in the data folder: the stores, or a certificate of our own making. */
export function needsFolder(config: Config): boolean {
  return usesFolder(config) || config.certificate.kind === 'self-signed';
}

/** An observer sees a task miss several beats: a slow answer of the store makes nobody look dead. */
const beatsBeforeDeath = 6;
/** A task that no longer sweeps is waited for so many times. */
const sweepDuty = 4;

/** Where nobody else looks at it but the command line, a beat costs nothing, and whoever waits for one shall not wait long. */
export const beatEmbedded = 1_000;

function beatEvery({ metadata, times }: Config): number {
  return metadata.kind === 'dynamodb' ? times.deadAfter / beatsBeforeDeath : beatEmbedded;
}

export interface RunningServer {
  readonly partners: Partners;
  readonly explicitPort: number;
  readonly implicitPort: number;
  readonly passivePorts: readonly number[];
  reloadCertificate(): Promise<void>;
  /** Transfers may finish; then everything is closed. */
  drain(): Promise<void>;
}

/** Opens everything, carries on what an earlier process left, and only then listens. Frees what it has opened when it cannot. */
export async function startServer(config: Config, hostName: string, log: Log): Promise<RunningServer> {
  const undo: (() => unknown)[] = [];
  try {
    return await start(config, hostName, log, undo);
  } catch (error) {
    await closeAll(undo);
    throw error;
  }
}

export interface Opened {
  readonly fs: Filesystem;
  readonly index: Index;
  readonly hasher: PasswordHasher;
  readonly metrics: ProcessMetrics;
  /** Where other tasks share the index. */
  readonly observer: TaskObserver | undefined;
  readonly surroundings: Surroundings;
}

/** A process that works for another one, which holds the folder and the leases. */
export interface Subordinate {
  readonly task: string;
  readonly leases: LeaseStore;
  readonly fleet: Fleet;
}

/** The stores, and the rules on top of them. */
export async function openRules(config: Config, log: Log, undo: (() => unknown)[], worker?: Subordinate): Promise<Opened> {
  const metrics = new ProcessMetrics();
  const surroundings = { clock: systemClock, ids: randomIds, log, metrics, undo };
  const { clock, ids } = surroundings;
  const task = worker?.task ?? ids.token();
  if (usesFolder(config) && !worker) {
    const owner = { pid: process.pid, started: startedOf(process.pid) ?? '', boot: bootId() ?? '', nonce: task };
    undo.push(lockFolder(config.data, owner, startedOf));
  }
  const own = () => (config.metadata.kind === 'lmdb' ? openFolderLeases(config.data, surroundings, 'server') : undefined);
  const leases = worker ? worker.leases : own();
  const { index, objects } = await openStores(config, surroundings, leases);
  const observer = index.shared ? new TaskObserver(index.leases, clock, config.times.deadAfter) : undefined;
  const folders = new FolderTruth();
  const buffers = new BudgetedPartBuffers(config.bufferBudget, clock, Math.max(config.smallestPart, objects.smallestBuffer ?? 0));
  undo.push(() => buffers.close());
  const fs: Filesystem = {
    metadata: index.metadata,
    objects,
    buffers,
    clock,
    ids,
    log,
    metrics,
    task,
    active: new ActiveUploads(),
    fleet: worker?.fleet ?? observer ?? alone,
    folders,
    limits: {
      claimWait: config.times.claimWait,
      parkedFor: config.times.parkedFor,
      silentAfter: config.times.silentAfter,
      giveUpAfter: config.times.giveUpAfter,
    },
  };
  folders.attach(fs);
  const hasher = new RememberingPasswordHasher(new Argon2PasswordHasher(), clock, config.times.passwordRemembered);
  return { fs, index, observer, metrics, hasher, surroundings };
}

export interface FilesystemTools {
  readonly fs: Filesystem;
  readonly users: UserDirectory;
  /** Says at once that this process lives: for one that stands still in between. */
  beat(): Promise<void>;
  close(): Promise<void>;
}

/** The filesystem without a server: for commands, and for the function that follows the bucket's events. In the data folder nobody else may be at work. */
export async function openFilesystem(config: Config, log: Log = commandLog()): Promise<FilesystemTools> {
  if (usesFolder(config)) requireDataFolder(config.data);
  const undo: (() => unknown)[] = [];
  try {
    const { fs, index, observer } = await openRules(config, log, undo);
    const heartbeat = observer && new Heartbeat(fs, { leases: index.leases, observer, every: config.times.deadAfter / beatsBeforeDeath });
    await heartbeat?.start();
    undo.push(() => heartbeat?.stop());
    return { fs, users: index.users, beat: async () => heartbeat?.beat(), close: () => closeAll(undo) };
  } catch (error) {
    await closeAll(undo);
    throw error;
  }
}

export async function homesOf(users: UserDirectory): Promise<string[]> {
  const homes: string[] = [];
  for await (const { user } of users.list()) homes.push(user.home);
  return homes;
}

async function start(config: Config, hostName: string, log: Log, undo: (() => unknown)[]): Promise<RunningServer> {
  const { fs, index, observer, metrics, hasher, surroundings } = await openRules(config, log, undo);
  const { users, leases } = index;
  const { clock, task } = fs;
  const routing = await openRouting(config, { ...surroundings, task, leases });
  undo.push(() => routing.close());
  const board = openBoard(fs, leases);
  const seats = openSeats(fs, leases);
  const onBeat = async (doubted: boolean) => {
    board.refresh(doubted);
    seats.refresh(doubted);
  };
  const beating = { every: beatEvery(config), deadAfter: config.times.deadAfter, onBeat };
  const heartbeat = new Heartbeat(fs, { leases, observer, relay: routing.relay, ...beating });
  // The first beat comes before anything that another task could find.
  await heartbeat.start();
  undo.push(async () => {
    await heartbeat.stop();
    await board.close();
  });
  if (!observer) await recover(fs);

  const certificates = await openCertificates(config, hostName, clock, log);
  undo.push(() => certificates.close());

  const server = openServer(config, { fs, users, leases, hasher, metrics, certificates, routing, board, seats });
  const ports = await server.start();
  const warning = warningOfAddress({ host: config.host, pasvAddress: routing.pasvAddress }, ownAddresses());
  if (warning) log.warn('server.warning', { text: warning });

  const maintenance = new Maintenance(fs, {
    every: config.times.sweepEvery,
    homes: () => homesOf(users),
    upkeep: () => index.upkeep(),
    others: observer && {
      isDead: (owner) => observer.isDead(owner),
      takeDuty: () => leases.takeDuty(task, clock.now() + sweepDuty * config.times.sweepEvery),
      dead: () => observer.dead(),
      forget: (dead) => leases.forget(dead),
    },
  });
  maintenance.start();
  const hints = openHints(config);
  const noMoreHints = new AbortController();
  const following = hints && followHints(fs, hints, noMoreHints.signal);
  const eventLoop = watchEventLoop();
  undo.push(() => eventLoop.close());
  const levels = () => {
    const { portsUsedPercent, relays } = routing.counts();
    return {
      ...metrics.levels(),
      'transfers.open': server.transferring,
      'ports.used-percent': portsUsedPercent,
      'buffers.used-percent': Math.round((100 * fs.buffers.used) / fs.buffers.budget),
      'relays.open': relays,
      'event-loop.delay-ms': eventLoop.take(),
      'certificate.days-left': Math.floor((certificates.current().notAfter - clock.now()) / 86_400_000),
    };
  };
  const report =
    config.fleet && config.metadata.kind === 'dynamodb'
      ? new EmfMetrics({
          read: () => ({ totals: metrics.totals(), levels: levels(), samples: metrics.takeSamples() }),
          write: (line) => process.stdout.write(line),
          table: config.metadata.table,
          clock,
        })
      : new MetricsLog({ read: () => ({ ...levels(), ...metrics.totals() }), clock, log });
  report.start();
  routing.protectWhile(() => server.transferring);
  routing.ready();
  log.info('server.ready', { ...ports, ...routing.ports, task });

  return {
    partners: new Partners({ users, hasher, clock }),
    ...ports,
    passivePorts: routing.passivePorts,
    reloadCertificate: () => certificates.reload(),
    drain: async () => {
      routing.leave();
      await Promise.all([server.drain(), routing.drain(config.times.drain)]);
      noMoreHints.abort(new Error('the server stops'));
      await following;
      hints?.close();
      await maintenance.stop();
      report.stop();
      await closeAll(undo);
    },
  };
}
