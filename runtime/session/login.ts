// `BlockList` only compares numbers; no socket comes in with it.
import { BlockList, isIPv6 } from 'node:net';
import type { User } from '../model/user';
import type { Clock } from '../ports/clock';
import type { Ids } from '../ports/ids';
import type { Log } from '../ports/log';
import type { Metrics } from '../ports/metrics';
import type { PasswordHasher } from '../ports/password-hasher';
import type { UserDirectory } from '../ports/user-directory';
import type { LockOut } from './lock-out';
import type { Seats } from './seats';

/**
 * Name and password to a partner. Every way to fail looks the same from outside: the same reply, one hash computed, a delay; the log alone knows which it
 * was (RFC 2577 §5, §7).
 */
export interface LoginOptions {
  readonly users: UserDirectory;
  readonly hasher: PasswordHasher;
  readonly lockOut: LockOut;
  readonly seats: Seats;
  /** Sessions at once; a partner may have a number of his own. */
  readonly sessionsPerUser: number;
  readonly sessionsPerAddress: number;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly metrics: Metrics;
}

/** Who asks: the address of the control connection, and the session's id. */
export interface Caller {
  readonly address: string;
  readonly session: string;
}

const shortestDelay = 1_000;
const jitter = 2_000;

export class Login {
  constructor(private readonly options: LoginOptions) {}

  /** Undefined: refused, after the delay. `too-many`: right, but the partner, or his address, has no session left. */
  async check(name: string, password: string, { address, session }: Caller, log: Log): Promise<User | 'too-many' | undefined> {
    const { lockOut, clock, ids, metrics } = this.options;
    const user = await lockOut.attempt(name, address, () => this.prove(name, password, address, log));
    if (user) {
      if (!(await this.takeSeats(user, { address, session }))) return 'too-many';
      metrics.count('logins.ok');
      return user;
    }
    await clock.sleep(shortestDelay + ids.random(jitter));
    return undefined;
  }

  private async prove(name: string, password: string, address: string, log: Log): Promise<User | undefined> {
    const { users, hasher, lockOut, metrics } = this.options;
    const { failures, locked } = await lockOut.look(name, address);
    const user = (await users.find(name))?.user;
    const barred = locked ? 'locked' : whyBarred(user, address);
    const right = await hasher.verify(user && !barred ? user.passwordHashes : [], password);
    if (user && !barred && right) {
      if (failures > 0) await lockOut.succeeded(name, address);
      return user;
    }
    metrics.count('logins.failed');
    log.warn('login.failed', { partner: name.slice(0, 64), peer: address, text: barred ?? 'wrong password' });
    if (await lockOut.failed(name, address)) log.warn('login.locked', { partner: name.slice(0, 64), peer: address });
    return undefined;
  }

  private async takeSeats(user: User, { address, session }: Caller): Promise<boolean> {
    const { seats, sessionsPerUser, sessionsPerAddress } = this.options;
    const partner = { kind: 'partner', name: user.name, session } as const;
    if (!(await seats.take(partner, user.maxSessions ?? sessionsPerUser))) return false;
    let taken = false;
    try {
      taken = await seats.take({ kind: 'address', name: address, session }, sessionsPerAddress);
    } finally {
      if (!taken) seats.give(partner);
    }
    return taken;
  }

  leave(user: User, { address, session }: Caller): void {
    this.options.seats.give({ kind: 'partner', name: user.name, session });
    this.options.seats.give({ kind: 'address', name: address, session });
  }
}

/** Asked at the login, and again as long as the session lives: what the operator changes holds for those who are in, too. */
export function whyBarred(user: User | undefined, address: string): 'unknown user' | 'disabled' | 'address not allowed' | undefined {
  if (!user) return 'unknown user';
  if (!user.enabled) return 'disabled';
  return isAllowed(user, address) ? undefined : 'address not allowed';
}

/** @throws When a block is malformed: those are refused when they are set. */
function isAllowed(user: User, address: string): boolean {
  if (user.allowedAddresses.length === 0) return true;
  const list = new BlockList();
  for (const block of user.allowedAddresses) {
    const [network = '', bits] = block.split('/');
    const family = isIPv6(network) ? 'ipv6' : 'ipv4';
    list.addSubnet(network, bits === undefined ? (family === 'ipv6' ? 128 : 32) : Number(bits), family);
  }
  return list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}
