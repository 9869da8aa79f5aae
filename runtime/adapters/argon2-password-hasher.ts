import { hash, verify } from '@node-rs/argon2';
import { Failure } from '../model/failure';
import type { PasswordHasher } from '../ports/password-hasher';

/** argon2id with the parameters that OWASP recommends (19 MiB, two passes): some 12 ms a hash. A flood of logins waits in a queue, not in memory. */
const parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
const atOnce = 2;
const mostWaiting = 1_000;

const argon2 = {
  hash: (password: string) => hash(password, parameters),
  verify: (stored: string, password: string) => verify(stored, password),
};

export class Argon2PasswordHasher implements PasswordHasher {
  private running = 0;
  private readonly waiting: (() => void)[] = [];
  private dummy: Promise<string> | undefined;

  constructor(private readonly engine = argon2) {}

  async hash(password: string): Promise<string> {
    return this.inTurn(() => this.engine.hash(password));
  }

  async verify(hashes: readonly string[], password: string): Promise<boolean> {
    return this.inTurn(async () => {
      this.dummy ??= this.engine.hash('not a password of anybody');
      const dummy = await this.dummy;
      // Nobody's hash costs as much as a wrong one, and two valid passwords as much as one and the dummy.
      const [first = dummy, second = dummy] = hashes;
      const one = await this.engine.verify(first, password);
      const two = await this.engine.verify(second, password);
      return (hashes.length > 0 && one) || (hashes.length > 1 && two);
    });
  }

  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.running < atOnce) this.running++;
    else {
      if (this.waiting.length >= mostWaiting) throw new Failure('busy', 'Too many logins at once; try again in a moment.');
      await new Promise<void>((resolve) => {
        this.waiting.push(resolve);
      });
    }
    try {
      return await work();
    } finally {
      // The turn goes straight to who waits longest; freed first, it could be taken by a newcomer, and then three would run.
      const next = this.waiting.shift();
      if (next) next();
      else this.running--;
    }
  }
}
