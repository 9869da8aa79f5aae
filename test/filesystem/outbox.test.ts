import { deliverOutbox } from '../../runtime/filesystem/outbox';
import type { OutboxEvent } from '../../runtime/model/change';
import { at, events, put } from '../support/filesystem';
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
