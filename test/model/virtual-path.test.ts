import fc from 'fast-check';
import {
  baseName,
  childPath,
  isListable,
  isWithin,
  nameFault,
  parentPath,
  pathLimits,
  resolvePath,
  rootPath,
  type VirtualPath,
} from '../../runtime/model/virtual-path';

const path = (text: string) => text as VirtualPath;

describe('resolvePath', () => {
  it.each([
    ['/', '', '/'],
    ['/', '.', '/'],
    ['/', '/', '/'],
    ['/', '//', '/'],
    ['/', 'a', '/a'],
    ['/', 'a/', '/a'],
    ['/', 'a//b', '/a/b'],
    ['/', './a/./b/.', '/a/b'],
    ['/in', 'a', '/in/a'],
    ['/in', '/a', '/a'],
    ['/in', '', '/in'],
    ['/in/deep', '..', '/in'],
    ['/in/deep', '../out', '/in/out'],
    ['/in', 'a/b/../c', '/in/a/c'],
    ['/', 'soap', '/soap'],
  ])('in %s, %j is %s', (cwd, argument, expected) => {
    expect(resolvePath(path(cwd), argument)).toBe(expected);
  });

  it.each([
    ['..', '/'],
    ['../', '/'],
    ['/..', '/'],
    ['/../..', '/'],
    ['../../../etc/passwd', '/etc/passwd'],
    ['/../../../etc/passwd', '/etc/passwd'],
    ['a/../../..', '/'],
    ['./.././../b', '/b'],
    ['//..//..//b', '/b'],
    ['....//', '/in/....'],
    ['....//....//etc', '/in/..../..../etc'],
    ['...', '/in/...'],
    ['.. ', '/in/.. '],
    [' ..', '/in/ ..'],
    ['..%2f', '/in/..%2f'],
    ['%2e%2e/', '/in/%2e%2e'],
    ['%2e%2e%2fetc', '/in/%2e%2e%2fetc'],
    ['~', '/in/~'],
    ['~root/.ssh', '/in/~root/.ssh'],
    ['$HOME', '/in/$HOME'],
    ['\u0024{process.env}', '/in/\u0024{process.env}'],
    ['{{x}}', '/in/{{x}}'],
    ['C:', '/in/C:'],
    ['\u2215..\u2215etc', '/in/\u2215..\u2215etc'],
    ['\uFF0F..\uFF0Fetc', '/in/\uFF0F..\uFF0Fetc'],
    ['a\u2025', '/in/a\u2025'],
    ['.temporary/other/a', '/in/.temporary/other/a'],
  ])('the attack %j ends at %s, inside the home', (argument, expected) => {
    expect(resolvePath(path('/in'), argument)).toBe(expected);
  });

  it.each([
    ['..\\', 'backslash'],
    ['..\\..\\etc', 'backslash'],
    ['a\\b', 'backslash'],
    ['\uFF0E\uFF0E/etc', 'look-alike'],
    ['\uFF0E', 'look-alike'],
    ['.\uFF0E', 'look-alike'],
    ['\u2024\u2024', 'look-alike'],
    ['a/\u2025/b', 'look-alike'],
    ['\u2026', 'look-alike'],
    ['a\0', 'control-character'],
    ['a\r\nDELE b', 'control-character'],
    ['a\tb', 'control-character'],
    ['\x1b[2J', 'control-character'],
    ['a\x7f', 'control-character'],
    ['a\0/../b', 'control-character'],
    ['a\uFFFE', 'not-unicode'],
    ['a\uFFFF', 'not-unicode'],
    ['a\uD800', 'not-unicode'],
    ['\uDC00a', 'not-unicode'],
  ])('%j is refused: %s', (argument, fault) => {
    expect(resolvePath(path('/in'), argument)).toEqual({ fault });
  });

  it('a segment that is popped again is judged all the same', () => {
    expect(resolvePath(rootPath, 'a\0/..')).toEqual({ fault: 'control-character' });
    expect(resolvePath(rootPath, `${'x'.repeat(256)}/..`)).toEqual({ fault: 'segment-too-long' });
  });

  it.each([
    ['composed', 'caf\u00E9'],
    ['decomposed', 'cafe\u0301'],
    ['a zero-width space', 'a\u200Bb'],
    ['a right-to-left override', 'a\u202Egnp.exe'],
    ['a C1 control', 'a\u0085b'],
    ['a byte order mark', '\uFEFFa'],
    ['an emoji', '\u{1F600}'],
    ['reserved on Windows', 'CON'],
    ['a trailing dot', 'a.'],
    ['a trailing space', 'a '],
    ['a leading hyphen', '-rf'],
    ['what means something in a query', "'; --{}#:=cmd()"],
    ['markup', '<script>'],
    ['a quote', 'a"b'],
  ])('keeps a name as it was sent: %s', (_, name) => {
    expect(resolvePath(rootPath, name)).toBe(`/${name}`);
  });

  it('keeps names that differ only in case or normalisation apart', () => {
    expect(resolvePath(rootPath, 'A.txt')).not.toBe(resolvePath(rootPath, 'a.txt'));
    expect(resolvePath(rootPath, 'caf\u00E9')).not.toBe(resolvePath(rootPath, 'cafe\u0301'));
  });
});

