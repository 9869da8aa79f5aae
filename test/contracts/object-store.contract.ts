import type { ObjectKey, Version } from '../../runtime/model/entry';
import { Failure } from '../../runtime/model/failure';
import type { Found, ObjectStore } from '../../runtime/ports/object-store';
import {
  contentOf,
  embeddedFacts,
  halfWritten,
  kindOf,
  type MadeStore,
  never,
  putObject,
  readAll,
  type StoreFacts,
} from './store-under-test';

/** What every object store must do with objects that are there: read, remove and move exactly one version. */
export function describeObjectStore(name: string, make: () => Promise<MadeStore>, facts: StoreFacts = embeddedFacts): void {
  describe(`${name} as an object store`, () => {
    let made: MadeStore;
    let store: ObjectStore;

    beforeEach(async () => {
      made = await make();
      store = made.store;
    });

    afterEach(() => made.end());

    const put = (key: ObjectKey, content: Buffer, over?: Version) => putObject(made, key, content, over);

    describe('reading', () => {
      it('begins where it is asked to, at the end and not behind it', async () => {
        const content = contentOf(2_200_000);
        const { version } = await put('acme/a', content);
        for (const start of [0, 1, 1_048_576, 2_199_999, 2_200_000]) {
          expect((await readAll(store, 'acme/a', version, start))?.equals(content.subarray(start))).toBe(true);
        }
      });

      it('gives exactly the version that was opened, also when it is replaced meanwhile', async () => {
        const content = contentOf(3_000_000);
        const { version } = await put('acme/a', content);
        const chunks = (await store.read('acme/a', version, 0, never)) as AsyncIterable<Buffer>;
        const found: Buffer[] = [];
        for await (const chunk of chunks) {
          if (found.length === 0) await put('acme/a', Buffer.from('another'), version);
          found.push(chunk);
        }
        expect(Buffer.concat(found).equals(content)).toBe(true);
        if (!facts.keepsVersions) {
          expect(await store.read('acme/a', version, 0, never)).toBeUndefined();
          expect(await store.checksum('acme/a', version)).toBeUndefined();
        }
        expect(await store.read('acme/nothing', version, 0, never)).toBeUndefined();
      });

      it('stops when it is aborted', async () => {
        const { version } = await put('acme/a', contentOf(3_000_000));
        const abort = new AbortController();
        const chunks = (await store.read('acme/a', version, 0, abort.signal)) as AsyncIterable<Buffer>;
        const drain = async () => {
          for await (const chunk of chunks) if (chunk.length > 0) abort.abort(new Failure('aborted', 'Stopped.'));
        };
        expect(['done', 'aborted']).toContain(await kindOf(drain()));
      });
    });

    describe('removing', () => {
      it('takes away exactly the version that was seen', async () => {
        const { version } = await put('acme/a', Buffer.from('one'));
        await made.take('acme/a');
        await made.place('acme/a', Buffer.from('two'));
        const other = await store.look('acme/a');
        expect(await store.remove('acme/a', version)).toEqual({ other });
        expect(await store.look('acme/a')).toEqual(other);
        expect(await store.remove('acme/a', other?.version as Version)).toBe('removed');
        // A store need not say that there was nothing left to remove.
        expect(['removed', 'absent']).toContain(await store.remove('acme/a', other?.version as Version));
        expect(await store.look('acme/a')).toBeUndefined();
        expect(await halfWritten(made)).toEqual([]);
      });
    });

    it('admits uploads while there is room', () => expect(store.requireRoom()).resolves.toBeUndefined());

    if (!facts.folders) return;

    describe('moving a file', () => {
      const move = (from: ObjectKey, version: Version, to: ObjectKey, over?: Version) => {
        if (!store.move) throw new Error('this store cannot move');
        return store.move({ from, version, to, over });
      };

      it('is one step, onto a free name, also of a directory that is not there yet', async () => {
        const { version } = await put('acme/a', Buffer.from('content'));
        const moved = await move('acme/a', version, 'acme/new/b');
        const found = (await store.look('acme/new/b')) as Found;
        expect(moved).toEqual({ version: found.version });
        expect(await readAll(store, 'acme/new/b', found.version)).toEqual(Buffer.from('content'));
        expect(await store.look('acme/a')).toBeUndefined();
        expect(await move('acme/a', version, 'acme/c')).toBe('source-absent');
      });

      it('replaces the version that was seen, and nothing that was not', async () => {
        const from = await put('acme/a', Buffer.from('from'));
        const over = await put('acme/b', Buffer.from('over'));
        expect(await move('acme/a', from.version, 'acme/b')).toEqual({ occupied: over });
        expect(await store.look('acme/a')).toEqual(from);
        expect(await move('acme/a', from.version, 'acme/b', over.version)).toHaveProperty('version');
        expect((await store.look('acme/b'))?.size).toBe(4);
        expect(await store.look('acme/a')).toBeUndefined();
      });

      it('leaves another version at the source alone', async () => {
        const { version } = await put('acme/a', Buffer.from('one'));
        await made.take('acme/a');
        await made.place('acme/a', Buffer.from('two'));
        expect(await move('acme/a', version, 'acme/b')).toEqual({ sourceOther: await store.look('acme/a') });
        expect(await store.look('acme/b')).toBeUndefined();
      });
    });

    describe('directories', () => {
      const folders = () => {
        if (!store.directories) throw new Error('this store has no directories');
        return store.directories;
      };

      it('are made with their parents, listed, and removed when they are empty', async () => {
        await folders().make('acme/in/deep');
        await folders().make('acme/in/deep');
        await put('acme/in/file', Buffer.from('x'));
        expect((await folders().names('acme/in'))?.names).toEqual(
          new Map([
            ['deep', 'directory'],
            ['file', 'file'],
          ]),
        );
        expect(await folders().names('acme/other')).toBeUndefined();
        expect(await folders().stamp('acme/other')).toBeUndefined();
        expect(await folders().remove('acme/in')).toBe('not-empty');
        expect(await folders().remove('acme/in/deep')).toBe('removed');
        expect(await folders().remove('acme/in/deep')).toBe('absent');
      });

      it('move with everything below, and never onto something', async () => {
        await folders().make('acme/d/sub');
        await put('acme/d/one', Buffer.from('1'));
        await put('acme/d/sub/two', Buffer.from('2'));
        await put('acme/file', Buffer.from('f'));
        await folders().make('acme/taken');
        expect(await folders().move('acme/d', 'acme/taken')).toBe('occupied');
        expect(await folders().move('acme/d', 'acme/file')).toBe('occupied');
        expect(await folders().move('acme/d', 'acme/e')).toBe('moved');
        expect(await folders().move('acme/d', 'acme/f')).toBe('source-absent');
        expect((await folders().names('acme/e'))?.names.get('sub')).toBe('directory');
        expect(await store.look('acme/e/sub/two')).toBeDefined();
        expect(await store.look('acme/d/one')).toBeUndefined();
      });

      it('have a stamp that changes when a name comes or goes', async () => {
        await folders().make('acme/in');
        const stamps = new Set<string | undefined>([await folders().stamp('acme/in')]);
        expect((await folders().names('acme/in'))?.stamp).toBe([...stamps][0]);
        await made.place('acme/in/a', Buffer.from('x'));
        stamps.add(await folders().stamp('acme/in'));
        expect((await folders().names('acme/in'))?.names.size).toBe(1);
        expect(stamps.size).toBe(2);
      });
    });
  });
}
