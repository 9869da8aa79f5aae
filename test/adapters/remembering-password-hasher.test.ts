import { mostRemembered, RememberingPasswordHasher } from '../../runtime/adapters/remembering-password-hasher';
import { FakeClock } from '../support/fake-clock';

/** A hash is the password itself; how often it was really checked is counted. */
function remembering(remembered = 600_000) {
  const clock = new FakeClock();
  const checked: string[] = [];
  const hasher = new RememberingPasswordHasher(
    {
      hash: async (password) => password,
      verify: async (hashes, password) => {
        checked.push(password);
        return hashes.includes(password);
      },
    },
    clock,
    remembered,
  );
  return { clock, checked, hasher };
}

it('a right password is checked once, and again when its time is over', async () => {
  const { clock, checked, hasher } = remembering();
  for (let login = 0; login < 5; login++) expect(await hasher.verify(['secret'], 'secret')).toBe(true);
  expect(checked).toHaveLength(1);
  await clock.advance(600_000);
  expect(await hasher.verify(['secret'], 'secret')).toBe(true);
  expect(checked).toHaveLength(2);
});

it('a wrong one is checked every time, before and after the right one', async () => {
  const { checked, hasher } = remembering();
  expect(await hasher.verify(['secret'], 'wrong')).toBe(false);
  expect(await hasher.verify(['secret'], 'secret')).toBe(true);
  expect(await hasher.verify(['secret'], 'wrong')).toBe(false);
  expect(await hasher.verify(['secret'], 'secret')).toBe(true);
  expect(await hasher.verify([], 'secret')).toBe(false);
  expect(checked).toEqual(['wrong', 'secret', 'wrong', 'secret']);
});

it('one that was changed, or taken away, is right no more', async () => {
  const { hasher } = remembering();
  expect(await hasher.verify(['old'], 'old')).toBe(true);
  expect(await hasher.verify(['new', 'old'], 'old')).toBe(true);
  expect(await hasher.verify(['new'], 'old')).toBe(false);
  expect(await hasher.verify([], 'old')).toBe(false);
});

it('nothing is remembered where that is not wanted', async () => {
  const { checked, hasher } = remembering(0);
  for (let login = 0; login < 3; login++) expect(await hasher.verify(['secret'], 'secret')).toBe(true);
  expect(checked).toHaveLength(3);
});

it('of too many the oldest is forgotten', async () => {
  const { checked, hasher } = remembering();
  for (let partner = 0; partner <= mostRemembered; partner++) await hasher.verify([`${partner}`], `${partner}`);
  checked.length = 0;
  await hasher.verify(['1'], '1');
  await hasher.verify(['0'], '0');
  expect(checked).toEqual(['0']);
});
