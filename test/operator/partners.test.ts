import { MemoryUserDirectory } from '../../runtime/adapters/memory/memory-user-directory';
import type { User } from '../../runtime/model/user';
import { type PartnerChanges, Partners } from '../../runtime/operator/partners';
import type { PasswordHasher } from '../../runtime/ports/password-hasher';
import type { UserDirectory } from '../../runtime/ports/user-directory';
import { FakeClock } from '../support/fake-clock';

/** Hashes that can be read. */
const hasher: PasswordHasher = {
  hash: async (password) => `hash of ${password}`,
  verify: async (hashes, password) => hashes.includes(`hash of ${password}`),
};

let users: MemoryUserDirectory;
let clock: FakeClock;
let partners: Partners;

beforeEach(() => {
  users = new MemoryUserDirectory();
  clock = new FakeClock();
  partners = new Partners({ users, hasher, clock });
});

const stored = async (name: string): Promise<User> => (await users.find(name))?.user as User;

it('a new partner has a home of his name, every right, and the password', async () => {
  const made = await partners.add('acme', 'secret');
  expect(made).toEqual(await stored('acme'));
  expect(made).toMatchObject({ name: 'acme', home: 'acme', enabled: true, passwordHashes: ['hash of secret'], created: clock.now() });
  expect(made.rights).toHaveLength(7);
});

it('a name is given once', async () => {
  await partners.add('acme', 'secret');
  await expect(partners.add('acme', 'other')).rejects.toThrow('exists already');
  expect((await stored('acme')).passwordHashes).toEqual(['hash of secret']);
});

it.each(['', '../etc', 'a/b', '.hidden', 'a b', 'x'.repeat(65)])('%j is refused as a name', async (name) => {
  await expect(partners.add(name, 'secret')).rejects.toMatchObject({ kind: 'usage' });
});

it.each([
  ['', 'is empty'],
  ['a\nb', 'line end'],
  ['a\0b', 'NUL'],
  ['ä'.repeat(513), 'longer than 1024 bytes'],
])('the password %j is refused', async (password, why) => {
  await expect(partners.add('acme', password)).rejects.toThrow(why);
  expect(await users.find('acme')).toBeUndefined();
});

it('a password of 1,024 bytes is taken as it is, with its spaces', async () => {
  const password = ` ${'x'.repeat(1022)} `;
  await partners.add('acme', password);
  expect((await stored('acme')).passwordHashes).toEqual([`hash of ${password}`]);
});

describe('homes', () => {
  beforeEach(() => partners.add('acme', 'secret', { home: 'partners/acme' }));

  it.each(['partners/acme', 'partners', 'partners/acme/in', 'Partners/ACME', 'PARTNERS'])(
    '%j is the home of another, inside it, or around it',
    async (home) => {
      await expect(partners.add('other', 'secret', { home })).rejects.toThrow('of partner acme');
      await partners.add('third', 'secret');
      await expect(partners.set('third', { home })).rejects.toThrow('of partner acme');
      expect((await stored('third')).home).toBe('third');
    },
  );

  it('composed and decomposed letters are one home, as some disks take them', async () => {
    await partners.add('one', 'secret', { home: 'caf\u00E9' });
    await expect(partners.add('two', 'secret', { home: 'cafe\u0301' })).rejects.toThrow('of partner one');
  });

  it.each(['partners/acme2', 'partner', 'acme'])('%j is free', async (home) => {
    expect((await partners.add('other', 'secret', { home })).home).toBe(home);
  });

  it.each(['', '/', '/acme', 'a/', 'a//b', '.', '..', 'a/../b', 'a/./b', '.temporary', 'a\\b', 'a\nb'])(
    '%j cannot be a home',
    async (home) => {
      await expect(partners.add('other', 'secret', { home })).rejects.toMatchObject({ kind: 'usage' });
    },
  );

  it('a partner keeps his own home when he is changed', async () => {
    await expect(partners.set('acme', { home: 'partners/acme' })).resolves.toBeDefined();
  });
});

