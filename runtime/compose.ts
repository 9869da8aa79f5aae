import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import path from 'node:path';
import { Argon2PasswordHasher } from './adapters/argon2-password-hasher';
import { openDirectoryStore } from './adapters/directory/open-directory-store';
import { ensureSelfSigned, FileCertificates, namesOf, readCertificate } from './adapters/file-certificates';
import { Environment } from './adapters/lmdb/environment';
import { lockFolder } from './adapters/lmdb/folder-lock';
import { LmdbMetadataStore } from './adapters/lmdb/lmdb-metadata-store';
import { LmdbUserDirectory } from './adapters/lmdb/lmdb-user-directory';
import { BudgetedPartBuffers } from './adapters/memory/budgeted-part-buffers';
import { MemoryLeaseStore } from './adapters/memory/memory-lease-store';
import { MetricsLog } from './adapters/metrics-log';
import { bootId, startedOf } from './adapters/process-identity';
import { ProcessMetrics } from './adapters/process-metrics';
import { randomIds } from './adapters/random-ids';
import { systemClock } from './adapters/system-clock';
import type { Config } from './config/config';
import { warningOfAddress } from './config/private-address';
import { variables } from './config/variables';
import { ActiveUploads } from './filesystem/active-uploads';
import { alone, type Filesystem } from './filesystem/filesystem';
import { FolderTruth } from './filesystem/folder-truth';
import { Maintenance } from './filesystem/maintenance';
import { openPartnerView } from './filesystem/open-view';
import { recover } from './filesystem/sweeper';
import type { SheetFacts } from './operator/connection-sheet';
import { Partners } from './operator/partners';
import type { Ids } from './ports/ids';
import type { Log } from './ports/log';
import { PassivePorts } from './routing/passive-ports';
import { explainBind } from './server/listener';
import { FtpsServer } from './server/server';
import { LockOut, SessionCounter } from './session/lock-out';
import { Login } from './session/login';
import { Session } from './session/session';

/** The composition root: the only file that knows which adapter stands behind which port. */

const indexFolder = (data: string) => path.join(data, 'index');

export interface OperatorTools {
  readonly partners: Partners;
  readonly ids: Ids;
  close(): Promise<void>;
}

/** What the command line needs; beside a running server, in the same index. */
export function openOperator(data: string): OperatorTools {
  const environment = new Environment(indexFolder(data), randomIds.token());
  const users = new LmdbUserDirectory(environment);
  const partners = new Partners({ users, hasher: new Argon2PasswordHasher(), clock: systemClock });
  return { partners, ids: randomIds, close: () => environment.close() };
}

export function certificateFiles(config: Pick<Config, 'data' | 'certificate' | 'key'>) {
  const own = { certificate: path.join(config.data, 'certificate.pem'), key: path.join(config.data, 'key.pem') };
  return config.certificate && config.key ? { certificate: config.certificate, key: config.key } : own;
}

const everywhere: readonly string[] = ['0.0.0.0', '::', '127.0.0.1', '::1', 'localhost'];

/** What clients must know of a server with this configuration; the ports come extra, because 0 stands for one that is chosen at start. */
export async function describeConnection(
  config: Config,
  ports: Pick<SheetFacts, 'explicitPort' | 'implicitPort' | 'passivePorts'>,
  host?: string,
) {
  const selfSigned = config.certificate === undefined;
  const files = certificateFiles(config);
  const certificate = await readCertificate(files);
  const names = namesOf(certificate.cert);
  // A certificate of somebody's own is made for the name that his partners use; one of ours for this machine.
  const local = everywhere.includes(config.host) ? ((selfSigned ? undefined : names.first) ?? 'localhost') : config.host;
  const named = host ?? local;
  return {
    host: named,
    hostIsNamed: names.include(named),
    explicitPort: ports.explicitPort,
    implicitPort: ports.implicitPort,
    passivePorts: ports.passivePorts,
    fingerprint: certificate.fingerprint,
    certificateFile: selfSigned ? path.resolve(files.certificate) : undefined,
    dataFolder: config.data === variables.CAUSEWAY_DATA.default ? undefined : path.resolve(config.data),
  };
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
    for (const step of undo.reverse()) await step();
    throw error;
  }
}

