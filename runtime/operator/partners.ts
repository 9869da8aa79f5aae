// `BlockList` and `isIP` only check numbers; no socket comes in with them.
import { BlockList, isIP } from 'node:net';
import { allRights, defaultSwitches, type Right, type User, type UserSwitches, userNamePattern } from '../model/user';
import { resolvePath, rootPath } from '../model/virtual-path';
import type { Clock } from '../ports/clock';
import type { PasswordHasher } from '../ports/password-hasher';
import type { StoredUser, UserDirectory } from '../ports/user-directory';
import { OperatorError } from './operator-error';

/** What an operator does with partners. Works beside a running server: each change is one conditional write, and holds for a session's next command. */
export interface PartnersOptions {
  readonly users: UserDirectory;
  readonly hasher: PasswordHasher;
  readonly clock: Clock;
}

/** A key that is not there changes nothing; an `undefined` limit, or right of a directory, is lifted. */
export interface PartnerChanges {
  readonly home?: string;
  readonly rights?: readonly Right[];
  readonly directories?: Readonly<Record<string, readonly Right[] | undefined>>;
  readonly allowedAddresses?: readonly string[];
  readonly maxSessions?: number | undefined;
  readonly maxFileBytes?: number | undefined;
  readonly switches?: Partial<UserSwitches>;
  readonly enabled?: boolean;
}

/** Of a conditional write that others get in the way of. */
const mostAttempts = 10;

export class Partners {
  constructor(private readonly options: PartnersOptions) {}

  async add(name: string, password: string, changes: PartnerChanges = {}): Promise<User> {
    if (!userNamePattern.test(name)) {
      throw new OperatorError(
        `"${name}" cannot be a partner's name: letters, digits, dot, dash and underscore, at most 64, beginning with a letter or digit`,
        'usage',
      );
    }
    const { hasher, clock, users } = this.options;
    // Asked again by `put`; here it saves the wrong complaint that his own home is taken.
    if (await users.find(name)) throw alreadyThere(name);
    const blank: User = {
      name,
      home: name,
      enabled: true,
      passwordHashes: [await hasher.hash(requirePassword(password))],
      rights: allRights,
      directories: {},
      allowedAddresses: [],
      switches: defaultSwitches,
      created: clock.now(),
    };
    const user = await this.checked(apply(blank, changes));
    if (!(await users.put(user, 'absent'))) throw alreadyThere(name);
    await this.keepHome(user, (stored) => users.remove(name, stored.revision));
    return user;
  }

  async set(name: string, changes: PartnerChanges): Promise<User> {
    let before = '';
    const user = await this.change(name, (current) => {
      before = current.home;
      return this.checked(apply(current, changes));
    });
    const { users } = this.options;
    if (user.home !== before) await this.keepHome(user, (stored) => users.put({ ...stored.user, home: before }, stored.revision));
    return user;
  }

  /** A new password. The one before stays valid beside it when asked to, until the next change. */
  async password(name: string, password: string, keepOld = false): Promise<User> {
    const hash = await this.options.hasher.hash(requirePassword(password));
    return this.change(name, async (user) => ({ ...user, passwordHashes: [hash, ...(keepOld ? user.passwordHashes.slice(0, 1) : [])] }));
  }

  async show(name: string): Promise<User> {
    return (await this.existing(name)).user;
  }

  async list(): Promise<User[]> {
    const users: User[] = [];
    for await (const { user } of this.options.users.list()) users.push(user);
    return users;
  }

  /** The partner's files stay where they are. */
  async remove(name: string): Promise<void> {
    const { revision } = await this.existing(name);
    if (!(await this.options.users.remove(name, revision)))
      throw new OperatorError(`partner ${name} is being changed by someone else: try again`);
  }

  private async existing(name: string): Promise<StoredUser> {
    const stored = await this.options.users.find(name);
    if (!stored) throw new OperatorError(`there is no partner ${name}: "causeway partner list" names them`);
    return stored;
  }

