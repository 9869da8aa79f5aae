import { hash, verify } from '@node-rs/argon2';
import { InLine } from '../model/in-line';
import type { PasswordHasher } from '../ports/password-hasher';

/** argon2id with the parameters that OWASP recommends (19 MiB, two passes): some 12 ms a hash. A flood of logins waits in a queue, not in memory. */
const parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
const atOnce = 2;

const argon2 = {
  hash: (password: string) => hash(password, parameters),
  verify: (stored: string, password: string) => verify(stored, password),
};

export class Argon2PasswordHasher implements PasswordHasher {
  private readonly line = new InLine(atOnce);
  private dummy: Promise<string> | undefined;

  constructor(private readonly engine = argon2) {}

  async hash(password: string): Promise<string> {
    return this.line.run('hash', () => this.engine.hash(password));
  }

  async verify(hashes: readonly string[], password: string): Promise<boolean> {
    return this.line.run('hash', async () => {
      this.dummy ??= this.engine.hash('not a password of anybody');
      const dummy = await this.dummy;
      // Nobody's hash costs as much as a wrong one, and two valid passwords as much as one and the dummy.
      const [first = dummy, second = dummy] = hashes;
      const one = await this.engine.verify(first, password);
      const two = await this.engine.verify(second, password);
      return (hashes.length > 0 && one) || (hashes.length > 1 && two);
    });
  }
}