describe('changing a partner', () => {
  beforeEach(() => partners.add('acme', 'secret'));

  it.each<[string, PartnerChanges, Partial<User>]>([
    ['his rights', { rights: ['list'] }, { rights: ['list'] }],
    ['the rights of a directory', { directories: { '/out/': ['read'] } }, { directories: { '/out': ['read'] } }],
    ['his addresses', { allowedAddresses: ['192.0.2.1', '2001:db8::/32'] }, { allowedAddresses: ['192.0.2.1', '2001:db8::/32'] }],
    ['his sessions', { maxSessions: 3 }, { maxSessions: 3 }],
    ['his largest file', { maxFileBytes: 5 }, { maxFileBytes: 5 }],
    ['whether he may log in', { enabled: false }, { enabled: false }],
  ])('changes %s and nothing else', async (_what, changes, expected) => {
    const before = await stored('acme');
    expect(await partners.set('acme', changes)).toEqual({ ...before, ...expected });
    expect(await stored('acme')).toEqual({ ...before, ...expected });
  });

  it('changes one switch and leaves the others', async () => {
    const { switches } = await stored('acme');
    expect((await partners.set('acme', { switches: { endOfData: 'warn' } })).switches).toEqual({ ...switches, endOfData: 'warn' });
  });

  it('limits, and rights of a directory, are lifted again', async () => {
    await partners.set('acme', { maxSessions: 3, maxFileBytes: 5, directories: { '/a': ['read'], '/b': [] } });
    const lifted = await partners.set('acme', { maxSessions: undefined, maxFileBytes: undefined, directories: { a: undefined } });
    expect(lifted).toMatchObject({ maxSessions: undefined, maxFileBytes: undefined, directories: { '/b': [] } });
  });

  it.each(['192.0.2.0/33', '192.0.2', 'acme.example', '192.0.2.0/24/8', '192.0.2.0/', '2001:db8::/129'])(
    '%j is no address block',
    async (block) => {
      await expect(partners.set('acme', { allowedAddresses: [block] })).rejects.toMatchObject({ kind: 'usage' });
    },
  );

  it('a directory with a backslash is refused, for none can be reached', async () => {
    await expect(partners.set('acme', { directories: { '/a\\b': ['read'] } })).rejects.toMatchObject({ kind: 'usage' });
  });

  it('a new password replaces the old one', async () => {
    await partners.password('acme', 'second');
    expect((await stored('acme')).passwordHashes).toEqual(['hash of second']);
  });

  it('while a password is rotated two are valid, and never three', async () => {
    await partners.password('acme', 'second', true);
    expect((await stored('acme')).passwordHashes).toEqual(['hash of second', 'hash of secret']);
    await partners.password('acme', 'third', true);
    expect((await stored('acme')).passwordHashes).toEqual(['hash of third', 'hash of second']);
    await partners.password('acme', 'fourth');
    expect((await stored('acme')).passwordHashes).toEqual(['hash of fourth']);
  });

  it('is removed once', async () => {
    await partners.remove('acme');
    expect(await partners.list()).toEqual([]);
    await expect(partners.remove('acme')).rejects.toThrow('there is no partner acme');
  });
});

it('all are listed in the order of their names', async () => {
  for (const name of ['b', 'c', 'a']) await partners.add(name, 'secret');
  expect((await partners.list()).map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  expect((await partners.show('b')).name).toBe('b');
});

it.each<[string, (name: string) => Promise<unknown>]>([
  ['set', (name) => partners.set(name, {})],
  ['password', (name) => partners.password(name, 'secret')],
  ['show', (name) => partners.show(name)],
  ['remove', (name) => partners.remove(name)],
])('%s of nobody says so', async (_verb, work) => {
  await expect(work('nobody')).rejects.toThrow('there is no partner nobody');
});

describe('beside another operator', () => {
  /** Somebody changes the partner before each of the first `times` writes. */
  function contested(times: number): UserDirectory {
    let left = times;
    return {
      find: (name) => users.find(name),
      list: () => users.list(),
      remove: async () => false,
      put: async (user, expected) => {
        if (left-- > 0) {
          const now = await users.find(user.name);
          if (now) await users.put({ ...now.user, maxSessions: (now.user.maxSessions ?? 0) + 1 }, now.revision);
        }
        return users.put(user, expected);
      },
    };
  }

  beforeEach(() => partners.add('acme', 'secret'));

  it('a change is made on what the other left', async () => {
    const mine = new Partners({ users: contested(9), hasher, clock });
    expect(await mine.set('acme', { maxFileBytes: 7 })).toMatchObject({ maxFileBytes: 7, maxSessions: 9 });
  });

  it('ten lost races are enough', async () => {
    const mine = new Partners({ users: contested(10), hasher, clock });
    await expect(mine.set('acme', { maxFileBytes: 7 })).rejects.toThrow('try again');
    expect((await stored('acme')).maxFileBytes).toBeUndefined();
  });

  it('whoever was changed meanwhile is not removed', async () => {
    await expect(new Partners({ users: contested(0), hasher, clock }).remove('acme')).rejects.toThrow('try again');
  });

  it('of two who add the same name one wins', async () => {
    const results = await Promise.allSettled([partners.add('beta', 'one'), partners.add('beta', 'two')]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });
});
