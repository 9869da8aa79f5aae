import { MemoryObjectStore } from '../../runtime/adapters/memory/memory-object-store';
import { Failure } from '../../runtime/model/failure';
import { runUntilDone } from '../support/fake-clock';
import { accepts, at, events, get, makeUser, names, never, put, sourceOf, unfinished, viewOf } from '../support/filesystem';
import { kindOf, oneProcess } from '../support/one-process';

describe('an upload', () => {
  it('is whole, listed and announced once when it resolves', async () => {
    const { fs, view, objects } = oneProcess();
    await put(view, '/a.csv', 'one');
    expect(await names(view)).toEqual(['a.csv 3']);
    expect(await get(view, '/a.csv')).toBe('one');
    expect([...objects.objects.keys()]).toEqual(['acme/a.csv']);
    expect(await events(fs)).toEqual(['arrived acme/a.csv']);
    expect(await unfinished(fs)).toEqual([]);
  });

  it('of nothing is an empty file', async () => {
    const { view } = oneProcess();
    const upload = await view.prepareUpload(at('/empty'), { kind: 'new' });
    expect(await upload.receive(sourceOf([]), accepts, never())).toEqual({ size: 0 });
    expect(await names(view)).toEqual(['empty 0']);
  });

  it('replaces a file only with the right to', async () => {
    const { fs, view } = oneProcess();
    await put(view, '/a', 'one');
    const poor = viewOf(fs, makeUser({ rights: ['write', 'list', 'read'] }));
    expect(await kindOf(put(poor, '/a', 'two'))).toBe('may-not-overwrite');
    expect(await get(view, '/a')).toBe('one');
    await put(view, '/a', 'two');
    expect(await get(view, '/a')).toBe('two');
  });

  it('may reuse a name that a consumer has taken, also without the right to replace', async () => {
    const { fs, objects } = oneProcess();
    const dropBox = viewOf(fs, makeUser({ rights: ['write'] }));
    await put(dropBox, '/a', 'one');
    objects.take('acme/a');
    await put(dropBox, '/a', 'two');
    expect(objects.objects.get('acme/a')?.bytes.toString()).toBe('two');
    expect(await events(fs)).toEqual(['arrived acme/a', 'removed acme/a', 'arrived acme/a']);
  });

  it('does not replace a file that was dropped there meanwhile, without the right to', async () => {
    const { fs, view, objects } = oneProcess();
    const upload = await viewOf(fs, makeUser({ rights: ['write'] })).prepareUpload(at('/a'), { kind: 'new' });
    objects.place('acme/a', Buffer.from('outside'));
    expect(await kindOf(upload.receive(sourceOf(['mine']), accepts, never()))).toBe('may-not-overwrite');
    expect(await get(view, '/a')).toBe('outside');
    expect(await unfinished(fs)).toEqual([]);
    expect(objects.half.size).toBe(0);
  });

  it.each([
    ['not found when its directory is missing', '/no/a', 'not-found'],
    ['refused onto a directory', '/dir', 'is-a-directory'],
    ['refused below a file', '/file/a', 'not-a-directory'],
    ['refused onto the home', '/', 'is-a-directory'],
  ])('is %s', async (_, path, kind) => {
    const { view } = oneProcess();
    await view.makeDirectory(at('/dir'));
    await put(view, '/file', 'x');
    expect(await kindOf(view.prepareUpload(at(path), { kind: 'new' }))).toBe(kind);
  });

  it('larger than the partner may store is refused and nothing of it is kept', async () => {
    const { fs, objects } = oneProcess();
    const view = viewOf(fs, makeUser({ maxFileBytes: 10 }));
    expect(await kindOf(view.prepareUpload(at('/a'), { kind: 'new' }, 11))).toBe('too-large');
    const upload = await view.prepareUpload(at('/a'), { kind: 'new' });
    expect(await kindOf(upload.receive(sourceOf(['12345678', '901']), accepts, never()))).toBe('too-large');
    expect(objects.half.size).toBe(0);
    expect(await names(view)).toEqual([]);
  });

  it('is refused before the transfer when the store is full', async () => {
    const { view, objects } = oneProcess();
    objects.full = true;
    expect(await kindOf(view.prepareUpload(at('/a'), { kind: 'new' }))).toBe('disk-full');
  });

  it('is not committed when the verdict forbids it', async () => {
    const { view, objects } = oneProcess();
    const upload = await view.prepareUpload(at('/a'), { kind: 'new' });
    const forbid = () => {
      throw new Failure('control-lost', 'The control connection was lost.');
    };
    expect(await kindOf(upload.receive(sourceOf(['12345678']), forbid, never()))).toBe('control-lost');
    expect(objects.objects.size).toBe(0);
    expect(await names(view)).toEqual(['a 7']);
  });

  it('under a name of the server never meets another', async () => {
    const { view, clock } = oneProcess();
    const uploads = await runUntilDone(clock, Promise.all([1, 2, 3].map(() => view.prepareUpload(at('/scan'), { kind: 'unique' }))));
    expect(new Set(uploads.map(({ path }) => path)).size).toBe(3);
    await runUntilDone(clock, Promise.all(uploads.map((upload, index) => upload.receive(sourceOf([`scan ${index}`]), accepts, never()))));
    expect(await names(view)).toHaveLength(3);
  });

  it('under a name of the server meets no directory that others have put there', async () => {
    const { view, objects } = oneProcess();
    objects.folders.add('acme/scan');
    const { path } = await view.prepareUpload(at('/scan'), { kind: 'unique' });
    expect(path).toMatch(/^\/scan\../);
  });

  it('of two at once the one that began later is there in the end, whole', async () => {
    const { view } = oneProcess();
    const first = await view.prepareUpload(at('/a'), { kind: 'new' });
    const second = await view.prepareUpload(at('/a'), { kind: 'new' });
    await second.receive(sourceOf(['second']), accepts, never());
    expect(await kindOf(first.receive(sourceOf(['first']), accepts, never()))).toBe('overtaken');
    expect(await get(view, '/a')).toBe('second');
  });

  it('below a directory that was removed meanwhile is refused and dropped', async () => {
    const { fs, view, objects } = oneProcess();
    await view.makeDirectory(at('/dir'));
    const upload = await view.prepareUpload(at('/dir/a'), { kind: 'new' });
    const key = { table: 'entry', partition: 'acme', sort: 'dir' } as const;
    const [row] = await fs.metadata.get([key]);
    await fs.metadata.transact([{ kind: 'remove', key, expected: row?.revision ?? 'absent' }]);
    expect(await kindOf(upload.receive(sourceOf(['12345678']), accepts, never()))).toBe('not-found');
    expect(await unfinished(fs)).toEqual([]);
    expect(objects.half.size).toBe(0);
  });
});

