import { FileType, parseList } from 'basic-ftp';
import fc from 'fast-check';
import { isListable } from '../../runtime/model/virtual-path';
import {
  allFacts,
  formatFacts,
  formatListLine,
  formatNameLine,
  type ListedItem,
  type Permissions,
  selectFacts,
} from '../../runtime/protocol/listing';

const now = Date.parse('2025-11-23T12:00:00Z');
const none: Permissions = { read: false, write: false, overwrite: false, delete: false, rename: false, list: false, mkdir: false };
const every: Permissions = { read: true, write: true, overwrite: true, delete: true, rename: true, list: true, mkdir: true };
const invoice: ListedItem = {
  name: 'invoice 7.xml',
  kind: 'file',
  size: 1234,
  modified: Date.parse('2025-11-22T21:57:00Z'),
  unique: 'K3QX',
  permissions: every,
};
const folder: ListedItem = { ...invoice, name: 'out', kind: 'directory', size: 99 };

describe('a line of LIST', () => {
  it.each([
    ['a file', invoice, '-rw-r--r--   1 ftp      ftp              1234 Nov 22 21:57 invoice 7.xml\r\n'],
    ['a directory', folder, 'drwxr-xr-x   1 ftp      ftp                 0 Nov 22 21:57 out\r\n'],
    [
      'an old file',
      { ...invoice, modified: Date.parse('2025-02-03T00:00:00Z') },
      '-rw-r--r--   1 ftp      ftp              1234 Feb  3  2025 invoice 7.xml\r\n',
    ],
    [
      'a file of eight terabytes',
      { ...invoice, size: 8_796_093_022_208 },
      '-rw-r--r--   1 ftp      ftp      8796093022208 Nov 22 21:57 invoice 7.xml\r\n',
    ],
    ['a name with spaces around it', { ...invoice, name: '  a ' }, '-rw-r--r--   1 ftp      ftp              1234 Nov 22 21:57   a \r\n'],
  ])('%s', (_, item, expected) => {
    expect(formatListLine(item, now)).toBe(expected);
  });

  it.each([
    ['a file that may be replaced', 'file', every, '-rw-r--r--'],
    ['a file that may only be read', 'file', { ...none, read: true, write: true }, '-r--r--r--'],
    ['a file of a drop box', 'file', { ...none, write: true, mkdir: true }, '----------'],
    ['a directory', 'directory', every, 'drwxr-xr-x'],
    ['a directory that takes nothing', 'directory', { ...every, write: false }, 'dr-xr-xr-x'],
    ['a directory of a drop box', 'directory', { ...none, write: true, mkdir: true }, 'd-wx--x--x'],
  ] as const)('%s: the mode shows what the partner may do', (_, kind, permissions, mode) => {
    expect(formatListLine({ ...invoice, kind, permissions }, now).slice(0, 11)).toBe(`${mode} `);
  });
});

it.each([
  ['', 'invoice 7.xml\r\n'],
  ['sub/', 'sub/invoice 7.xml\r\n'],
  ['/', '/invoice 7.xml\r\n'],
])('a line of NLST with the prefix %j', (prefix, expected) => {
  expect(formatNameLine(prefix, invoice)).toBe(expected);
});

