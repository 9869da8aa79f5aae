import { randomIds } from '../../runtime/adapters/random-ids';
import { generatePassword, readPassword } from '../../runtime/operator/passwords';

it('passwords are long, different, and of letters and digits that nobody mistakes', () => {
  const made = Array.from({ length: 500 }, () => generatePassword(randomIds));
  expect(new Set(made).size).toBe(500);
  for (const password of made) expect(password).toMatch(/^[A-Za-z0-9]{20}$/);
  expect(made.join('')).not.toMatch(/[0O1lIi2Z5S8B]/);
});

it('every letter comes from the source of randomness', () => {
  let asked = 0;
  const password = generatePassword({ session: () => '', token: () => '', random: (below) => asked++ % below });
  expect(asked).toBe(20);
  expect(new Set(password).size).toBe(20);
});

it.each([
  ['secret\n', 'secret'],
  ['secret\r\n', 'secret'],
  [' sécret ', ' sécret '],
  ['secret\n\n', 'secret\n'],
  ['\ufeffsecret', 'secret'],
  ['', ''],
])('%j is read as it was meant', (given, password) => {
  expect(readPassword(Buffer.from(given))).toBe(password);
});

it('bytes that are no text are told of, and not read as another password', () => {
  expect(() => readPassword(Buffer.from('sécret', 'latin1'))).toThrow('the password is not UTF-8');
});
