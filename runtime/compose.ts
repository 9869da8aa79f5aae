import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import path from 'node:path';
import { Argon2PasswordHasher } from './adapters/argon2-password-hasher';
import { openDirectoryStore } from './adapters/directory/open-directory-store';
import { ensureSelfSigned, FileCertificates } from './adapters/file-certificates';
import { Environment } from './adapters/lmdb/environment';
import { lockFolder } from './adapters/lmdb/folder-lock';
import { LmdbMetadataStore } from './adapters/lmdb/lmdb-metadata-store';
import { LmdbUserDirectory } from './adapters/lmdb/lmdb-user-directory';
import { BudgetedPartBuffers } from './adapters/memory/budgeted-part-buffers';
import { MemoryLeaseStore } from './adapters/memory/memory-lease-store';
import { bootId, startedOf } from './adapters/process-identity';
import { ProcessMetrics } from './adapters/process-metrics';
import { randomIds } from './adapters/random-ids';
import { systemClock } from './adapters/system-clock';
import type { Config } from './config/config';
import { ActiveUploads } from './filesystem/active-uploads';
import type { Filesystem } from './filesystem/filesystem';
import { FolderTruth } from './filesystem/folder-truth';
import { Maintenance } from './filesystem/maintenance';
import { openPartnerView } from './filesystem/open-view';
import { recover } from './filesystem/sweeper';
import { Partners } from './operator/partners';
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
  close(): Promise<void>;
}

/** What the command line needs; beside a running server, in the same index. */
export function openOperator(data: string): OperatorTools {
  const environment = new Environment(indexFolder(data), randomIds.token());
  const users = new LmdbUserDirectory(environment);
  return { partners: new Partners({ users, hasher: new Argon2PasswordHasher(), clock: systemClock }), close: () => environment.close() };
}

export function certificateFiles(config: Pick<Config, 'data' | 'certificate' | 'key'>) {
  const own = { certificate: path.join(config.data, 'certificate.pem'), key: path.join(config.data, 'key.pem') };
  return config.certificate && config.key ? { certificate: config.certificate, key: config.key } : own;
}

export interface RunningServer {
  readonly partners: Partners;
  readonly explicitPort: number;
  readonly implicitPort: number;
  readonly passivePorts: readonly number[];
  readonly fingerprint: string;
  readonly selfSignedFile: string | undefined;
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
    buffers: new BudgetedPartBuffers(config.bufferBudget),
    clock,
    ids,
    log,
    metrics,
    task,
    active: new ActiveUploads(),
    folders,
    limits: {
      claimWait: config.times.claimWait,
      parkedFor: config.times.parkedFor,
      silentAfter: config.times.silentAfter,
      giveUpAfter: 300_000,
    },
  };
  folders.attach(fs);
  await recover(fs);

  const files = certificateFiles(config);
  const selfSigned = config.certificate === undefined;
  if (selfSigned) await ensureSelfSigned(files, hostName);
  const certificates = await FileCertificates.open(files, clock, log);
  undo.push(() => certificates.close());

  const passive = new PassivePorts({ leases: new MemoryLeaseStore(clock), clock, ids, task, reservedFor: config.times.accept });
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
        openView: (user) => openPartnerView(fs, user),
        users,
        login,
        clock,
        ids,
        log,
        metrics,
        limits: { loginTimeout: config.times.login, idleTimeout: config.times.idle, longestSession: config.times.session },
      }),
    clock,
    log,
    metrics,
    limits: {
      sessionsPerAddress: config.sessionsPerAddress,
      handshakeTimeout: config.times.handshake,
      acceptTimeout: config.times.accept,
      stallTimeout: config.times.stall,
      drainTimeout: config.times.drain,
    },
  });
  const ports = await server.start();
  warnOfPrivateAddress(config, log);

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
  log.info('server.ready', { ...ports, task });

  return {
    partners: new Partners({ users, hasher, clock }),
    ...ports,
    passivePorts,
    fingerprint: certificates.current().fingerprint,
    selfSignedFile: selfSigned ? path.resolve(files.certificate) : undefined,
    reloadCertificate: () => certificates.reload(),
    drain: async () => {
      await server.drain();
      await maintenance.stop();
      for (const step of undo.reverse()) await step();
    },
  };
}

/** A client outside that is told an address of the inside connects to nobody; most errors of new installations are this one. */
function warnOfPrivateAddress(config: Config, log: Log): void {
  const named = config.pasvAddress;
  if (named && isIP(named) === 4 && isPrivate(named)) {
    log.warn('server.warning', {
      text: `CAUSEWAY_PASV_ADDRESS ${named} is a private address: clients outside this network cannot reach it`,
    });
  }
  if (named || config.host === '127.0.0.1' || config.host === 'localhost') return;
  const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const addresses = own.filter(({ family, internal }) => family === 'IPv4' && !internal).map(({ address }) => address);
  if (addresses.length > 0 && addresses.every(isPrivate)) {
    log.warn('server.warning', {
      text: `PASV names a private address (${addresses.join(', ')}): if clients come from outside, through NAT, set CAUSEWAY_PASV_ADDRESS to the address they use`,
    });
  }
}

function isPrivate(address: string): boolean {
  const [a = 0, b = 0] = address.split('.').map(Number);
  return (
    a === 10 ||
    a === 127 ||
    (a === 172 && b >= 16 && b <= 31) ||
    (a === 192 && b === 168) ||
    (a === 169 && b === 254) ||
    (a === 100 && b >= 64 && b <= 127)
  );
}