async function start(config: Config, hostName: string, log: Log, undo: (() => unknown)[]): Promise<RunningServer> {
  const clock = systemClock;
  const ids = randomIds;
  const metrics = new ProcessMetrics();
  const boot = bootId();
  const task = ids.token();
  undo.push(lockFolder(config.data, { pid: process.pid, started: startedOf(process.pid) ?? '', boot: boot ?? '', nonce: task }, startedOf));

  const environment = new Environment(indexFolder(config.data), ids.token());
  undo.push(() => environment.close());
  const users = new LmdbUserDirectory(environment);
  const hasher = new Argon2PasswordHasher();
  const ownModes = config.objectsPath === undefined;
  const { store, warnings } = await openDirectoryStore({
    base: config.objectsPath ?? config.data,
    modes: ownModes ? { file: 0o600, directory: 0o700 } : { file: 0o666, directory: 0o777 },
    clock,
    reserve: config.diskReserve,
    bootId: boot,
  });
  for (const text of warnings) log.warn('server.warning', { text });
  environment.maintain();

  const folders = new FolderTruth();
  const fs: Filesystem = {
    metadata: new LmdbMetadataStore(environment),
    objects: store,
    buffers: new BudgetedPartBuffers(config.bufferBudget, config.smallestPart),
    clock,
    ids,
    log,
    metrics,
    task,
    active: new ActiveUploads(),
    fleet: alone,
    folders,
    limits: {
      claimWait: config.times.claimWait,
      parkedFor: config.times.parkedFor,
      silentAfter: config.times.silentAfter,
      giveUpAfter: config.times.giveUpAfter,
    },
  };
  folders.attach(fs);
  await recover(fs);

  const files = certificateFiles(config);
  const address = everywhere.includes(config.host) || isIP(config.host) === 0 ? undefined : config.host;
  if (config.certificate === undefined) await ensureSelfSigned(files, hostName, address);
  const certificates = await FileCertificates.open(files, clock, log);
  undo.push(() => certificates.close());

  const passive = new PassivePorts({
    leases: new MemoryLeaseStore(clock),
    clock,
    ids,
    task,
    reservedFor: config.times.accept,
    mostPending: config.reservations,
  });
  undo.push(() => passive.close());
  const passivePorts = await passive.bind(config.host, config.passivePorts).catch((error: NodeJS.ErrnoException & { port?: number }) => {
    throw explainBind(error, config.host, `${error.port ?? 'passive'}`);
  });

  const lockOut = new LockOut(clock, config.lockoutFailures, config.times.lockout);
  const login = new Login({ users, hasher, lockOut, sessions: new SessionCounter(config.sessionsPerUser), clock, ids, metrics });
  const server = new FtpsServer({
    host: config.host,
    explicitPort: config.explicitPort,
    implicitPort: config.implicitPort,
    tls: { minVersion: config.tlsMin, maxVersion: config.tlsMax },
    certificates,
    dataSockets: passive,
    passiveAddress: (local) => config.pasvAddress ?? local,
    createSession: (control, data) =>
      new Session({
        control,
        data,
        openView: (user, client) => openPartnerView(fs, user, client),
        users,
        login,
        clock,
        ids,
        log,
        metrics,
        limits: {
          loginTimeout: config.times.login,
          idleTimeout: config.times.idle,
          longestSession: config.times.session,
          lineLength: config.lineLength,
          loginFailures: config.loginFailures,
          statusEntries: config.statusEntries,
        },
      }),
    clock,
    log,
    metrics,
    limits: {
      sessionsPerAddress: config.sessionsPerAddress,
      handshakeTimeout: config.times.handshake,
      acceptTimeout: config.times.accept,
      stallTimeout: config.times.stall,
      keepAlive: config.times.keepAlive,
      drainTimeout: config.times.drain,
    },
  });
  const ports = await server.start();
  const warning = warningOfAddress(config, ownAddresses());
  if (warning) log.warn('server.warning', { text: warning });

  const maintenance = new Maintenance(fs, {
    every: config.times.sweepEvery,
    homes: async () => {
      const homes: string[] = [];
      for await (const { user } of users.list()) homes.push(user.home);
      return homes;
    },
    upkeep: () => environment.maintain(),
  });
  maintenance.start();
  const metricsLog = new MetricsLog({ metrics, clock, log, sample: () => metrics.gauge('buffers.used', fs.buffers.used) });
  metricsLog.start();
  log.info('server.ready', { ...ports, task });

  return {
    partners: new Partners({ users, hasher, clock }),
    ...ports,
    passivePorts,
    reloadCertificate: () => certificates.reload(),
    drain: async () => {
      await server.drain();
      await maintenance.stop();
      metricsLog.stop();
      for (const step of undo.reverse()) await step();
    },
  };
}

function ownAddresses(): string[] {
  const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return own.filter(({ family, internal }) => family === 'IPv4' && !internal).map(({ address }) => address);
}
