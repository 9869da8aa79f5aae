import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Environment } from '../../runtime/adapters/lmdb/environment';
import { LmdbUserDirectory } from '../../runtime/adapters/lmdb/lmdb-user-directory';
import { MemoryUserDirectory } from '../../runtime/adapters/memory/memory-user-directory';
import { Partners } from '../../runtime/operator/partners';
import type { PasswordHasher } from '../../runtime/ports/password-hasher';
import type { UserDirectory } from '../../runtime/ports/user-directory';
import { FakeClock } from '../support/fake-clock';

/** Two operators at the same moment: whatever the order of their reads and writes, no two partners get overlapping homes. */
const hasher: PasswordHasher = { hash: async (password) => password, verify: async () => false };
const operator = (users: UserDirectory) => new Partners({ users, hasher, clock: new FakeClock() });

/** Holds every write until `count` of them have come, so that all of them were decided on the same sight. */
function together(users: UserDirectory, count: number): UserDirectory {
  let open: () => void = () => undefined;
  const all = new Promise<void>((resolve) => {
    open = resolve;
  });
  let waiting = 0;
  return {
    find: (name) => users.find(name),
    list: () => users.list(),
    remove: (name, expected) => users.remove(name, expected),
    put: async (user, expected) => {
      if (++waiting >= count) open();
      await all;
      return users.put(user, expected);
    },
  };
}

async function homesOf(users: UserDirectory): Promise<string[]> {
  const homes: string[] = [];
  for await (const { user } of users.list()) homes.push(`${user.name}: ${user.home}`);
  return homes;
}

it.each([
  ['the same', 'shared', 'shared'],
  ['one inside the other', 'shared', 'shared/inner'],
])('of two who add partners with homes that are %s, at most one succeeds', async (_, one, other) => {
  const users = new MemoryUserDirectory();
  const both = together(users, 2);
  const added = await Promise.allSettled([operator(both).add('a', 'x', { home: one }), operator(both).add('b', 'x', { home: other })]);
  const made = added.filter(({ status }) => status === 'fulfilled');
  expect(made.length).toBeLessThanOrEqual(1);
  expect(await homesOf(users)).toHaveLength(made.length);
  for (const result of added)
    if (result.status === 'rejected') expect(String(result.reason)).toContain('are the same, or one inside the other');
  // And when the moment has passed, it goes.
  if (made.length === 0) await operator(users).add('a', 'x', { home: one });
});

it('who changes a home at the same time as another gets it back as it was', async () => {
  const users = new MemoryUserDirectory();
  for (const name of ['a', 'b']) await operator(users).add(name, 'x');
  const both = together(users, 2);
  const set = await Promise.allSettled([operator(both).set('a', { home: 'new' }), operator(both).set('b', { home: 'new/er' })]);
  const homes = await homesOf(users);
  expect(set.filter(({ status }) => status === 'fulfilled').length).toBeLessThanOrEqual(1);
  expect(homes.filter((home) => home.includes('new')).length).toBeLessThanOrEqual(1);
  expect(homes).toEqual(expect.arrayContaining(set[0]?.status === 'rejected' ? ['a: a'] : ['a: new']));
});

it('homes that do not overlap are given at the same time', async () => {
  const users = new MemoryUserDirectory();
  const both = together(users, 2);
  await Promise.all([operator(both).add('a', 'x'), operator(both).add('b', 'x')]);
  expect(await homesOf(users)).toEqual(['a: a', 'b: b']);
});

it('holds between two processes that share the index', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'causeway-homes-'));
  const [one, other] = [new Environment(folder, 'one'), new Environment(folder, 'other')];
  const [first, second] = [operator(new LmdbUserDirectory(one)), operator(new LmdbUserDirectory(other))];
  let both = 0;
  for (let round = 0; round < 20; round++) {
    const home = `home-${round}`;
    const added = await Promise.allSettled([first.add(`a${round}`, 'x', { home }), second.add(`b${round}`, 'x', { home })]);
    if (added.every(({ status }) => status === 'fulfilled')) both++;
  }
  expect(both).toBe(0);
  await Promise.all([one.close(), other.close()]);
  rmSync(folder, { recursive: true, force: true });
});
