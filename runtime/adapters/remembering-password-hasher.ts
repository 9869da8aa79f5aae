import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../ports/clock';
import type { PasswordHasher } from '../ports/password-hasher';

/**
 * Remembers for a while which passwords were right: a camera that logs in for each of its pictures would cost two hashes every time, most of what a small file costs.
 * Kept is a digest under a key that this process has drawn and never writes down, beside the hashes that it was right for: a password that is changed is forgotten
 * with them. What is wrong, or was not right lately, takes as long as ever, so the clock tells nothing that the answer does not.
 */
export class RememberingPasswordHasher implements PasswordHasher {
  private readonly key = randomBytes(32);
  /** By hashes, the oldest first. */
  private readonly right = new Map<string, { readonly digest: Buffer; readonly until: number }>();

  /** @param remembered milliseconds after which a password is checked again; 0: at once. */
  constructor(
    private readonly hasher: PasswordHasher,
    private readonly clock: Pick<Clock, 'monotonic'>,
    private readonly remembered: number,
  ) {}

  hash(password: string): Promise<string> {
    return this.hasher.hash(password);
  }

  async verify(hashes: readonly string[], password: string): Promise<boolean> {
    const digest = createHmac('sha256', this.key).update(password).digest();
    const whose = hashes.join(' ');
    this.forget();
    const known = this.right.get(whose);
    if (known && timingSafeEqual(known.digest, digest)) return true;
    if (!(await this.hasher.verify(hashes, password))) return false;
    this.right.delete(whose);
    this.right.set(whose, { digest, until: this.clock.monotonic() + this.remembered });
    this.forget();
    return true;
  }

  /** Whose time is over, and who is too many. */
  private forget(): void {
    const now = this.clock.monotonic();
    for (const [whose, { until }] of this.right) {
      if (now < until && this.right.size <= mostRemembered) return;
      this.right.delete(whose);
    }
  }
}

export const mostRemembered = 10_000;
