// `BlockList` only compares numbers; no socket comes in with it.
import { BlockList, isIPv6 } from 'node:net';
import type { User } from '../model/user';
import type { Clock } from '../ports/clock';
import type { Ids } from '../ports/ids';
import type { Log } from '../ports/log';
import type { Metrics } from '../ports/metrics';
import type { PasswordHasher } from '../ports/password-hasher';
import type { UserDirectory } from '../ports/user-directory';
import type { LockOut, SessionCounter } from './lock-out';

/**
 * Name and password to a partner. Every way to fail looks the same from outside: the same reply, one hash computed, a delay; the log alone knows which it
 * was (RFC 2577 §5, §7).
 */
export interface LoginOptions {
  readonly users: UserDirectory;
  readonly hasher: PasswordHasher;
  readonly lockOut: LockOut;
  readonly sessions: SessionCounter;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly metrics: Metrics;
}

const shortestDelay = 1_000;
const jitter = 2_000;

export class Login {
  constructor(private readonly options: LoginOptions) {}

  /** Undefined: refused, after the delay. `too-many`: right, but the partner has no session left. */
  async check(name: string, password: string, address: string, log: Log): Promise<User | 'too-many' | undefined> {
    const { users, hasher, lockOut, sessions, clock, ids, metrics } = this.options;
    const locked = lockOut.isLocked(name, address);
    const user = (await users.find(name))?.user;
    const usable = user?.enabled && !locked && isAllowed(user, address);
    const right = await hasher.verify(usable ? user.passwordHashes : [], password);
    if (user && usable && right) {
      lockOut.succeeded(name, address);
      if (!sessions.enter(user.name, user.maxSessions)) return 'too-many';
      metrics.count('logins.ok');
      return user;
    }
    const why = locked
      ? 'locked'
      : !user
        ? 'unknown user'
        : !user.enabled
          ? 'disabled'
          : !usable
            ? 'address not allowed'
            : 'wrong password';
    metrics.count('logins.failed');
    log.warn('login.failed', { partner: name.slice(0, 64), peer: address, text: why });
    if (lockOut.failed(name, address)) log.warn('login.locked', { partner: name.slice(0, 64), peer: address });
    await clock.sleep(shortestDelay + ids.random(jitter));
    return undefined;
  }

  leave(user: User): void {
    this.options.sessions.leave(user.name);
  }
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
