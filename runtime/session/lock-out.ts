import type { Clock } from '../ports/clock';

/**
 * Failed logins by user and address together: an attacker elsewhere cannot lock a partner out of his own address, and one address cannot go on guessing
 * (PCI DSS 8.3.4: at most ten attempts, thirty minutes).
 */
export class LockOut {
  private readonly failures = new Map<string, { count: number; last: number }>();

  constructor(
    private readonly clock: Clock,
    private readonly most: number,
    /** Milliseconds. */
    private readonly lockedFor: number,
    /** Pairs remembered; the one that failed longest ago is forgotten first. */
    private readonly remembered = 50_000,
  ) {}

  isLocked(user: string, address: string): boolean {
    const known = this.known(user, address);
    return known !== undefined && known.count >= this.most;
  }

  /** True when this failure locked the pair. */
  failed(user: string, address: string): boolean {
    const key = keyOf(user, address);
    const count = (this.known(user, address)?.count ?? 0) + 1;
    this.failures.delete(key);
    this.failures.set(key, { count, last: this.clock.monotonic() });
    if (this.failures.size > this.remembered) this.failures.delete(this.failures.keys().next().value as string);
    return count === this.most;
  }

  succeeded(user: string, address: string): void {
    this.failures.delete(keyOf(user, address));
  }

  private known(user: string, address: string): { count: number; last: number } | undefined {
    const known = this.failures.get(keyOf(user, address));
    if (known && this.clock.monotonic() - known.last >= this.lockedFor) {
      this.failures.delete(keyOf(user, address));
      return undefined;
    }
    return known;
  }
}

/** No partner's name is longer; a stranger's must not fill the memory. */
const longestName = 64;

function keyOf(user: string, address: string): string {
  return `${user.slice(0, longestName)}\u0000${address}`;
}

/** Sessions that are logged in, by partner. */
export class SessionCounter {
  private readonly byUser = new Map<string, number>();

  constructor(private readonly most: number) {}

  /** False: the partner has as many as he may. */
  enter(user: string, most = this.most): boolean {
    const count = this.byUser.get(user) ?? 0;
    if (count >= most) return false;
    this.byUser.set(user, count + 1);
    return true;
  }

  leave(user: string): void {
    const count = (this.byUser.get(user) ?? 1) - 1;
    if (count > 0) this.byUser.set(user, count);
    else this.byUser.delete(user);
  }
}