  private async change(name: string, change: (user: User) => Promise<User>): Promise<User> {
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      const { user, revision } = await this.existing(name);
      const next = await change(user);
      if (await this.options.users.put(next, revision)) return next;
    }
    throw new OperatorError(`partner ${name} is being changed by someone else: try again`);
  }

  private async checked(user: User): Promise<User> {
    checkHome(user.home);
    const other = await this.neighbour(user);
    if (other) throw overlapping(user, other);
    for (const block of user.allowedAddresses) checkBlock(block);
    return user;
  }

  /** Another partner whose home is the same, or one inside the other. */
  private async neighbour(user: User): Promise<User | undefined> {
    for await (const { user: other } of this.options.users.list())
      if (other.name !== user.name && overlap(user.home, other.home)) return other;
    return undefined;
  }

  /**
   * Asked again when it is written: two operators at once may both have found the place free, and the writes are conditional on one name each. Whoever
   * writes last sees the other one and takes his own back; both may, but never does neither.
   */
  private async keepHome(user: User, takeBack: (stored: StoredUser) => Promise<boolean>): Promise<void> {
    const other = await this.neighbour(user);
    if (!other) return;
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      const stored = await this.options.users.find(user.name);
      // Changed or removed by somebody else meanwhile: there is nothing of ours to take back.
      if (stored?.user.home !== user.home || (await takeBack(stored))) throw overlapping(user, other);
    }
    throw new OperatorError(
      `partner ${user.name} and partner ${other.name} were given overlapping homes at the same time, and ${user.name} is being changed by someone else: give one of them another home`,
    );
  }
}

function overlapping(user: User, other: User): OperatorError {
  return new OperatorError(
    `home "${user.home}" and the home "${other.home}" of partner ${other.name} are the same, or one inside the other`,
  );
}

function alreadyThere(name: string): OperatorError {
  return new OperatorError(`partner ${name} exists already: change it with "causeway partner set ${name}"`);
}

/** Compared without case and composition: some disks take `Acme` and `acme` for one folder, and two partners would see each other's files. */
function overlap(left: string, right: string): boolean {
  const [one, other] = [left, right].map((home) => `${home.normalize('NFC').toLowerCase()}/`) as [string, string];
  return one.startsWith(other) || other.startsWith(one);
}

function apply(user: User, changes: PartnerChanges): User {
  const { directories, switches, ...plain } = changes;
  const own: Record<string, readonly Right[]> = { ...user.directories };
  for (const [directory, rights] of Object.entries(directories ?? {})) {
    const path = resolvePath(rootPath, directory);
    if (typeof path !== 'string') throw new OperatorError(`"${directory}" cannot be a directory's path`, 'usage');
    if (rights === undefined) delete own[path];
    else own[path] = rights;
  }
  return { ...user, ...plain, directories: own, switches: { ...user.switches, ...switches } };
}

/** What fits into a command line of 4,096 bytes with room to spare. */
const longestPassword = 1_024;

function requirePassword(password: string): string {
  if (password === '') throw new OperatorError('the password is empty', 'usage');
  if (/[\r\n\0]/.test(password)) throw new OperatorError('the password holds a line end or NUL, which no client can send', 'usage');
  if (Buffer.byteLength(password) > longestPassword)
    throw new OperatorError(`the password is longer than ${longestPassword} bytes`, 'usage');
  return password;
}

function checkHome(home: string): void {
  const resolved = resolvePath(rootPath, home);
  if (home === '' || home.startsWith('/') || home.startsWith('.') || resolved !== `/${home}`) {
    throw new OperatorError(`"${home}" cannot be a home: a relative path such as acme or partners/acme`, 'usage');
  }
}

function checkBlock(block: string): void {
  const [network = '', bits, ...more] = block.split('/');
  try {
    if (isIP(network) === 0 || more.length > 0 || (bits !== undefined && !/^\d{1,3}$/.test(bits))) throw new Error('no address');
    new BlockList().addSubnet(
      network,
      bits === undefined ? (isIP(network) === 6 ? 128 : 32) : Number(bits),
      isIP(network) === 6 ? 'ipv6' : 'ipv4',
    );
  } catch (cause) {
    throw new OperatorError(`"${block}" is no address block: write it as 203.0.113.0/24 or 2001:db8::/32`, 'usage', { cause });
  }
}
