import { MemoryObjectStore } from '../../runtime/adapters/memory/memory-object-store';
import { randomIds } from '../../runtime/adapters/random-ids';
import type { Filesystem } from '../../runtime/filesystem/filesystem';
import { deliverOutbox } from '../../runtime/filesystem/outbox';
import type { PartnerView } from '../../runtime/filesystem/partner-view';
import type { OutboxEvent } from '../../runtime/model/change';
import { Failure } from '../../runtime/model/failure';
import { fastClock } from '../support/fast-clock';
import { at, cut, get, makeFilesystem, names, put, unfinished, viewOf } from '../support/filesystem';
import { type Between, openBetween } from './dynamodb-fixture';
import { describeOn, dynamodbLocal } from './dynamodb-servers';

/**
 * The rules of the filesystem on a real table whose answers get lost: each write of each change in turn, before and after it has been applied. The store says
 * when it cannot know, the rule reads again; in the end everything has happened once.
 */
interface Change {
  readonly name: string;
  readonly run: (view: PartnerView) => Promise<unknown>;
  /** What is there in the end. */
  readonly files: readonly string[];
  readonly events: readonly string[];
}

const changes: readonly Change[] = [
  { name: 'a new file', run: (view) => put(view, '/in/new', 'hello'), files: ['new 5', 'old 3'], events: ['arrived'] },
  { name: 'a file over another', run: (view) => put(view, '/in/old', 'hello'), files: ['old 5'], events: ['arrived'] },
  {
    name: 'a rename',
    run: async (view) => view.rename(await view.prepareRename(at('/in/old')), at('/in/moved')),
    files: ['moved 3'],
    events: ['moved'],
  },
  { name: 'a removal', run: (view) => view.deleteFile(at('/in/old')), files: [], events: ['removed'] },
  {
    name: 'a directory made and removed',
    run: async (view) => {
      await view.makeDirectory(at('/in/sub'));
      await view.removeDirectory(at('/in/sub'));
    },
    files: ['old 3'],
    events: [],
  },
  {
    name: 'an upload that is cut',
    run: (view) => cut(view, '/in/old', [Buffer.alloc(200_000)], new Failure('cut', 'cut')),
    files: ['old 199999'],
    events: [],
  },
];

describeOn(dynamodbLocal, (server) => {
  let between: Between;
  let fs: Filesystem;
  let view: PartnerView;

  const open = async () => {
    between = await openBetween(server().endpoint, { clock: fastClock(50) });
    fs = { ...makeFilesystem({ metadata: between.store, objects: new MemoryObjectStore() }, fastClock(50)), ids: randomIds };
    fs.folders.attach(fs);
    view = viewOf(fs);
    await view.makeDirectory(at('/in'));
    await put(view, '/in/old', 'old');
    await deliverOutbox(fs, undefined);
    between.proxy.forget();
  };

  const takeEvents = async () => {
    const events: OutboxEvent[] = [];
    await deliverOutbox(fs, { deliver: async (event) => void events.push(event) });
    return events.map(({ type }) => type);
  };

  afterEach(() => between.close());

  describe.each(changes)('$name', ({ run, files, events }) => {
    it.each(['drop-before', 'drop-after'] as const)('happens once, whichever answer is lost (%s)', async (fault) => {
      await open();
      await run(view);
      const { writes } = between.proxy;
      expect(writes).toBeGreaterThan(1);
      for (let write = 1; write <= writes; write++) {
        await between.close();
        await open();
        between.proxy.planWrite(write, fault);
        await run(view);
        expect([write, await names(view, '/in')]).toEqual([write, files]);
        expect([write, await takeEvents()]).toEqual([write, events]);
        expect([write, await unfinished(fs)]).toEqual([write, []]);
      }
      if (files.includes('old 5')) expect(await get(view, '/in/old')).toBe('hello');
    });
  });

  it('delivers an event again when the removal of its row got no answer, under the same id', async () => {
    await open();
    await put(view, '/in/new', 'hello');
    between.proxy.planWrite(1, 'drop-after');
    expect(await takeEvents()).toEqual(['arrived']);
    expect(await takeEvents()).toEqual([]);
  });
});
