import fc from 'fast-check';
import { isPattern, nameMatcher } from '../../runtime/protocol/glob';

it.each([
  ['*', '', true],
  ['*', 'anything.at all', true],
  ['*.csv', 'a.csv', true],
  ['*.csv', '.csv', true],
  ['*.csv', 'a.csv.tmp', false],
  ['a*b*c', 'abc', true],
  ['a*b*c', 'aXbYbZc', true],
  ['a*b*c', 'acb', false],
  ['**', 'x', true],
  ['a**', 'a', true],
  ['?', 'a', true],
  ['?', '', false],
  ['?', 'ab', false],
  ['?', 'ä', true],
  ['?', '😀', true],
  ['??', '😀', false],
  ['*?', 'a', true],
  ['*?', '', false],
  ['?*.txt', '.txt', false],
  ['a?c', 'abc', true],
  ['*.CSV', 'a.csv', false],
  ['', '', true],
  ['', 'a', false],
  ['*ab', 'aab', true],
  ['*aab', 'aaab', true],
])('%j on %j: %j', (pattern, name, expected) => {
  expect(nameMatcher(pattern)?.(name)).toBe(expected);
});

it.each(['[ab]*', '{a,b}*', 'a.*', '(a)*', '+*', '\\*', '^a*$', '!a*'])('%j has no other meaning than its letters', (pattern) => {
  const matches = nameMatcher(pattern);
  expect(matches?.(pattern.replace('*', 'rest'))).toBe(true);
  expect(matches?.('a')).toBe(false);
});

it.each([
  ['a*', true],
  ['a?', true],
  ['a', false],
  ['[a]', false],
  ['{a,b}', false],
  ['', false],
])('isPattern(%j) is %j', (text, expected) => {
  expect(isPattern(text)).toBe(expected);
});

it('takes 128 characters and no more', () => {
  expect(nameMatcher('*'.repeat(128))?.('a')).toBe(true);
  expect(nameMatcher('*'.repeat(129))).toBeUndefined();
});

it('decides like the regular expression of the same meaning', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 12 });
  fc.assert(
    fc.property(letters, fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 12 }), (pattern, name) => {
      const oracle = new RegExp(`^${pattern.replaceAll('?', '.').replace(/\*+/g, '.*')}$`, 's');
      expect(nameMatcher(pattern)?.(name)).toBe(oracle.test(name));
    }),
  );
});

it('does not go back further than one star: trying every split of sixty would not end in this age', () => {
  const matches = nameMatcher(`${'*a'.repeat(63)}*b`);
  expect(matches?.('a'.repeat(255))).toBe(false);
  expect(matches?.(`${'a'.repeat(254)}b`)).toBe(true);
});