describe('an append', () => {
  it('keeps the file and adds to it', async () => {
    const { view } = oneProcess();
    await put(view, '/log', 'one ', { kind: 'append' });
    await put(view, '/log', 'two', { kind: 'append' });
    expect(await get(view, '/log')).toBe('one two');
  });

  it('to a file that changed meanwhile stores nothing', async () => {
    const { view, fs } = oneProcess();
    await put(view, '/log', 'one ');
    const upload = await view.prepareUpload(at('/log'), { kind: 'append' });
    await put(viewOf(fs), '/log', 'other');
    expect(await kindOf(upload.receive(sourceOf(['two']), accepts, never()))).toBe('base-changed');
    expect(await get(view, '/log')).toBe('other');
  });

  it('at a size is only possible at the whole size', async () => {
    const { view } = oneProcess();
    await put(view, '/log', '12345');
    expect(await kindOf(view.prepareUpload(at('/log'), { kind: 'at', offset: 3 }))).toBe('restart-not-possible');
    await put(view, '/log', '67', { kind: 'at', offset: 5 });
    expect(await get(view, '/log')).toBe('1234567');
  });
});

describe('an upload that nothing has cut', () => {
  /** Sends one piece, then nothing more until the test ends it. */
  function hanging(piece: string) {
    let end: () => void = () => undefined;
    const source = {
      deliver: async (accept: (bytes: Buffer) => boolean) => {
        accept(Buffer.from(piece));
        await new Promise<void>((resolve) => {
          end = resolve;
        });
      },
    };
    return { source, end: () => end() };
  }

  it('is told to its owner at its durable size once it is silent, and taken over by exactly that', async () => {
    const { view, fs, clock } = oneProcess();
    const upload = await view.prepareUpload(at('/a'), { kind: 'new' });
    const { source } = hanging('123456789');
    const first = kindOf(upload.receive(source, accepts, never()));
    const second = viewOf(fs);
    const shown = await runUntilDone(clock, second.stat(at('/a'), 'size'));
    expect(shown.size).toBe(8);
    await runUntilDone(clock, put(second, '/a', '90', { kind: 'at', offset: 8 }));
    expect(await first).toBe('taken-over');
    expect(await get(second, '/a')).toBe('1234567890');
    expect(await unfinished(fs)).toEqual([]);
  });

  it('is not shown and not taken over while bytes come', async () => {
    const { view, fs, clock } = oneProcess();
    const upload = await view.prepareUpload(at('/a'), { kind: 'new' });
    const { source, end } = hanging('123456789');
    const first = upload.receive(source, accepts, never());
    const second = viewOf(fs);
    expect(await names(second)).toEqual([]);
    const append = kindOf(second.prepareUpload(at('/a'), { kind: 'at', offset: 8 }));
    await clock.advance(200);
    fs.active.of('acme/a', 'acme')[0]?.sawBytes();
    await clock.advance(200);
    expect(await append).toBe('restart-moved-on');
    end();
    await first;
    expect(await get(view, '/a')).toBe('123456789');
  });
});

