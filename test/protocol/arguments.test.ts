import fc from 'fast-check';
import type { VirtualPath } from '../../runtime/model/virtual-path';
import * as grammar from '../../runtime/protocol/arguments';

/** Every grammar but the listing's, which has a file of its own. */
const at: grammar.Surroundings = { cwd: '/in' as VirtualPath };
const western: grammar.Surroundings = { ...at, legacyCharset: 'windows-1252' };

function parse<T>(rule: grammar.Grammar<T>, text: string | undefined, around = at): unknown {
  const parsed = rule(text === undefined ? undefined : Buffer.from(text, 'latin1'), around);
  return 'fault' in parsed ? parsed.fault : parsed.value;
}

const january = Date.parse('2024-01-01T00:00:00Z');
const syntax = 'syntax';
const unsupported = 'unsupported';

const table: Record<string, readonly (readonly [grammar.Grammar<unknown>, string | undefined, unknown])[]> = {
  'nothing (FEAT, REIN, CCC, CDC)': [
    [grammar.nothing, undefined, undefined],
    [grammar.nothing, '', undefined],
    [grammar.nothing, '   ', undefined],
    [grammar.nothing, 'x', syntax],
  ],
  'ignored (QUIT, NOOP, PASV)': [
    [grammar.ignored, undefined, undefined],
    [grammar.ignored, '\xff\0 anything', undefined],
  ],
  'text (USER, ACCT, CLNT)': [
    [grammar.text, 'acme', 'acme'],
    [grammar.text, ' a b ', 'a b'],
    [grammar.text, '  ', syntax],
    [grammar.text, 'm\xc3\xbcller', 'müller'],
    [grammar.text, 'm\xfcller', 'müller'],
    [grammar.text, '', syntax],
    [grammar.text, undefined, syntax],
  ],
  'secret (PASS)': [
    [grammar.secret, ' pass word ', ' pass word '],
    [grammar.secret, 'p\xfcss', 'püss'],
    [grammar.secret, '', ''],
    [grammar.secret, undefined, ''],
  ],
  'optional text (HELP)': [
    [grammar.optionalText, undefined, undefined],
    [grammar.optionalText, '', undefined],
    [grammar.optionalText, '  ', undefined],
    [grammar.optionalText, 'site ', 'site'],
  ],
  'path (RETR, CWD, SIZE …)': [
    [grammar.path, 'a', '/in/a'],
    [grammar.path, '/a/../b//c/', '/b/c'],
    [grammar.path, ' a ', '/in/ a '],
    [grammar.path, '-a', '/in/-a'],
    [grammar.path, '~', '/in/~'],
    [grammar.path, '%2e%2e', '/in/%2e%2e'],
    [grammar.path, '20240101000000 f', '/in/20240101000000 f'],
    [grammar.path, '\xc3\xa4', '/in/ä'],
    [grammar.path, '', syntax],
    [grammar.path, undefined, syntax],
    [grammar.path, 'a\rb', 'name'],
    [grammar.path, 'a\0', 'name'],
    [grammar.path, 'a\\b', 'name'],
    [grammar.path, '\xe4', 'name'],
    [grammar.path, '..\xc0\xaf..', 'name'],
  ],
  'optional path (MLSD, MLST)': [
    [grammar.optionalPath, undefined, '/in'],
    [grammar.optionalPath, '', '/in'],
    [grammar.optionalPath, '-a', '/in/-a'],
    [grammar.optionalPath, '*', '/in/*'],
    [grammar.optionalPath, 'a\n', 'name'],
  ],
  'stem (STOU)': [
    [grammar.stem, undefined, { directory: '/in', stem: undefined }],
    [grammar.stem, '', { directory: '/in', stem: undefined }],
    [grammar.stem, 'a.csv', { directory: '/in', stem: '/in/a.csv' }],
    [grammar.stem, 'a\\b', 'name'],
  ],
  'offset (REST)': [
    [grammar.offset, '0', 0],
    [grammar.offset, '0001234', 1234],
    [grammar.offset, '1234 ', 1234],
    [grammar.offset, '9007199254740991', Number.MAX_SAFE_INTEGER],
    [grammar.offset, '9007199254740992', syntax],
    [grammar.offset, '9223372036854775808', syntax],
    [grammar.offset, '9'.repeat(4_000), syntax],
    [grammar.offset, '-1', syntax],
    [grammar.offset, '1.5', syntax],
    [grammar.offset, '0x10', syntax],
    [grammar.offset, '1e3', syntax],
    [grammar.offset, '1 2', syntax],
    [grammar.offset, '', syntax],
    [grammar.offset, undefined, syntax],
  ],
  'allocation (ALLO)': [
    [grammar.allocation, '0', 0],
    [grammar.allocation, '1234', 1234],
    [grammar.allocation, '1234 R 80', 1234],
    [grammar.allocation, '1234 r 80 ', 1234],
    [grammar.allocation, '9007199254740992', syntax],
    [grammar.allocation, '1234 R', syntax],
    [grammar.allocation, '1234 80', syntax],
    [grammar.allocation, 'a', syntax],
    [grammar.allocation, undefined, syntax],
  ],
  TYPE: [
    [grammar.type, 'A', 'A'],
    [grammar.type, 'a', 'A'],
    [grammar.type, 'A N', 'A'],
    [grammar.type, 'A  n ', 'A'],
    [grammar.type, 'A T', 'A'],
    [grammar.type, 'I', 'I'],
    [grammar.type, 'L 8', 'I'],
    [grammar.type, 'A C', unsupported],
    [grammar.type, 'E', unsupported],
    [grammar.type, 'E N', unsupported],
    [grammar.type, 'L 36', unsupported],
    [grammar.type, 'L', syntax],
    [grammar.type, 'L x', syntax],
    [grammar.type, 'A Q', syntax],
    [grammar.type, 'I N', syntax],
    [grammar.type, 'A N N', syntax],
    [grammar.type, 'Q', syntax],
    [grammar.type, '', syntax],
    [grammar.type, undefined, syntax],
  ],
  'STRU and MODE': [
    [grammar.letter('F', 'RP'), 'F', 'F'],
    [grammar.letter('F', 'RP'), 'f ', 'F'],
    [grammar.letter('F', 'RP'), 'R', unsupported],
    [grammar.letter('F', 'RP'), 'P', unsupported],
    [grammar.letter('F', 'RP'), 'RP', syntax],
    [grammar.letter('F', 'RP'), 'X', syntax],
    [grammar.letter('F', 'RP'), 'F F', syntax],
    [grammar.letter('S', 'BCZ'), 'Z', unsupported],
    [grammar.letter('S', 'BCZ'), undefined, syntax],
  ],
  'PORT and EPRT': [
    [grammar.hostPort, '192,0,2,1,4,1', { address: '192.0.2.1', port: 1025 }],
    [grammar.hostPort, '192,0,2,1,4,1 ', { address: '192.0.2.1', port: 1025 }],
    [grammar.hostPort, '192,0,2,1,4', syntax],
    [grammar.hostPort, undefined, syntax],
    [grammar.extendedPort, '|2|::1|5282|', { family: '2', address: '::1', port: 5282 }],
    [grammar.extendedPort, '|2|::1|5282', syntax],
    [grammar.extendedPort, undefined, syntax],
  ],
  EPSV: [
    [grammar.passiveFamily, undefined, 'any'],
    [grammar.passiveFamily, '', 'any'],
    [grammar.passiveFamily, '1', 1],
    [grammar.passiveFamily, '2', 2],
    [grammar.passiveFamily, '9', 9],
    [grammar.passiveFamily, 'all', 'all'],
    [grammar.passiveFamily, 'ALL ', 'all'],
    [grammar.passiveFamily, 'x', syntax],
    [grammar.passiveFamily, '1000', syntax],
  ],
  PBSZ: [
    [grammar.bufferSize, '0', 0],
    [grammar.bufferSize, '4294967295', 4_294_967_295],
    [grammar.bufferSize, '4294967296', syntax],
    [grammar.bufferSize, '-1', syntax],
    [grammar.bufferSize, 'x', syntax],
    [grammar.bufferSize, undefined, syntax],
  ],
  PROT: [
    [grammar.protectionLevel, 'P', 'P'],
    [grammar.protectionLevel, 'c', 'C'],
    [grammar.protectionLevel, 'S', 'S'],
    [grammar.protectionLevel, 'E', 'E'],
    [grammar.protectionLevel, 'X', unsupported],
    [grammar.protectionLevel, 'PP', unsupported],
    [grammar.protectionLevel, '', syntax],
    [grammar.protectionLevel, undefined, syntax],
  ],
  AUTH: [
    [grammar.mechanism, 'TLS', 'TLS'],
    [grammar.mechanism, 'tls-c', 'TLS-C'],
    [grammar.mechanism, 'SSL ', 'SSL'],
    [grammar.mechanism, 'TLS-P', 'TLS-P'],
    [grammar.mechanism, 'GSSAPI', unsupported],
    [grammar.mechanism, 'KERBEROS_V4', unsupported],
    [grammar.mechanism, '\xff', unsupported],
    [grammar.mechanism, '', syntax],
    [grammar.mechanism, undefined, syntax],
  ],
  LANG: [
    [grammar.language, undefined, undefined],
    [grammar.language, '', undefined],
    [grammar.language, 'EN', undefined],
    [grammar.language, 'en-GB', undefined],
    [grammar.language, 'de', unsupported],
    [grammar.language, 'english', unsupported],
    [grammar.language, 'en-', syntax],
    [grammar.language, 'en-\0', syntax],
    [grammar.language, 'd\xe9', syntax],
  ],
  MFMT: [
    [grammar.timedPath, '20240101000000 a', { time: january, path: '/in/a' }],
    [grammar.timedPath, '20240101000000.250 /a b ', { time: january + 250, path: '/a b ' }],
    [grammar.timedPath, '20240101000000', syntax],
    [grammar.timedPath, '20240101000000 ', syntax],
    [grammar.timedPath, '20240230000000 a', syntax],
    [grammar.timedPath, 'a 20240101000000', syntax],
    [grammar.timedPath, '20240101000000 a\0', 'name'],
    [grammar.timedPath, undefined, syntax],
  ],
  'SITE CHMOD': [
    [grammar.modeAndPath, '644 a', '/in/a'],
    [grammar.modeAndPath, '0755 a b', '/in/a b'],
    [grammar.modeAndPath, '644', syntax],
    [grammar.modeAndPath, '888 a', syntax],
    [grammar.modeAndPath, 'u+x a', syntax],
    [grammar.modeAndPath, '644 a\\b', 'name'],
    [grammar.modeAndPath, undefined, syntax],
  ],
  'SITE UTIME': [
    [grammar.utime, '20240101000000 a b', { time: january, path: '/in/a b' }],
    [grammar.utime, '202401010000 a', { time: january, path: '/in/a' }],
    [grammar.utime, 'a b 20230101000000 20240101000000 20220101000000 UTC', { time: january, path: '/in/a b' }],
    [grammar.utime, '\xc3\xa4 20230101000000 20240101000000 20220101000000 utc', { time: january, path: '/in/ä' }],
    [grammar.utime, 'a 20230101000000 20241301000000 20220101000000 UTC', syntax],
    [grammar.utime, '20241301000000 a', syntax],
    [grammar.utime, '20240101000000', syntax],
    [grammar.utime, 'a', syntax],
    [grammar.utime, '20240101000000 a\\b', 'name'],
    [grammar.utime, '20240101000000 a\rb', syntax],
    [grammar.utime, undefined, syntax],
  ],
  'sub-commands (SITE, OPTS)': [
    [grammar.subCommand, 'utf8', { word: 'UTF8', rest: undefined }],
    [grammar.subCommand, 'UTF8 ON', { word: 'UTF8', rest: Buffer.from('ON') }],
    [grammar.subCommand, 'MLST ', { word: 'MLST', rest: Buffer.alloc(0) }],
    [grammar.subCommand, 'CHMOD  644 a ', { word: 'CHMOD', rest: Buffer.from(' 644 a ') }],
    [grammar.subCommand, 'LRECL=80', { word: 'LRECL=80', rest: undefined }],
    [grammar.subCommand, ' UTF8', syntax],
    [grammar.subCommand, '\xff', syntax],
    [grammar.subCommand, '\0', syntax],
    [grammar.subCommand, '', syntax],
    [grammar.subCommand, undefined, syntax],
  ],
};

