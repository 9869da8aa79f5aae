import { defaultSwitches, type User } from '../../runtime/model/user';
import type { StoredUser, UserDirectory } from '../../runtime/ports/user-directory';

export const userNamed = (name: string, changes: Partial<User> = {}): User => ({
  name,
  home: name,
  enabled: true,
  passwordHashes: ['$argon2id$one'],
  rights: ['list', 'read'],
  directories: { '/in': ['write'] },
  allowedAddresses: ['192.0.2.0/24'],
  switches: defaultSwitches,
  created: 1,
  ...changes,
});

async function all(users: UserDirectory): Promise<StoredUser[]> {
  const found: StoredUser[] = [];
  for await (const user of users.list()) found.push(user);
  return found;
}

export function describeUserDirectory(name: string, make: () => Promise<{ users: UserDirectory; end(): Promise<void> }>): void {
  describe(`${name} as a user directory`, () => {
    let users: UserDirectory;
    let end: () => Promise<void>;

    beforeEach(async () => {
      ({ users, end } = await make());
    });

    afterEach(() => end());

    it('gives back what was put, by exactly its name', async () => {
      expect(await users.put(userNamed('acme'), 'absent')).toBe(true);
      expect((await users.find('acme'))?.user).toEqual(userNamed('acme'));
      expect(await users.find('Acme')).toBeUndefined();
      expect(await users.find('acm')).toBeUndefined();
    });

    it('keeps everything that a partner can have', async () => {
      const everything = userNamed('acme', {
        passwordHashes: ['$argon2id$new', '$argon2id$old'],
        rights: [],
        directories: { '/in': ['write'], '/in/\u00e9 b': [], '/': ['list'] },
        allowedAddresses: ['192.0.2.0/24', '2001:db8::/32'],
        maxSessions: 3,
        maxFileBytes: 5 * 2 ** 40,
        switches: { ...defaultSwitches, temporaryDirectories: ['tmp', 'Tmp'], legacyCharset: 'windows-1252' },
      });
      await users.put(everything, 'absent');
      expect((await users.find('acme'))?.user).toEqual(everything);
      expect((await all(users)).map(({ user }) => user)).toEqual([everything]);
    });

    it('knows nobody by a name that none can have', async () => {
      for (const name of ['', ' ', '*', '../acme', '{"S":"acme"}', '\u0000', 'a'.repeat(500)])
        expect(await users.find(name)).toBeUndefined();
    });

    it('knows nobody by a name that fills a command line and is longer than a key may be', async () => {
      await users.put(userNamed('a'.repeat(64)), 'absent');
      expect((await users.find('a'.repeat(64)))?.user.name).toHaveLength(64);
      for (const length of [65, 1_970, 1_980, 5_000, 16_000]) expect(await users.find('a'.repeat(length))).toBeUndefined();
    });

    it('makes a user once, also when eight try', async () => {
      const made = await Promise.all(Array.from({ length: 8 }, () => users.put(userNamed('acme'), 'absent')));
      expect(made.filter(Boolean)).toHaveLength(1);
    });

    it('changes and removes only what the writer has seen', async () => {
      await users.put(userNamed('acme'), 'absent');
      const first = (await users.find('acme')) as StoredUser;
      expect(await users.put(userNamed('acme', { enabled: false }), first.revision)).toBe(true);
      expect(await users.put(userNamed('acme', { enabled: true }), first.revision)).toBe(false);
      expect(await users.remove('acme', first.revision)).toBe(false);
      const second = (await users.find('acme')) as StoredUser;
      expect(second.user.enabled).toBe(false);
      expect(second.revision).not.toBe(first.revision);
      expect(await users.remove('acme', second.revision)).toBe(true);
      expect(await users.find('acme')).toBeUndefined();
      expect(await users.remove('acme', second.revision)).toBe(false);
      expect(await users.put(userNamed('acme'), second.revision)).toBe(false);
    });

    it('does not repeat a revision for a user who is made again', async () => {
      const seen = new Set<string>();
      for (let turn = 0; turn < 3; turn++) {
        await users.put(userNamed('acme'), 'absent');
        const { revision } = (await users.find('acme')) as StoredUser;
        seen.add(revision);
        await users.remove('acme', revision);
      }
      expect(seen.size).toBe(3);
    });

    it('lists everybody in byte order', async () => {
      for (const partner of ['beta', 'Zeta', 'alpha', 'a1', 'a-b']) await users.put(userNamed(partner), 'absent');
      expect((await all(users)).map(({ user }) => user.name)).toEqual(['Zeta', 'a-b', 'a1', 'alpha', 'beta']);
    });

    it('lists more than a hundred, each once', async () => {
      for (let partner = 0; partner < 130; partner++) await users.put(userNamed(`p${partner}`), 'absent');
      const names = (await all(users)).map(({ user }) => user.name);
      expect(names).toHaveLength(130);
      expect(new Set(names).size).toBe(130);
    });

    it('may be changed while somebody lists it', async () => {
      for (const partner of ['a', 'b', 'c']) await users.put(userNamed(partner), 'absent');
      const seen: string[] = [];
      for await (const { user } of users.list()) {
        seen.push(user.name);
        await users.put(userNamed(`z-${user.name}`), 'absent');
        if (seen.length === 3) break;
      }
      expect(seen).toEqual(['a', 'b', 'c']);
      expect(await all(users)).toHaveLength(6);
    });
  });
}
