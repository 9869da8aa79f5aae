import fc from 'fast-check';
import { filesInIndex, objectsInStore } from '../../runtime/filesystem/key-order';
import { reconcile, type Step } from '../../runtime/filesystem/reconcile';
import { compareNames } from '../../runtime/model/entry';
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
    expect(await run(fs)).toEqual([{ key: 'acme/a' }, { key: 'acme/b.tmp' }]);
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
    expect(await run(fs, { directory: 'acme/one' })).toEqual([{ key: 'acme/one/a' }]);
  });
});
