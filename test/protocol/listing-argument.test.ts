import fc from 'fast-check';
import { resolvePath, type VirtualPath } from '../../runtime/model/virtual-path';
import { type ListingArgument, listing } from '../../runtime/protocol/arguments';

/** The argument of LIST, NLST and STAT: flags, a path, a pattern, and a prefix that NLST gives back. */
function parse(text: string | undefined, cwd = '/in'): ListingArgument {
  const parsed = listing(text === undefined ? undefined : Buffer.from(text), { cwd: cwd as VirtualPath });
  if ('fault' in parsed) throw new Error(`refused: ${JSON.stringify(parsed)}`);
  return parsed.value;
}

it.each([
  [undefined, '', '/in'],
  ['', '', '/in'],
  ['.', '', '/in'],
  ['a', '', '/in/a'],
  ['/a/b/', '', '/a/b'],
  ['-a', 'a', '/in'],
  ['-al', 'al', '/in'],
  ['-la', 'la', '/in'],
  ['-R', 'R', '/in'],
  ['-1', '1', '/in'],
  ['-l -a ', 'la', '/in'],
  ['-la sub', 'la', '/in/sub'],
  ['-la /', 'la', '/'],
  ['-a -d sub', 'ad', '/in/sub'],
  ['-a my file', 'a', '/in/my file'],
  ['sub -a', '', '/in/sub -a'],
  ['-a  sub ', 'a', '/in/ sub '],
  ['--foo', '', '/in/--foo'],
  ['-la --foo', 'la', '/in/--foo'],
  ['-', '', '/in/-'],
  ['-a.txt', '', '/in/-a.txt'],
  ['-a/b', '', '/in/-a/b'],
  ['..', '', '/'],
  ['../../..', '', '/'],
])('%j has the flags %j and lists %s', (text, flags, path) => {
  expect(parse(text)).toMatchObject({ flags, path, pattern: undefined, empty: text === undefined || text === '' });
});

it.each([
  ['*', '/in', '*', ''],
  ['*.csv', '/in', '*.csv', ''],
  ['sub/*.csv', '/in/sub', '*.csv', 'sub/'],
  ['/*', '/', '*', '/'],
  ['-l /out/a?', '/out', 'a?', '/out/'],
  ['../?', '/', '?', '../'],
  ['*/*/*/*', '/in/*/*/*', '*', '*/*/*/'],
])('%j looks in %s for %j; NLST puts %j in front', (text, path, pattern, prefix) => {
  expect(parse(text)).toMatchObject({ path, pattern, prefix });
});

it.each(['*/sub', '*/', '[ab]', '{a,b}'])('%j holds no pattern: only * and ? count, and only in the last component', (text) => {
  expect(parse(text).pattern).toBeUndefined();
});

it.each([
  [undefined, ''],
  ['.', ''],
  ['./', ''],
  ['-a', ''],
  ['sub', 'sub/'],
  ['sub/', 'sub/'],
  ['sub//', 'sub/'],
  ['/', '/'],
  ['/sub', '/sub/'],
  ['..', '../'],
  ['./sub', './sub/'],
])('the names that NLST %j gives can be used as they are, behind %j', (text, prefix) => {
  expect(parse(text).prefix).toBe(prefix);
});

it.each([
  [undefined, '/in'],
  ['-a', '/in/-a'],
  ['-a sub', '/in/-a sub'],
  ['*', '/in/*'],
  ['sub', '/in/sub'],
])('%j may be the exact name %s, which wins', (text, exact) => {
  expect(parse(text).exact).toBe(exact);
});

it('refuses names that may not be used', () => {
  const at = { cwd: '/' as VirtualPath };
  expect(listing(Buffer.from('-a a\\b'), at)).toEqual({ fault: 'name', why: 'backslash', creates: false });
  expect(listing(Buffer.from('a\\b/*'), at)).toEqual({ fault: 'name', why: 'backslash', creates: false });
  expect(listing(Buffer.from([0xe4]), at)).toEqual({ fault: 'name', why: 'charset', creates: false });
  expect(listing(Buffer.from([0xe4]), { ...at, legacyCharset: 'iso-8859-1' })).toMatchObject({ value: { path: '/ä' } });
});

it('gives a prefix that leads back to the listed directory, free of control characters', () => {
  const cwd = '/in' as VirtualPath;
  const text = fc.string({ unit: fc.constantFrom('a', '/', '.', '..', '-', ' ', '*', '\r', '\\', 'ä'), maxLength: 12 });
  fc.assert(
    fc.property(text, (written) => {
      const parsed = listing(Buffer.from(written), { cwd });
      if ('fault' in parsed) return;
      const { prefix, path } = parsed.value;
      expect(prefix).not.toMatch(/[\u0000-\u001F\u007F]/);
      expect(resolvePath(cwd, prefix === '' ? '.' : prefix)).toBe(path);
    }),
  );
});
