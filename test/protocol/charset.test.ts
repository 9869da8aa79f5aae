import fc from 'fast-check';
import { decodeName, decodeUtf8, encodeControlText, encodeText, type LegacyCharset } from '../../runtime/protocol/charset';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const charsets: readonly LegacyCharset[] = ['windows-1252', 'iso-8859-1'];

describe('decodeUtf8', () => {
  it.each([
    ['61 c3 a4', 'aä'],
    ['f0 9f 98 80', '😀'],
    ['ef bb bf 61', '\uFEFFa'],
    ['ef bf bd', '\uFFFD'],
    ['65 cc 81', 'e\u0301'],
    ['', ''],
  ])('keeps %j as it was sent', (bytes, expected) => {
    expect(decodeUtf8(hex(bytes))).toBe(expected);
  });

  it.each([
    ['a Latin-1 letter', 'e4'],
    ['an overlong slash', 'c0 af'],
    ['an overlong dot of three bytes', 'e0 80 ae'],
    ['a surrogate', 'ed a0 80'],
    ['a character cut short', 'e2 82'],
    ['a lone continuation', '80'],
    ['more than U+10FFFF', 'f4 90 80 80'],
    ['Shift-JIS', '83 65 83 58 83 67'],
  ])('refuses %s', (_, bytes) => {
    expect(decodeUtf8(hex(bytes))).toBeUndefined();
  });
});

describe('decodeName', () => {
  it.each([
    ['e4 2e 74 78 74', 'windows-1252', 'ä.txt'],
    ['e4 2e 74 78 74', 'iso-8859-1', 'ä.txt'],
    ['e4 2e 74 78 74', undefined, undefined],
    ['80 92 9f', 'windows-1252', '€’Ÿ'],
    ['80 92 9f', 'iso-8859-1', '\u0080\u0092\u009f'],
    ['81 8d 8f 90 9d', 'windows-1252', '\u0081\u008d\u008f\u0090\u009d'],
    ['c3 a4', 'windows-1252', 'ä'],
  ] as const)('%s with %s is %j', (bytes, charset, expected) => {
    expect(decodeName(hex(bytes), charset)).toBe(expected);
  });

  it.each(charsets)('reads any bytes in %s, and no two alike', (charset) => {
    const all = Array.from({ length: 256 }, (_, byte) => decodeName(Buffer.from([0xff, byte]), charset));
    expect(new Set(all).size).toBe(256);
  });
});

describe('encodeText', () => {
  it.each([
    ['abc\r\n', 'windows-1252', '61 62 63 0d 0a'],
    ['ä', undefined, 'c3 a4'],
    ['ä', 'windows-1252', 'e4'],
    ['€', 'windows-1252', '80'],
    ['€', 'iso-8859-1', 'e2 82 ac'],
    ['ä€', 'iso-8859-1', 'c3 a4 e2 82 ac'],
    ['я', 'windows-1252', 'd1 8f'],
    ['ÿ', 'windows-1252', 'ff'],
  ] as const)('%j for %s is %s', (text, charset, bytes) => {
    expect(encodeText(text, charset)).toEqual(hex(bytes));
  });

  it('falls back to UTF-8 line by line', () => {
    expect(encodeText('ä\r\nя\r\nä\r\n', 'windows-1252')).toEqual(hex('e4 0d 0a d1 8f 0d 0a e4 0d 0a'));
  });

  it('falls back to UTF-8 where the legacy bytes would be read as another name', () => {
    expect(encodeText('Ã¤', 'windows-1252')).toEqual(Buffer.from('Ã¤'));
  });

  it.each([...charsets, undefined])('what a client of %s is shown it can send back', (charset) => {
    const name = fc.string({
      unit: fc.oneof(
        fc.constantFrom('ä', 'Ã', '¤', '€', 'ÿ', 'я', 'a', '/', '\u0081'),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
      ),
    });
    fc.assert(
      fc.property(name, (text) => {
        fc.pre(!text.includes('\n'));
        expect(decodeName(encodeText(text, charset), charset)).toBe(text);
      }),
    );
  });
});

describe('encodeControlText', () => {
  it('doubles the byte 255, which is a command to Telnet', () => {
    expect(encodeControlText('257 "/ÿÿ"\r\n', 'windows-1252')).toEqual(Buffer.from('257 "/\xff\xff\xff\xff"\r\n', 'latin1'));
  });

  it('leaves UTF-8 alone: it never holds that byte', () => {
    expect(encodeControlText('257 "/ÿ"\r\n', undefined)).toEqual(Buffer.from('257 "/ÿ"\r\n'));
  });
});
