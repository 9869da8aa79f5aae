import type { ProcessMetrics } from '../../runtime/adapters/process-metrics';
import type { Filesystem } from '../../runtime/filesystem/filesystem';
import { deliverOutbox } from '../../runtime/filesystem/outbox';
import type { OutboxEvent } from '../../runtime/model/change';
import type { MetadataStore, Write } from '../../runtime/ports/metadata-store';
import { fastClock } from '../support/fast-clock';
import { at, events, makeFilesystem, memoryStores, put, viewOf } from '../support/filesystem';
import { oneProcess } from '../support/one-process';

function collector(refuse: (event: OutboxEvent) => boolean = () => false) {
  const taken: string[] = [];
  const sink = {
    deliver: async (event: OutboxEvent) => {
      if (refuse(event)) throw new Error('the sink is away');
      taken.push(`${event.type} ${event.key} ${event.id}`);
    },
  };
  return { taken, sink };
}

async function make() {
  const made = oneProcess();
  await put(made.view, '/a', 'one');
  await made.view.deleteFile(at('/a'));
  await put(made.view, '/a', 'two');
  await put(made.view, '/b', 'one');
  return made;
}

const kinds = (taken: readonly string[]) => taken.map((line) => line.split(' ').slice(0, 2).join(' '));

it('each event is delivered once, those of a path in order, and then its row goes', async () => {
  const { fs } = await make();
  const { taken, sink } = collector();
  expect(await deliverOutbox(fs, sink)).toBe(4);
  expect(kinds(taken)).toEqual(['arrived acme/a', 'removed acme/a', 'arrived acme/a', 'arrived acme/b']);
  expect(new Set(taken).size).toBe(4);
  expect(await events(fs)).toEqual([]);
  expect(await deliverOutbox(fs, sink)).toBe(0);
});

it('a path whose event was refused waits as a whole, and the other paths do not', async () => {
  const { fs } = await make();
  const refusing = collector(({ type, key }) => key === 'acme/a' && type === 'removed');
  expect(await deliverOutbox(fs, refusing.sink)).toBe(2);
  expect(kinds(refusing.taken)).toEqual(['arrived acme/a', 'arrived acme/b']);
  const { taken, sink } = collector();
  await deliverOutbox(fs, sink);
  expect(kinds(taken)).toEqual(['removed acme/a', 'arrived acme/a']);
});

it('an event that was delivered before a crash comes again with the same id', async () => {
  const { fs } = await make();
  const { taken, sink } = collector();
  const dying = { ...fs.metadata, transact: () => new Promise<boolean>(() => undefined) };
  const metadata = Object.assign(Object.create(fs.metadata) as typeof fs.metadata, { transact: dying.transact });
  deliverOutbox({ ...fs, metadata }, sink).catch(() => undefined); // Never goes on: its process is dead.
  while (taken.length === 0) await new Promise((resolve) => setImmediate(resolve));
  await deliverOutbox(fs, sink);
  expect(taken[1]).toBe(taken[0]);
});

it('without anybody to tell the rows just go', async () => {
  const { fs } = await make();
  expect(await deliverOutbox(fs, undefined)).toBe(4);
  expect(await events(fs)).toEqual([]);
});

describe('several tasks behind which a stream of the table tells the events', () => {
  /** What a stream sees: every row that becomes one, whatever becomes of it later. */
  function streamed() {
    const clock = fastClock();
    const stores = memoryStores();
    const told: string[] = [];
    const removals = { done: 0, refused: 0 };
    const metadata: MetadataStore = Object.assign(Object.create(stores.metadata) as MetadataStore, {
      transact: async (writes: readonly Write[]) => {
        const applied = await stores.metadata.transact(writes);
        const outbox = writes.filter(({ key }) => key.table === 'outbox');
        if (applied)
          for (const write of outbox)
            if (write.kind === 'put') {
              expect(write.expected).toBe('absent');
              told.push((write.value as OutboxEvent).id);
            }
        if (outbox.some(({ kind }) => kind === 'remove')) removals[applied ? 'done' : 'refused']++;
        return applied;
      },
    });
    const tasks = ['first', 'second', 'third'].map((name) => makeFilesystem({ ...stores, metadata }, clock, name));
    return { clock, tasks, told, removals };
  }

  it('each event is told once, when it is written, however many remove its row at the same time', async () => {
    const { tasks, told, removals } = streamed();
    const files = Array.from({ length: 24 }, (_, index) => `/file-${index}`);
    const work = files.map(async (file, index) => {
      const view = viewOf(tasks[index % tasks.length] as Filesystem);
      await put(view, file, 'one');
      if (index % 3 === 0) await put(view, file, 'two');
      if (index % 5 === 0) await view.deleteFile(at(file));
    });
    let over = false;
    const sweeping = tasks.map(async (task) => {
      while (!over) {
        await deliverOutbox(task, undefined);
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    await Promise.all(work).finally(() => {
      over = true;
    });
    await Promise.all(sweeping);
    await deliverOutbox(tasks[0] as Filesystem, undefined);
    expect(await events(tasks[0] as Filesystem)).toEqual([]);
    expect(told).toHaveLength(24 + 8 + 5);
    expect(new Set(told).size).toBe(told.length);
    expect(removals.done).toBe(told.length);
  });

  it('who meets another at work leaves the rest to him, so that a row costs little more than one removal', async () => {
    const { tasks, removals } = streamed();
    for (let file = 0; file < 100; file++) await put(viewOf(tasks[0] as Filesystem), `/file-${file}`, 'one');
    const counts = await Promise.all(tasks.map((task) => deliverOutbox(task, undefined)));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(100);
    expect(removals.refused).toBeLessThanOrEqual(3 * (tasks.length - 1));
    expect(await events(tasks[0] as Filesystem)).toEqual([]);
  });

  it('tells how old the oldest row is that it finds', async () => {
    const { clock, fs } = await make();
    await clock.advance(400_000);
    await deliverOutbox(fs, undefined);
    expect((fs.metrics as ProcessMetrics).levels()['outbox.oldest-seconds']).toBe(400);
    await deliverOutbox(fs, undefined);
    expect((fs.metrics as ProcessMetrics).levels()['outbox.oldest-seconds']).toBe(0);
  });
});
