import type { User } from '../model/user';

/** Who may log in. Reads are cheap: a live session asks before each command, so a change holds within a second. */
export interface UserDirectory {
  /** By name, case-sensitive. */
  find(name: string): Promise<StoredUser | undefined>;
  /** In byte order of names. */
  list(): AsyncIterable<StoredUser>;
  /** False: the user has been changed or made by someone else meanwhile. `absent` makes a new one. */
  put(user: User, expected: string | 'absent'): Promise<boolean>;
  remove(name: string, expected: string): Promise<boolean>;
}

export interface StoredUser {
  readonly user: User;
  readonly revision: string;
}
