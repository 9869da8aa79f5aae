import { defaultSwitches, type User, userNamePattern } from '../../model/user';
import type { StoredUser, UserDirectory } from '../../ports/user-directory';
import type { Environment } from './environment';
import { encodeKey, endOfTable } from './row-codec';

/** Partners beside the index, in the same environment: the command line writes them while the server reads. */
export class LmdbUserDirectory implements UserDirectory {
  constructor(private readonly environment: Environment) {}

  async find(name: string): Promise<StoredUser | undefined> {
    // Whatever a stranger sends for a name comes this way; what cannot be one is not asked for, and need not fit into a key.
    if (!userNamePattern.test(name)) return undefined;
    const row = this.environment.db.get(keyOf(name));
    return row && stored(row);
  }

  async *list(): AsyncGenerator<StoredUser> {
    const start = encodeKey('user', '', '').subarray(0, 1);
    for (const { value } of this.environment.db.getRange({ start, end: endOfTable('user') })) yield stored(value);
  }

  async put(user: User, expected: string | 'absent'): Promise<boolean> {
    return this.change(user.name, expected, (key) => {
      this.environment.db.putSync(key, { r: this.environment.nextRevision(), v: user });
    });
  }

  async remove(name: string, expected: string): Promise<boolean> {
    return this.change(name, expected, (key) => {
      this.environment.db.removeSync(key);
    });
  }

  private async change(name: string, expected: string, write: (key: Buffer) => void): Promise<boolean> {
    const { db } = this.environment;
    const key = keyOf(name);
    return this.environment.write(1, false, () =>
      db.childTransaction(() => {
        if ((db.get(key)?.r ?? 'absent') !== expected) return false;
        write(key);
        return true;
      }),
    );
  }
}

function keyOf(name: string): Buffer {
  return encodeKey('user', name, '');
}

/** Switches that a later version has added get their default. */
function stored(row: { r: string; v: unknown }): StoredUser {
  const user = row.v as User;
  return { user: { ...user, switches: { ...defaultSwitches, ...user.switches } }, revision: row.r };
}
