import fc from 'fast-check';
import { formatListTime, formatTimeValue, parseShortTime, parseTimeValue } from '../../runtime/protocol/time-value';

const day = 86_400_000;
const earliest = Date.parse('0001-01-01T00:00:00Z');
const latest = Date.parse('9999-12-31T23:59:59.999Z');

it.each([
  ['2025-11-22T21:57:00.000Z', '20251122215700'],
  ['2025-11-22T21:57:09.999Z', '20251122215709'],
  ['1970-01-01T00:00:00.000Z', '19700101000000'],
  ['1969-12-31T23:59:59.500Z', '19691231235959'],
  ['0001-01-01T00:00:00.000Z', '00010101000000'],
  ['9999-12-31T23:59:59.999Z', '99991231235959'],
])('%s is written %s, without fraction', (iso, expected) => {
  expect(formatTimeValue(Date.parse(iso))).toBe(expected);
});

it.each([
  [latest + 1, '99991231235959', 'Dec 31  9999'],
  [8.64e15 + 1, '99991231235959', 'Dec 31  9999'],
  [Number.POSITIVE_INFINITY, '99991231235959', 'Dec 31  9999'],
  [earliest - 1, '00010101000000', 'Jan  1  0001'],
  [-8.64e15 - 1, '00010101000000', 'Jan  1  0001'],
])('a time that four-digit years do not hold is written as the nearest they do: %d', (milliseconds, value, listed) => {
  expect(formatTimeValue(milliseconds)).toBe(value);
  expect(formatListTime(milliseconds, 0)).toBe(listed);
});

it.each([
  ['20251122215700', '2025-11-22T21:57:00.000Z'],
  ['20251122215700.5', '2025-11-22T21:57:00.500Z'],
  ['20251122215700.014', '2025-11-22T21:57:00.014Z'],
  ['20251122215700.123456789', '2025-11-22T21:57:00.123Z'],
  ['20240229000000', '2024-02-29T00:00:00.000Z'],
  ['20000229235959', '2000-02-29T23:59:59.000Z'],
  ['00040229000000', '0004-02-29T00:00:00.000Z'],
  ['00990101000000', '0099-01-01T00:00:00.000Z'],
  ['20161231235960', '2016-12-31T23:59:59.000Z'],
])('%s is %s', (text, iso) => {
  expect(parseTimeValue(text)).toBe(Date.parse(iso));
});

it.each([
  '',
  '2025112221570',
  '202511222157001',
  '20250229000000',
  '19000229000000',
  '20250431000000',
  '20251301000000',
  '20250001000000',
  '20250100000000',
  '20250101240000',
  '20250101006000',
  '20250101000061',
  '20250101990000',
  '00000101000000',
  '20251122215700.',
  '20251122215700.1234567890',
  '20251122215700,5',
  ' 20251122215700',
  '20251122215700\n',
  '+2025112221570',
  '2025112221570x',
])('%j is no time of the calendar', (text) => {
  expect(parseTimeValue(text)).toBeUndefined();
});

it('reads back what it writes, to the second', () => {
  fc.assert(
    fc.property(fc.integer({ min: earliest, max: latest }), (milliseconds) => {
      expect(parseTimeValue(formatTimeValue(milliseconds))).toBe(Math.floor(milliseconds / 1000) * 1000);
    }),
  );
});

it('takes exactly those digits that are a time, and writes them back', () => {
  const digits = fc.tuple(fc.nat(9999), fc.nat(14), fc.nat(33), fc.nat(26), fc.nat(62), fc.nat(59));
  fc.assert(
    fc.property(digits, ([year, month, date, hour, minute, second]) => {
      const text =
        String(year).padStart(4, '0') + [month, date, hour, minute, second].map((part) => String(part).padStart(2, '0')).join('');
      const iso = text.replace(/(....)(..)(..)(..)(..)(..)/, '$1-$2-$3T$4:$5:$6.000Z');
      const real = year > 0 && !Number.isNaN(Date.parse(iso)) && new Date(Date.parse(iso)).toISOString() === iso;
      const parsed = parseTimeValue(text);
      expect(parsed !== undefined).toBe(real);
      if (parsed !== undefined) expect(formatTimeValue(parsed)).toBe(text);
    }),
  );
});

it.each([
  ['202511222157', '2025-11-22T21:57:00.000Z'],
  ['20251122215733', '2025-11-22T21:57:33.000Z'],
])('SITE UTIME may leave out the seconds: %s', (text, iso) => {
  expect(parseShortTime(text)).toBe(Date.parse(iso));
});

it.each(['2025112221', '2025112221573', '202513222157', '20251122215700.5', ''])('%j is no time of SITE UTIME', (text) => {
  expect(parseShortTime(text)).toBeUndefined();
});

describe('the time of a listing', () => {
  const now = Date.parse('2025-11-23T12:00:00Z');

  it.each([
    ['this moment', now, 'Nov 23 12:00'],
    ['yesterday', Date.parse('2025-11-22T21:57:59Z'), 'Nov 22 21:57'],
    ['a day of one digit', Date.parse('2025-11-05T03:04:00Z'), 'Nov  5 03:04'],
    ['just within 180 days', now - 180 * day + 1, 'May 27 12:00'],
    ['180 days ago', now - 180 * day, 'May 27  2025'],
    ['long ago', Date.parse('2024-02-03T10:00:00Z'), 'Feb  3  2024'],
    ['a millisecond in the future', now + 1, 'Nov 23  2025'],
    ['next year', Date.parse('2026-01-31T00:00:00Z'), 'Jan 31  2026'],
  ])('of %s', (_, time, expected) => {
    expect(formatListTime(time, now)).toBe(expected);
  });

  it.each(
    ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'].map((name, index) => [name, index] as const),
  )('writes %s in English', (name, index) => {
    expect(formatListTime(Date.UTC(2020, index, 15), now)).toBe(`${name} 15  2020`);
  });

  it('always has twelve characters', () => {
    fc.assert(
      fc.property(fc.integer({ min: earliest, max: latest }), fc.integer({ min: 0, max: latest }), (time, at) => {
        expect(formatListTime(time, at)).toMatch(/^[A-Z][a-z]{2} [ 1-3]\d ( \d{4}|\d\d:\d\d)$/);
      }),
    );
  });
});
