import fc from 'fast-check';
import { filesInIndex, objectsInStore } from '../../runtime/filesystem/key-order';
import { reconcile, type Step } from '../../runtime/filesystem/reconcile';
import { compareNames } from '../../runtime/model/entry';
import type { Found } from '../../runtime/ports/object-store';
import { fastClock } from '../support/fast-clock';
import { at, makeFilesystem, memoryStores, names, put, viewOf } from '../support/filesystem';

function make() {
  const stores = memoryStores();
  const fs = makeFilesystem(stores, fastClock());
  return { fs, store: stores.objects, view: viewOf(fs) };
}

async function run(fs: ReturnType<typeof make>['fs'], options: Partial<Parameters<typeof reconcile>[1]> = {}): Promise<Step[]> {
  const steps: Step[] = [];
  for await (const step of reconcile(fs, { directory: 'acme', repair: false, ...options })) steps.push(step);
  return steps;
}

const drifts = (steps: Step[]) =>
  steps.filter((step) => step.drift).map(({ key, drift, repaired }) => [key, drift, repaired].filter(Boolean).join(' '));

describe('the two streams that are compared', () => {
  it('come in the byte order of whole keys, whatever the names', async () => {
    const name = fc.stringMatching(/^[a-c./\- ﾦ😀]{1,3}$/u).filter((text) => !/^\.|\/|^ | $/.test(text) && !/\.(tmp|part)$/.test(text));
    const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((segments) => `/${segments.join('/')}`);
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(path, { minLength: 1, maxLength: 12 }), async (paths) => {
        const { fs, store, view } = make();
        for (const one of paths) {
          // One name cannot be a file and a directory: such a path is left out.
          try {
            const segments = one.split('/').slice(1, -1);
            for (const [index] of segments.entries()) {
              const directory = at(`/${segments.slice(0, index + 1).join('/')}`);
              await view.makeDirectory(directory).catch(() => undefined);
            }
            await put(view, one, 'x');
          } catch {
            // Taken by the other kind.
          }
        }
        const inIndex: string[] = [];
        for await (const { key } of filesInIndex(fs, 'acme')) inIndex.push(key);
        const inStore: string[] = [];
        for await (const { key } of objectsInStore(store, 'acme')) inStore.push(key);
        expect(inIndex).toEqual([...inIndex].sort(compareNames));
        expect(inStore).toEqual(inIndex);
      }),
      { numRuns: 60 },
    );
  });
});

