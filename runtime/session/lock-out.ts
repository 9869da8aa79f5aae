import { InLine } from '../model/in-line';
import type { LeaseStore, LoginPair } from '../ports/lease-store';

/**
 * Failed logins by user and address together: an attacker elsewhere cannot lock a partner out of his own address, and one address cannot go on guessing
 * (PCI DSS 8.3.4: at most ten attempts, thirty minutes). Counted over all tasks of a fleet.
 */
export class LockOut {
  private readonly line: InLine;

  constructor(
    private readonly leases: Pick<LeaseStore, 'addFailure' | 'failures' | 'clearFailures'>,
    private readonly most: number,
    /** Milliseconds. */
    private readonly lockedFor: number,
  ) {
    this.line = new InLine(most);
  }

  /**
   * An attempt from its look to its count. Of a pair no more run at once than may fail: a hundred that all look before the first is counted would be a hundred
   * guesses.
   */
  attempt<T>(user: string, address: string, work: () => Promise<T>): Promise<T> {
    const pair = pairOf(user, address);
    return this.line.run(`${pair.address} ${pair.user}`, work);
  }

  /** How many attempts of this pair have failed, and whether it may not go on. */
  async look(user: string, address: string): Promise<{ readonly failures: number; readonly locked: boolean }> {
    const failures = await this.leases.failures(pairOf(user, address));
    return { failures, locked: failures >= this.most };
  }

  /** True when this failure locked the pair. */
  async failed(user: string, address: string): Promise<boolean> {
    return (await this.leases.addFailure(pairOf(user, address), this.lockedFor)) === this.most;
  }

  async succeeded(user: string, address: string): Promise<void> {
    await this.leases.clearFailures(pairOf(user, address));
  }
}

/** No partner's name is longer; a stranger's must not fill the store. */
const longestName = 64;

function pairOf(user: string, address: string): LoginPair {
  return { user: user.slice(0, longestName), address };
}