describe('facts', () => {
  it.each([
    ['a file', invoice, allFacts, 'type=file;size=1234;modify=20251122215700;perm=adfrw;unique=K3QX; invoice 7.xml'],
    ['a directory', folder, allFacts, 'type=dir;modify=20251122215700;perm=ceflmp;unique=K3QX; out'],
    ['a choice', invoice, ['type', 'size'], 'type=file;size=1234; invoice 7.xml'],
    ['none, so that the line begins with the space', invoice, [], ' invoice 7.xml'],
  ] as const)('%s', (_, item, facts, expected) => {
    expect(formatFacts(item, facts, item.name)).toBe(expected);
  });

  it('MLST gives the whole path', () => {
    expect(formatFacts(invoice, ['type'], '/in/invoice 7.xml')).toBe('type=file; /in/invoice 7.xml');
  });

  it.each([
    ['file', 'read', 'r'],
    ['file', 'write', ''],
    ['file', 'overwrite', ''],
    ['file', 'delete', 'd'],
    ['file', 'rename', 'f'],
    ['file', 'list', ''],
    ['file', 'mkdir', ''],
    ['directory', 'read', 'e'],
    ['directory', 'write', 'ce'],
    ['directory', 'overwrite', 'e'],
    ['directory', 'delete', 'ep'],
    ['directory', 'rename', 'ef'],
    ['directory', 'list', 'el'],
    ['directory', 'mkdir', 'em'],
  ] as const)('a %s with the right %s alone has perm=%s', (kind, right, expected) => {
    expect(formatFacts({ ...invoice, kind, permissions: { ...none, [right]: true } }, ['perm'], 'x')).toBe(`perm=${expected}; x`);
  });

  it('replacing and appending need both rights', () => {
    expect(formatFacts({ ...invoice, permissions: { ...none, write: true, overwrite: true } }, ['perm'], 'x')).toBe('perm=aw; x');
  });
});

it.each([
  ['type;size;', ['type', 'size']],
  ['size;TYPE', ['type', 'size']],
  ['Modify;Unique;Perm;Size;Type;', ['type', 'size', 'modify', 'perm', 'unique']],
  ['type;type;', ['type']],
  ['UNIX.mode;media-type;size;', ['size']],
  ['constructor;__proto__;', []],
  ['', []],
  [';', []],
  ['type; size;', undefined],
  [' ', undefined],
])('OPTS MLST %j chooses %j', (list, expected) => {
  expect(selectFacts(list)).toEqual(expected);
});

describe('what a client makes of them', () => {
  const item: fc.Arbitrary<ListedItem> = fc.record({
    // U+2028 and U+2029 are left out: the client's expression ends a line there.
    name: fc
      .string({
        unit: fc.oneof(
          fc.constantFrom(' ', '-', '>', '"', '.', ';', '=', 'ä', '😀', '1'),
          fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
        ),
      })
      .filter((name) => isListable(name) && !/[\u2028\u2029]/.test(name)),
    kind: fc.constantFrom('file', 'directory'),
    size: fc.maxSafeNat(),
    modified: fc.integer({ min: 0, max: now }),
    unique: fc.stringMatching(/^[A-Z2-7]{16}$/),
    permissions: fc.constant(every),
  });
  const kinds = { file: FileType.File, directory: FileType.Directory };

  it('a line of LIST parses back to name, kind and size', () => {
    fc.assert(
      fc.property(item, (listed) => {
        const [parsed, ...more] = parseList(formatListLine(listed, now));
        expect(more).toEqual([]);
        expect(parsed?.name).toBe(listed.name);
        expect(parsed?.type).toBe(kinds[listed.kind]);
        expect(parsed?.size).toBe(listed.kind === 'file' ? listed.size : 0);
        expect([parsed?.user, parsed?.group, parsed?.hardLinkCount]).toEqual(['ftp', 'ftp', 1]);
      }),
    );
  });

  it('a line of MLSD parses back to name, kind, size, time and identity', () => {
    fc.assert(
      fc.property(item, (listed) => {
        const [parsed, ...more] = parseList(`${formatFacts(listed, allFacts, listed.name)}\r\n`);
        expect(more).toEqual([]);
        expect(parsed?.name).toBe(listed.name);
        expect(parsed?.type).toBe(kinds[listed.kind]);
        if (listed.kind === 'file') expect(parsed?.size).toBe(listed.size);
        expect(parsed?.modifiedAt?.getTime()).toBe(Math.floor(listed.modified / 1000) * 1000);
        expect(parsed?.uniqueID).toBe(listed.unique);
      }),
    );
  });

  it('a whole listing has as many entries as items', () => {
    fc.assert(
      fc.property(fc.array(item, { minLength: 1, maxLength: 20 }), (listed) => {
        const text = listed.map((one) => formatListLine(one, now)).join('');
        expect(parseList(text).map(({ name }) => name)).toEqual(listed.map(({ name }) => name));
      }),
    );
  });
});