describe('limits', () => {
  const deep = (levels: number) => Array.from({ length: levels }, () => 'd').join('/');
  /** A path of exactly so many bytes, its slash in front included. */
  const long = (bytes: number) => {
    const segments: string[] = [];
    for (let left = bytes; left > 0; left -= 201) segments.push('x'.repeat(Math.min(200, left - 1)));
    return segments.join('/');
  };

  it.each([
    ['a segment of 255 bytes', 'x'.repeat(255), undefined],
    ['a segment of 256 bytes', 'x'.repeat(256), 'segment-too-long'],
    ['63 characters of 4 bytes', '😀'.repeat(63), undefined],
    ['64 characters of 4 bytes', '😀'.repeat(64), 'segment-too-long'],
    ['a character across the limit', `${'x'.repeat(254)}ä`, 'segment-too-long'],
    ['64 levels', deep(64), undefined],
    ['65 levels', deep(65), 'too-deep'],
    ['1,000 levels', deep(1_000), 'too-deep'],
    ['1,000 levels down and up again', `${deep(1_000)}/${'../'.repeat(1_000)}a`, undefined],
    ['a path of 1,024 bytes', long(1_024), undefined],
    ['a path of 1,025 bytes', long(1_025), 'too-long'],
  ])('%s', (_, argument, fault) => {
    const resolved = resolvePath(rootPath, argument);
    if (fault) expect(resolved).toEqual({ fault });
    else expect(typeof resolved).toBe('string');
  });

  it('counts the working directory', () => {
    expect(resolvePath(path(`/${deep(64)}`), 'd')).toEqual({ fault: 'too-deep' });
    expect(resolvePath(path(`/${deep(64)}`), '../d')).toBe(`/${deep(64)}`);
  });

  it('the examples have the length they claim', () => {
    expect([long(1_024).length, long(1_025).length]).toEqual([1_023, 1_024]);
  });
});

const piece = fc.oneof(
  fc.constantFrom(
    '/',
    '//',
    '..',
    '.',
    '../',
    '/..',
    '...',
    'a',
    'b',
    ' ',
    '%2e',
    '\\',
    '\0',
    '\r\n',
    '\uFF0E',
    '\u2025',
    '\uD800',
    'x'.repeat(130),
  ),
  fc.string({ unit: 'binary', maxLength: 3 }),
);
const argument = fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join(''));
const directory = fc.array(fc.constantFrom('in', 'out', 'a b', 'ä'), { maxLength: 5 }).map((names) => path(`/${names.join('/')}`));