it('the home is a directory, which no DELE removes', async () => {
  expect(await kindOf(oneProcess().view.deleteFile(at('/')))).toBe('is-a-directory');
});

describe('temporary names', () => {
  it('are received where no consumer looks and announced when they get their lasting name', async () => {
    const { fs, view, objects } = oneProcess();
    await put(view, '/a.csv.part', 'data');
    expect([...objects.objects.keys()]).toEqual(['.temporary/acme/a.csv.part']);
    expect(await names(view)).toEqual(['a.csv.part 4']);
    expect(await events(fs)).toEqual([]);
    await view.rename(await view.prepareRename(at('/a.csv.part')), at('/a.csv'));
    expect([...objects.objects.keys()]).toEqual(['acme/a.csv']);
    expect(await events(fs)).toEqual(['arrived acme/a.csv']);
  });

  it('withdraw a file that is renamed to one', async () => {
    const { fs, view } = oneProcess();
    await put(view, '/a.csv', 'data');
    await view.rename(await view.prepareRename(at('/a.csv')), at('/a.csv.tmp'));
    expect(await events(fs)).toEqual(['arrived acme/a.csv', 'removed acme/a.csv']);
  });

  it('are ordinary names where the partner has them switched off', async () => {
    const { fs, objects } = oneProcess();
    const user = makeUser();
    await put(viewOf(fs, { ...user, switches: { ...user.switches, temporaryNames: 'off' } }), '/a.tmp', 'data');
    expect([...objects.objects.keys()]).toEqual(['acme/a.tmp']);
  });
});

describe('the memory object store', () => {
  it('shows nothing before complete', async () => {
    const store = new MemoryObjectStore();
    const writer = store.begin({ token: 't', storedKey: 'k', partner: 'p' });
    writer.accept(Buffer.from('123456789'));
    await writer.settle();
    expect(await store.look('k')).toBeUndefined();
  });
});
