import type { ProcessMetrics } from './adapters/process-metrics';
import type { Config } from './config/config';
import type { Filesystem } from './filesystem/filesystem';
import { openPartnerView } from './filesystem/open-view';
import type { CertificateSource } from './ports/certificate-source';
import type { DataSockets } from './ports/data-sockets';
import type { LeaseStore } from './ports/lease-store';
import type { PasswordHasher } from './ports/password-hasher';
import type { UserDirectory } from './ports/user-directory';
import { FtpsServer } from './server/server';
import { LockOut } from './session/lock-out';
import { Login } from './session/login';
import { Seats } from './session/seats';
import { Session } from './session/session';
import { SessionBoard } from './session/session-board';

/** The part of the composition that joins sessions and sockets: the same for a server that listens itself and for a worker that is handed its connections. */
export interface ServerParts {
  readonly fs: Filesystem;
  readonly users: UserDirectory;
  readonly leases: LeaseStore;
  readonly hasher: PasswordHasher;
  readonly metrics: ProcessMetrics;
  readonly certificates: CertificateSource;
  readonly routing: { readonly dataSockets: DataSockets; readonly pasvAddress: string | undefined };
  readonly board: SessionBoard;
  readonly seats: Seats;
}

/** Behind a load balancer: how long before the end of the drain no new connection is taken any more. Milliseconds. */
const lastCall = 15_000;

export function openBoard({ task, clock, log }: Filesystem, leases: LeaseStore): SessionBoard {
  return new SessionBoard({ leases, task, clock, log });
}

export function openSeats({ task, fleet, log }: Filesystem, leases: LeaseStore): Seats {
  return new Seats({ leases, task, fleet, log });
}

/** It does not listen yet. */
export function openServer(config: Config, parts: ServerParts): FtpsServer {
  const { fs, users, leases, hasher, metrics, certificates, routing, board, seats } = parts;
  const { clock, ids, log } = fs;
  const { sessionsPerUser, sessionsPerAddress, times } = config;
  const lockOut = new LockOut(leases, config.lockoutFailures, times.lockout);
  const login = new Login({ users, hasher, lockOut, seats, sessionsPerUser, sessionsPerAddress, clock, ids, metrics });
  return new FtpsServer({
    host: config.host,
    explicitPort: config.explicitPort,
    implicitPort: config.implicitPort,
    tls: { minVersion: config.tlsMin, maxVersion: config.tlsMax },
    certificates,
    dataSockets: routing.dataSockets,
    passiveAddress: (local) => routing.pasvAddress ?? local,
    createSession: (control, data) => {
      const session = new Session({
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
          loginTimeout: times.login,
          idleTimeout: times.idle,
          longestSession: times.session,
          lineLength: config.lineLength,
          loginFailures: config.loginFailures,
          statusEntries: config.statusEntries,
          giveUpAfter: times.giveUpAfter,
          protectedDataOnly: config.fleet !== undefined,
        },
      });
      board.add(session);
      return session;
    },
    clock,
    log,
    metrics,
    limits: {
      sessionsPerAddress,
      handshakeTimeout: times.handshake,
      acceptTimeout: times.accept,
      stallTimeout: times.stall,
      keepAlive: times.keepAlive,
      drainTimeout: times.drain,
      lastCall: config.fleet && lastCall,
    },
  });
}
