import { compareNames } from '../../model/entry';
import type { User } from '../../model/user';
import type { StoredUser, UserDirectory } from '../../ports/user-directory';

export class MemoryUserDirectory implements UserDirectory {
  private readonly users = new Map<string, StoredUser>();
  private revisions = 0;

  async find(name: string): Promise<StoredUser | undefined> {
    return this.users.get(name);
  }

  async *list(): AsyncGenerator<StoredUser> {
    for (const name of [...this.users.keys()].sort(compareNames)) yield this.users.get(name) as StoredUser;
  }

  async put(user: User, expected: string | 'absent'): Promise<boolean> {
    if ((this.users.get(user.name)?.revision ?? 'absent') !== expected) return false;
    this.users.set(user.name, { user: structuredClone(user), revision: String(++this.revisions) });
    return true;
  }

  async remove(name: string, expected: string): Promise<boolean> {
    if (this.users.get(name)?.revision !== expected) return false;
    return this.users.delete(name);
  }
}
