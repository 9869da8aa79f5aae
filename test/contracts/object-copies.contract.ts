import type { ObjectKey, Version } from '../../runtime/model/entry';
import type { Copied, Copy, Found, ObjectStore } from '../../runtime/ports/object-store';
import { contentOf, halfWritten, type MadeStore, putObject, readAll, type StoreFacts } from './store-under-test';

/** What every store must do that has no directories: copy exactly one version in place of a move, and list its keys. */
export function describeObjectCopies(name: string, make: () => Promise<MadeStore>, { unit }: StoreFacts): void {
  describe(`${name} as a store of keys`, () => {
    let made: MadeStore;
    let store: ObjectStore;

    beforeEach(async () => {
      made = await make();
      store = made.store;
    });

    afterEach(() => made.end());

    const put = (key: ObjectKey, content: Buffer, over?: Version) => putObject(made, key, content, over);

    const copy = (from: ObjectKey, source: Pick<Found, 'version' | 'size'>, to: ObjectKey, more: Partial<Copy> = {}): Promise<Copied> => {
      if (!store.copy) throw new Error('this store cannot copy');
      const { version, size } = source;
      const onBegin = async () => undefined;
      return store.copy({ token: 'copy-1', user: 'acme', from, version, size, to, over: undefined, begun: [], onBegin, ...more });
    };

    describe('copying a file', () => {
      it.each([0, 10, 3 * unit])('of %i bytes makes a new object with a token of its own, and leaves the source', async (size) => {
        const content = contentOf(size);
        const source = await put('acme/a', content);
        const copied = await copy('acme/a', source, 'acme/new/ä b+c');
        const found = (await store.look('acme/new/ä b+c')) as Found;
        expect(copied).toEqual({ version: found.version });
        expect(found).toMatchObject({ size, token: 'copy-1' });
        expect((await readAll(store, 'acme/new/ä b+c', found.version))?.equals(content)).toBe(true);
        expect(await store.look('acme/a')).toEqual(source);
        expect(await halfWritten(made, 'acme/new/ä b+c')).toEqual([]);
      });

      it.each([10, 3 * unit])('of %i bytes replaces the version that was seen, and nothing that was not', async (size) => {
        const source = await put('acme/a', contentOf(size));
        const over = await put('acme/b', Buffer.from('over'));
        expect(await copy('acme/a', source, 'acme/b')).toEqual({ occupied: over });
        expect(await store.look('acme/b')).toEqual(over);
        expect(await copy('acme/a', source, 'acme/b', { over: over.version })).toHaveProperty('version');
        expect((await store.look('acme/b'))?.size).toBe(size);
      });

      it('says that what it should replace is gone', async () => {
        const source = await put('acme/a', contentOf(10));
        const over = await put('acme/b', Buffer.from('over'));
        await made.take('acme/b');
        expect(await copy('acme/a', source, 'acme/b', { over: over.version })).toBe('vanished');
        expect(await store.look('acme/b')).toBeUndefined();
      });

      it.each([10, 3 * unit])('of %i bytes stores at a name that a consumer has taken the file of, as a new upload does', async (size) => {
        const source = await put('acme/a', contentOf(size));
        for (let turn = 1; turn <= 2; turn++) {
          await put('acme/b', contentOf(size, turn));
          await made.take('acme/b');
          expect(await copy('acme/a', source, 'acme/b', { token: `copy-${turn}` })).toHaveProperty('version');
          expect(await store.look('acme/b')).toMatchObject({ size, token: `copy-${turn}` });
          await made.take('acme/b');
        }
      });

      it.each([10, 3 * unit])('of %i bytes, repeated, finds its own copy, also when the source is gone', async (size) => {
        const source = await put('acme/a', contentOf(size));
        const begun: string[] = [];
        const onBegin = async (uploadId: string) => void begun.push(uploadId);
        const first = await copy('acme/a', source, 'acme/b', { onBegin });
        expect(await copy('acme/a', source, 'acme/b', { begun })).toEqual(first);
        await store.remove('acme/a', source.version);
        expect(await copy('acme/a', source, 'acme/b', { begun })).toEqual(first);
        expect((await store.look('acme/b'))?.size).toBe(size);
      });

      it('leaves another version at the source alone, and one that is gone', async () => {
        const source = await put('acme/a', Buffer.from('one'));
        await made.take('acme/a');
        expect(await copy('acme/a', source, 'acme/b')).toBe('source-absent');
        await made.place('acme/a', Buffer.from('two'));
        expect(await copy('acme/a', source, 'acme/b')).toEqual({ sourceOther: await store.look('acme/a') });
        expect(await store.look('acme/b')).toBeUndefined();
      });
    });

    it('lists keys below a prefix in the order of their bytes, from behind a key', async () => {
      const names = ['a', 'a b', 'a%20b', 'a+b', 'dir/b', 'dir.txt', '\u{1F600}', '\uFFE6'];
      for (const each of names) await put(`acme/${each}`, Buffer.from(each));
      await put('acme2/other', Buffer.from('x'));
      const list = async (after?: ObjectKey) => {
        const keys: ObjectKey[] = [];
        for await (const { key, found } of store.list?.('acme/', after) ?? []) {
          keys.push(key);
          expect(found.size).toBe((await store.look(key))?.size);
        }
        return keys;
      };
      const sorted = names.map((each) => `acme/${each}`).sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
      expect(await list()).toEqual(sorted);
      expect(await list(sorted[2])).toEqual(sorted.slice(3));
    });
  });
}