describe('reconcile', () => {
  it('says nothing of what agrees', async () => {
    const { fs, view } = make();
    await put(view, '/a', 'one');
    await put(view, '/b.tmp', 'two');
    expect(await run(fs)).toEqual([
      { key: 'acme/a', place: 'acme/a' },
      { key: 'acme/b.tmp', place: '.temporary/acme/b.tmp' },
    ]);
  });

  it('finds what others put, took and replaced, and only reports it unless told to repair', async () => {
    const { fs, store, view } = make();
    for (const name of ['/kept', '/replaced', '/taken']) await put(view, name, 'content');
    store.take('acme/taken');
    store.place('acme/replaced', Buffer.from('other'));
    store.place('acme/unknown', Buffer.from('new'));
    store.place('acme/a\nb', Buffer.from('no name for FTP'));
    const found = ['acme/a\nb unnameable', 'acme/replaced other-version', 'acme/taken missing', 'acme/unknown unknown'];
    expect(drifts(await run(fs))).toEqual(found);
    expect(drifts(await run(fs))).toEqual(found);
  });

  it('repairs by looking again: afterwards nothing is left to repair and the listing equals the store', async () => {
    const { fs, store, view } = make();
    for (const name of ['/kept', '/taken']) await put(view, name, 'content');
    store.take('acme/taken');
    store.place('acme/sub/unknown', Buffer.from('new'));
    await run(fs, { repair: true });
    // A file dropped into a folder is adopted when it has kept still for two seconds.
    await fs.clock.sleep(2_000);
    await run(fs, { repair: true });
    expect(drifts(await run(fs))).toEqual([]);
    expect(await names(view)).toEqual(['kept 7', 'sub/']);
    expect(await names(view, '/sub')).toEqual(['unknown 3']);
  });

  it('goes on behind the key that an earlier run has told', async () => {
    const { fs, view } = make();
    for (const name of ['/a', '/b', '/c']) await put(view, name, 'content');
    expect((await run(fs, { after: 'acme/a' })).map(({ key }) => key)).toEqual(['acme/b', 'acme/c']);
  });

  it('compares one directory when asked', async () => {
    const { fs, store, view } = make();
    await view.makeDirectory(at('/one'));
    await put(view, '/one/a', 'content');
    await put(view, '/b', 'content');
    store.take('acme/b');
    expect((await run(fs, { directory: 'acme/one' })).map(({ key }) => key)).toEqual(['acme/one/a']);
  });

  it('goes on in the half that the place lies in: temporary names come after all others', async () => {
    const { fs, view } = make();
    for (const name of ['/a', '/b.tmp', '/c', '/d.tmp']) await put(view, name, 'content');
    const places = async (after?: string) => (await run(fs, { after })).map(({ place }) => place);
    const all = ['acme/a', 'acme/c', '.temporary/acme/b.tmp', '.temporary/acme/d.tmp'];
    expect(await places()).toEqual(all);
    for (const [index, after] of all.entries()) expect(await places(after)).toEqual(all.slice(index + 1));
  });

  describe('of a bucket', () => {
    /** Keys are listed without a look at each; the looks are the test's. */
    function bucket(keys: readonly string[], look: (key: string) => Promise<Found | undefined>, failsAt?: string) {
      const { fs, store } = make();
      for (const key of keys) store.place(key, Buffer.from('placed'));
      const list = async function* (prefix: string) {
        for (const key of keys.filter((one) => one.startsWith(prefix))) {
          if (key === failsAt) throw new Error('the listing broke off');
          yield { key, found: { version: 'v', size: 6, modified: 0 } };
        }
      };
      const replaced: Record<PropertyKey, unknown> = { list, look, directories: undefined };
      const objects = new Proxy(store, { get: (of, name) => (name in replaced ? replaced[name] : Reflect.get(of, name)) });
      const made = { ...fs, objects };
      made.folders.attach(made);
      return { made, store };
    }

    it('repairs many at once, and tells of them in the order of keys', async () => {
      const keys = Array.from({ length: 100 }, (_, index) => `acme/${String(index).padStart(3, '0')}`);
      let now = 0;
      let most = 0;
      const { made, store } = bucket(keys, async (key) => {
        most = Math.max(most, ++now);
        // The first takes longest: the others wait for it to be told.
        await made.clock.sleep(key === 'acme/000' ? 500 : 100);
        now--;
        return store.look(key);
      });
      const steps = await run(made, { repair: true });
      expect(steps.map(({ key, repaired }) => [key, repaired])).toEqual(keys.map((key) => [key, 'adopted']));
      expect(most).toBeGreaterThan(8);
      expect(most).toBeLessThanOrEqual(16);
    });

    it.each<[string, string | undefined, string | undefined]>([
      ['a look fails', 'acme/c', undefined],
      ['the listing breaks off', undefined, 'acme/c'],
    ])('when %s, has told all that came before and nothing behind, and leaves nothing running', async (_, lookAt, listAt) => {
      let running = 0;
      const { made, store } = bucket(
        ['acme/a', 'acme/b', 'acme/c', 'acme/d'],
        async (key) => {
          running++;
          await made.clock.sleep(key === lookAt ? 10 : 500);
          running--;
          if (key === lookAt) throw new Error('the store is away');
          return store.look(key);
        },
        listAt,
      );
      const told: string[] = [];
      const failing = async () => {
        for await (const { key } of reconcile(made, { directory: 'acme', repair: true })) told.push(key);
      };
      await expect(failing()).rejects.toThrow(lookAt ? 'the store is away' : 'the listing broke off');
      expect(told).toEqual(['acme/a', 'acme/b']);
      expect(running).toBe(0);
    });
  });

  describe('of a store that lists a key in the wrong place', () => {
    /** As a gateway that writes U+FFFD for what XML cannot say, and lists by the true name. */
    async function disordered() {
      const { fs, store, view } = make();
      for (const name of ['/a', '/b', '/taken']) await put(view, name, 'content');
      store.take('acme/taken');
      store.place('acme/z', Buffer.from('placed'));
      const list = async function* (prefix: string) {
        if (!prefix.startsWith('acme/')) return;
        const found = { version: 'v', size: 1, modified: 0 };
        yield { key: 'acme/\uFFFDctl', found };
        for (const key of ['acme/a', 'acme/b', 'acme/z']) yield { key, found: (await store.look(key)) as typeof found };
      };
      const objects = new Proxy(store, {
        get: (of, name) => (name === 'list' ? list : name === 'directories' ? undefined : Reflect.get(of, name)),
      });
      const made = { ...fs, objects };
      made.folders.attach(made);
      return made;
    }

    it('only true differences are told, each once', async () => {
      const steps = await run(await disordered());
      expect(drifts(steps)).toEqual(['acme/taken missing', 'acme/\uFFFDctl unnameable', 'acme/z unknown']);
      expect(steps.map(({ key }) => key)).toEqual(['acme/a', 'acme/b', 'acme/taken', 'acme/\uFFFDctl', 'acme/z']);
    });
  });
});
