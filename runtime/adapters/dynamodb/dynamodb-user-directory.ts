import { defaultSwitches, type User, userNamePattern } from '../../model/user';
import type { StoredUser, UserDirectory } from '../../ports/user-directory';
import type { Dynamo, Item, ItemKey } from './dynamo';
import { partnersPartition } from './keys';
import { getItem, queryItems } from './read-items';
import { absent, writeItems } from './write-items';

/**
 * Partners, in one partition. A live session asks for its partner before each command, so what was read is kept for a while: a change made elsewhere holds
 * within that time, one made here at once. Nobody is remembered as unknown: a partner who was refused and is then added may come in at once.
 */
export const defaultCacheTime = 30_000;
const mostCached = 1_000;
const pageSize = 100;

interface Cached {
  /** Monotonic, when it was asked. */
  readonly since: number;
  readonly read: Promise<StoredUser | undefined>;
}

export class DynamoUserDirectory implements UserDirectory {
  private readonly cache = new Map<string, Cached>();

  /** @param options `cacheFor` in milliseconds; 0 for a command line, which must see what it has just been told. */
  constructor(
    private readonly dynamo: Dynamo,
    private readonly options: { readonly cacheFor: number } = { cacheFor: defaultCacheTime },
  ) {}

  find(name: string): Promise<StoredUser | undefined> {
    // Whatever a stranger sends for a name comes this way; what cannot be one is not asked for, and need not be a key.
    if (!userNamePattern.test(name)) return Promise.resolve(undefined);
    const { cacheFor } = this.options;
    const now = this.dynamo.clock.monotonic();
    const cached = this.cache.get(name);
    if (cached && now - cached.since < cacheFor) return cached.read;
    const read = this.read(name);
    if (cacheFor > 0) this.keep(name, { since: now, read });
    return read;
  }

  private async read(name: string): Promise<StoredUser | undefined> {
    const item = await getItem(this.dynamo, keyOf(name));
    return item && stored(item);
  }

  /** Those who ask while it is being read wait for the same answer. */
  private keep(name: string, cached: Cached): void {
    const drop = () => {
      if (this.cache.get(name) === cached) this.cache.delete(name);
    };
    this.cache.delete(name);
    this.cache.set(name, cached);
    if (this.cache.size > mostCached) this.cache.delete(this.cache.keys().next().value as string);
    // A failure goes to whoever asked; here it only means that there is nothing to keep.
    cached.read.then((user) => user ?? drop(), drop);
  }

  async *list(): AsyncGenerator<StoredUser> {
    // Names are letters, digits and three marks, all of them in this range.
    for (let from = '-'; ; ) {
      const items = await queryItems(this.dynamo, partnersPartition, { from, to: 'z~', limit: pageSize });
      for (const item of items) yield stored(item);
      if (items.length < pageSize) return;
      from = `${items.at(-1)?.sk}\u0000`;
    }
  }

  async put(user: User, expected: string | 'absent'): Promise<boolean> {
    const revision = this.dynamo.nextRevision();
    const item: Item = { ...keyOf(user.name), rev: revision, value: JSON.stringify(user) };
    return this.changing(user.name, () => writeItems(this.dynamo, [{ kind: 'put', item, expected }], revision));
  }

  async remove(name: string, expected: string): Promise<boolean> {
    // There is no row to take away, and a removal of nothing would be granted.
    if (expected === absent) return false;
    const write = { kind: 'remove', item: keyOf(name), expected } as const;
    return this.changing(name, () => writeItems(this.dynamo, [write], this.dynamo.nextRevision()));
  }

  /** Forgotten before and after: what was read meanwhile may be of either state. */
  private async changing(name: string, change: () => Promise<boolean>): Promise<boolean> {
    this.cache.delete(name);
    try {
      return await change();
    } finally {
      this.cache.delete(name);
    }
  }
}

function keyOf(name: string): ItemKey {
  return { pk: partnersPartition, sk: name };
}

/** Switches that a later version has added get their default. */
function stored(item: Item): StoredUser {
  const user = JSON.parse(item.value) as User;
  return { user: { ...user, switches: { ...defaultSwitches, ...user.switches } }, revision: item.rev };
}
