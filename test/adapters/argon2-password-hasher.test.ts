import { Argon2PasswordHasher } from '../../runtime/adapters/argon2-password-hasher';

it('hashes are argon2id with 19 MiB and two passes, and never the same twice', async () => {
  const hasher = new Argon2PasswordHasher();
  const [one, two] = await Promise.all([hasher.hash('secret'), hasher.hash('secret')]);
  expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  expect(one).not.toBe(two);
});

it('either of two passwords is right, and no other', async () => {
  const hasher = new Argon2PasswordHasher();
  const hashes = await Promise.all([hasher.hash('new'), hasher.hash('old')]);
  expect(await hasher.verify(hashes, 'new')).toBe(true);
  expect(await hasher.verify(hashes, 'old')).toBe(true);
  expect(await hasher.verify(hashes, 'older')).toBe(false);
  expect(await hasher.verify(hashes.slice(0, 1), 'old')).toBe(false);
});

it('nobody has a password, not even the one that stands in for his', async () => {
  const hasher = new Argon2PasswordHasher();
  expect(await hasher.verify([], 'not a password of anybody')).toBe(false);
  expect(await hasher.verify([await hasher.hash('mine')], 'not a password of anybody')).toBe(false);
});

describe('many at once', () => {
  /** Work that ends when it is told to, in place of hashing. */
  function heldHasher() {
    const ends: (() => void)[] = [];
    let running = 0;
    let most = 0;
    const work = () =>
      new Promise<string>((resolve) => {
        most = Math.max(most, ++running);
        ends.push(() => {
          running--;
          resolve('hash');
        });
      });
    const hasher = new Argon2PasswordHasher({ hash: work, verify: () => work().then(() => true) });
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    return { hasher, ends, turn, most: () => most };
  }

  it('two run, the rest wait in order, and a newcomer does not overtake them', async () => {
    const { hasher, ends, turn, most } = heldHasher();
    const done: number[] = [];
    const start = (name: number) => hasher.hash('x').then(() => done.push(name));
    const all = [1, 2, 3, 4].map(start);
    await turn();
    expect(ends).toHaveLength(2);
    ends.shift()?.();
    // In the very moment in which a turn changes hands.
    all.push(start(5));
    while (done.length < 5) {
      await turn();
      ends.shift()?.();
    }
    await Promise.all(all);
    expect(done).toEqual([1, 2, 3, 4, 5]);
    expect(most()).toBe(2);
  });

  it('a thousand wait; the next one is told to come back', async () => {
    const { hasher, ends, turn } = heldHasher();
    const all = Array.from({ length: 1_002 }, () => hasher.hash('x'));
    await expect(hasher.hash('x')).rejects.toMatchObject({ kind: 'busy' });
    for (let ended = 0; ended < 1_002; ended++) {
      while (ends.length === 0) await turn();
      ends.shift()?.();
    }
    await expect(Promise.all(all)).resolves.toHaveLength(1_002);
  });

  it('a failure gives its turn on', async () => {
    let left = 3;
    const hasher = new Argon2PasswordHasher({
      hash: async () => {
        if (left-- > 0) throw new Error('out of memory');
        return 'hash';
      },
      verify: async () => true,
    });
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => hasher.hash('x')));
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'fulfilled', 'fulfilled']);
  });

  it('an unknown name costs as much work as a wrong password', async () => {
    let verified = 0;
    const hasher = new Argon2PasswordHasher({
      hash: async () => 'dummy',
      verify: async () => {
        verified++;
        return false;
      },
    });
    const cost = async (hashes: string[]) => {
      verified = 0;
      await hasher.verify(hashes, 'x');
      return verified;
    };
    expect([await cost([]), await cost(['a']), await cost(['a', 'b'])]).toEqual([2, 2, 2]);
  });
});
