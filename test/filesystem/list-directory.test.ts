import { entryKey } from '../../runtime/filesystem/rows';
import { transact } from '../../runtime/filesystem/transaction';
import type { DirectoryEntry } from '../../runtime/model/entry';
import { settle } from '../support/fake-clock';
import { accepts, at, cut, makeUser, names, never, put, viewOf } from '../support/filesystem';
import { connectionLost, kindOf, oneProcess } from '../support/one-process';

/** Many rows without their files' uploads. */
async function fill({ fs, objects }: ReturnType<typeof oneProcess>, wanted: readonly string[]) {
  for (let from = 0; from < wanted.length; from += 500) {
    await fs.metadata.transact(
      wanted.slice(from, from + 500).map((name) => {
        const storedKey = `acme/${name}`;
        const version = objects.place(storedKey, Buffer.from('x'));
        const times = { begun: 1, committed: 1, modified: 1, sequence: 1 };
        const value = { kind: 'file', storedKey, version, size: 1, token: name, ...times } as const;
        return { kind: 'put', key: entryKey({ parent: 'acme', name }), expected: 'absent', value } as const;
      }),
    );
  }
}

async function pagesOf(view: ReturnType<typeof viewOf>, path = '/') {
  const pages: string[][] = [];
  for await (const page of await view.list(at(path))) pages.push(page.map(({ name, parked }) => (parked ? `${name}?` : name)));
  return pages;
}

describe('a listing', () => {
  it('comes in pages of a thousand, with cut uploads where their names belong', async () => {
    const made = oneProcess();
    const known = Array.from({ length: 2_500 }, (_, index) => `file ${String(index).padStart(4, '0')}`);
    await fill(made, known);
    for (const name of ['a first', 'file 0999b', 'file 1500', 'z last']) await cut(made.view, `/${name}`, ['123456789'], connectionLost);
    const pages = await pagesOf(made.view);
    const shown = pages.flat();
    expect(pages.map((page) => page.length)).toEqual([1_001, 1_001, 501]);
    expect(shown).toHaveLength(2_503);
    expect([shown[0], shown[1001], shown[1502], shown.at(-1)]).toEqual(['a first?', 'file 0999b?', 'file 1500?', 'z last?']);
  });

  it('of exactly one page ends with an empty one at most', async () => {
    const made = oneProcess();
    await fill(
      made,
      Array.from({ length: 1_000 }, (_, index) => `file ${index}`),
    );
    expect((await pagesOf(made.view)).flat()).toHaveLength(1_000);
  });

  it('is in the order of bytes, not of UTF-16', async () => {
    const { view } = oneProcess();
    for (const name of ['\u{1F600}', '\uFFE6', 'z', 'Z', '\u00e9']) await put(view, `/${name}`, 'x');
    expect((await pagesOf(view)).flat()).toEqual(['Z', 'z', '\u00e9', '\uFFE6', '\u{1F600}']);
  });

  it('leaves out a file that is gone, and does not show one that nobody knows yet', async () => {
    const { view, objects, clock } = oneProcess();
    await put(view, '/gone', 'x');
    await put(view, '/kept', 'x');
    objects.take('acme/gone');
    objects.place('acme/new', Buffer.from('placed'));
    expect(await names(view)).toEqual(['kept 1']);
    await clock.advance(2_500);
    expect(await names(view)).toEqual(['kept 1', 'new 6']);
  });

  it('leaves out a file where a directory lies now', async () => {
    const { view, objects } = oneProcess();
    await put(view, '/a', 'x');
    objects.take('acme/a');
    objects.place('acme/a/b', Buffer.from('placed'));
    expect(await names(view)).toEqual([]);
    await settle();
  });

  it('leaves out a temporary file that is gone', async () => {
    const { view, objects } = oneProcess();
    await put(view, '/a.part', 'x');
    await put(view, '/b.part', 'x');
    objects.take('.temporary/acme/a.part');
    expect(await names(view)).toEqual(['b.part 1']);
  });

  it('shows a partner his own cut uploads only, and of several of a name the last', async () => {
    const { fs, view } = oneProcess();
    const other = viewOf(fs, makeUser({ name: 'other' }));
    await cut(view, '/a', ['123456789'], connectionLost);
    await cut(other, '/b', ['123456789'], connectionLost);
    expect([await names(view), await names(other)]).toEqual([['a 8'], ['b 8']]);
    await cut(view, '/a', ['1234567890123'], connectionLost);
    expect(await names(view)).toEqual(['a 12']);
  });

  it('does not wait for an upload that moves, and shows the version before it', async () => {
    const { fs, view } = oneProcess();
    await put(view, '/a', 'old');
    const upload = await view.prepareUpload(at('/a'), { kind: 'new' });
    let end: () => void = () => undefined;
    const source = {
      deliver: async (accept: (bytes: Buffer) => boolean) => {
        accept(Buffer.from('123456789'));
        await new Promise<void>((resolve) => {
          end = resolve;
        });
      },
    };
    const received = upload.receive(source, accepts, never());
    expect(await names(viewOf(fs))).toEqual(['a 3']);
    end();
    await received;
    expect(await names(view)).toEqual(['a 9']);
  });

  it('of a directory that is being renamed shows its entries wherever their files are', async () => {
    const { fs, view, objects } = oneProcess();
    await view.makeDirectory(at('/d'));
    await put(view, '/d/a', 'x');
    await transact(fs, async (tx) => {
      const row = entryKey({ parent: 'acme', name: 'd' });
      tx.put(row, { ...((await tx.get(row)) as DirectoryEntry), mark: { purpose: 'moving', owner: 'x', token: 'x' } });
    });
    await objects.directories.move('acme/d', 'acme/e');
    expect(await names(view, '/d')).toEqual(['a 1']);
  });

  it.each([
    ['of what is not there', '/no', 'not-found'],
    ['of a file', '/a', 'not-a-directory'],
  ])('%s is refused before the first page', async (_, path, kind) => {
    const { view } = oneProcess();
    await put(view, '/a', 'x');
    expect(await kindOf(view.list(at(path)))).toBe(kind);
  });

  it('is refused without the right to list, whether the directory is there or not', async () => {
    const { fs } = oneProcess();
    const dropBox = viewOf(fs, makeUser({ rights: ['write'] }));
    expect([await kindOf(dropBox.list(at('/'))), await kindOf(dropBox.list(at('/no')))]).toEqual(['not-allowed', 'not-allowed']);
  });

  it('tells the sizes it shows: a complete file may be continued at exactly that', async () => {
    const { view } = oneProcess();
    await put(view, '/log', '12345');
    await names(view);
    await put(view, '/log', '67', { kind: 'append' });
    expect(await names(view)).toEqual(['log 7']);
  });
});

it('the home shows when its partner was made', async () => {
  const { fs } = oneProcess();
  const created = Date.UTC(2025, 10, 22);
  expect(await viewOf(fs, makeUser({ created })).stat(at('/'), 'time')).toMatchObject({ kind: 'directory', modified: created });
});