/** What a path must be for the key `home + path` to lie in the home, whoever splits it and however. */
function expectInside(resolved: string): void {
  expect(resolved.startsWith('/')).toBe(true);
  if (resolved === '/') return;
  expect(resolved.endsWith('/')).toBe(false);
  const segments = resolved.slice(1).split('/');
  expect(segments.length).toBeLessThanOrEqual(pathLimits.depth);
  for (const segment of segments) {
    expect(['', '.', '..']).not.toContain(segment);
    expect(segment.replace(/[\uFF0E\u2024\u2025\u2026]/g, '.')).not.toMatch(/^\.{1,2}$/);
    expect(segment).not.toMatch(/[\u0000-\u001F\u007F\\]/);
    expect(Buffer.byteLength(segment)).toBeLessThanOrEqual(pathLimits.segmentBytes);
  }
  expect(Buffer.byteLength(resolved)).toBeLessThanOrEqual(pathLimits.pathBytes);
  expect(Buffer.from(resolved).toString()).toBe(resolved);
}

describe('for any argument in any directory', () => {
  it('resolvePath stays in the home or says why not; it never throws', () => {
    fc.assert(
      fc.property(directory, argument, (cwd, text) => {
        const resolved = resolvePath(cwd, text);
        if (typeof resolved === 'string') expectInside(resolved);
        else expect(typeof resolved.fault).toBe('string');
      }),
      { numRuns: 1_000 },
    );
  });

  it('resolving what was resolved changes nothing, wherever one stands', () => {
    fc.assert(
      fc.property(directory, directory, argument, (cwd, elsewhere, text) => {
        const resolved = resolvePath(cwd, text);
        if (typeof resolved === 'string') expect(resolvePath(elsewhere, resolved)).toBe(resolved);
      }),
    );
  });

  it('going there and then on is the same as going at once', () => {
    fc.assert(
      fc.property(directory, argument, argument, (cwd, first, second) => {
        const there = resolvePath(cwd, first);
        if (typeof there !== 'string' || second.startsWith('/')) return;
        const atOnce = resolvePath(cwd, `${first}/${second}`);
        const inSteps = resolvePath(there, second);
        if (first !== '' && typeof atOnce === 'string' && typeof inSteps === 'string') expect(atOnce).toBe(inSteps);
      }),
    );
  });

  it('parent and name put together are the path, and the path lies in its parent', () => {
    fc.assert(
      fc.property(directory, argument, (cwd, text) => {
        const resolved = resolvePath(cwd, text);
        if (typeof resolved !== 'string' || resolved === '/') return;
        expect(childPath(parentPath(resolved), baseName(resolved))).toBe(resolved);
        expect(isWithin(resolved, parentPath(resolved))).toBe(true);
        expect(isListable(baseName(resolved))).toBe(true);
      }),
    );
  });
});

it.each([
  ['/', '/', ''],
  ['/a', '/', 'a'],
  ['/a/b', '/a', 'b'],
])('the parent of %s is %s and its name %j', (child, parent, name) => {
  expect(parentPath(path(child))).toBe(parent);
  expect(baseName(path(child))).toBe(name);
});

it.each([
  ['/a', '/a', true],
  ['/a/b', '/a', true],
  ['/a', '/', true],
  ['/', '/', true],
  ['/ab', '/a', false],
  ['/a', '/a/b', false],
  ['/', '/a', false],
])('isWithin(%s, %s) is %j: a neighbour with a longer name is not inside', (inner, outer, expected) => {
  expect(isWithin(path(inner), path(outer))).toBe(expected);
});

it.each([
  ['a', true],
  ['.hidden', true],
  ['...', true],
  ['', false],
  ['.', false],
  ['..', false],
  ['a/b', false],
  ['a\nb', false],
  ['a\\b', false],
  ['\u2025', false],
  ['\uD800', false],
  ['x'.repeat(256), false],
])('a name %j found in the store is shown: %j', (name, expected) => {
  expect(isListable(name)).toBe(expected);
});

it('says why a name that others put into the store cannot be used', () => {
  expect(nameFault('a\r\n')).toBe('control-character');
  expect(nameFault('a')).toBeUndefined();
});