describe.each(Object.entries(table))('%s', (_, cases) => {
  it.each(cases.map(([rule, text, expected]) => [text, expected, rule] as const))('%j is %j', (text, expected, rule) => {
    expect(parse(rule, text)).toEqual(expected);
  });
});

describe('names that may not be used', () => {
  it.each([
    ['one that is looked for', grammar.path, 'a\\b', { fault: 'name', why: 'backslash', creates: false }],
    ['one that would be made', grammar.newPath, 'a\\b', { fault: 'name', why: 'backslash', creates: true }],
    ['bytes that are no UTF-8', grammar.newPath, '\xe4', { fault: 'name', why: 'charset', creates: true }],
    ['bytes that are no UTF-8, looked for', grammar.path, '\xe4', { fault: 'name', why: 'charset', creates: false }],
  ] as const)('%s', (_, rule, text, expected) => {
    expect(rule(Buffer.from(text, 'latin1'), at)).toEqual(expected);
  });

  it('are fewer for a partner with a charset, whose UTF-8 names still are UTF-8', () => {
    expect(parse(grammar.path, '\xe4\x80', western)).toBe('/in/ä€');
    expect(parse(grammar.path, '\xc3\xa4', western)).toBe('/in/ä');
    expect(parse(grammar.timedPath, '20240101000000 \xe4', western)).toEqual({ time: january, path: '/in/ä' });
    expect(parse(grammar.utime, '\xe4 20230101000000 20240101000000 20220101000000 UTC', western)).toEqual({
      time: january,
      path: '/in/ä',
    });
    expect(parse(grammar.path, '\x85', western)).toBe('name');
  });
});

it('never throws on any bytes, and a fault never carries the input', () => {
  const rules = Object.values(table).flatMap((cases) => cases.map(([rule]) => rule));
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 50 }).map((array) => Buffer.from(array)),
    fc
      .string({ unit: fc.constantFrom('0', '20240101000000', ' ', 'A', '|', ',', '/', '..', '\\', '\r', 'UTC', '-a'), maxLength: 12 })
      .map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(fc.constantFrom(...rules, grammar.listing), bytes, fc.constantFrom(at, western), (rule, raw, around) => {
      const parsed = rule(raw, around);
      if (!('fault' in parsed)) return;
      expect(Object.keys(parsed).every((key) => ['fault', 'why', 'creates'].includes(key))).toBe(true);
      expect(['syntax', 'unsupported', 'name']).toContain(parsed.fault);
    }),
  );
});
