import { BudgetedPartBuffers } from '../../runtime/adapters/memory/budgeted-part-buffers';
import type { Found, ObjectWriter } from '../../runtime/ports/object-store';
import { contentOf, readAll, send } from '../contracts/store-under-test';
import { FakeBucket } from '../support/fake-bucket';
import { FakeClock } from '../support/fake-clock';
import type { Command, FakeS3Options } from '../support/fake-s3';
import { noWait } from '../support/filesystem';
import { unit } from './s3-fixture';

/**
 * What a bucket does that a server on one machine does not show: it orders a multipart upload by its begin, so an answered completion may lie below what
 * others did since; and it keeps versions.
 */
const content = contentOf(unit + 100);
const buffers = new BudgetedPartBuffers(512 * 1024 * 1024, noWait);

function make(options: FakeS3Options) {
  const clock = new FakeClock();
  const bucket = new FakeBucket(clock, options);
  const { s3 } = bucket;
  const send = s3.send.bind(s3);
  const before = new Map<string, () => Promise<void>>();
  // Something that others do just before the next request of that name.
  s3.send = async (command: Command) => {
    const name = command.constructor.name.replace(/Command$/, '');
    const action = before.get(name);
    before.delete(name);
    await action?.();
    return send(command);
  };
  return { clock, s3, store: bucket.store(), before };
}

type Made = ReturnType<typeof make>;

async function begin({ store, s3, clock }: Made): Promise<ObjectWriter> {
  s3.place('acme/a', Buffer.from('before'));
  await clock.advance(5_000);
  const writer = store.begin({ token: 'own', storedKey: 'acme/a', partner: 'acme', admission: buffers.admit('acme') });
  await send(writer, content);
  await writer.settle();
  await clock.advance(5_000);
  return writer;
}

async function shows({ store }: Made, expected: Buffer): Promise<void> {
  const found = (await store.look('acme/a')) as Found;
  expect((await readAll(store, 'acme/a', found.version))?.equals(expected)).toBe(true);
}

describe.each([
  ['by begin, with versions', { order: 'begin', versions: true }],
  ['by begin, without versions', { order: 'begin', versions: false }],
] as const)('in a bucket ordered %s', (_, options) => {
  it('an upload that nobody disturbed is what readers see', async () => {
    const made = make(options);
    const writer = await begin(made);
    expect(await writer.complete('ignored')).toEqual({ version: (await made.store.look('acme/a'))?.version });
    await shows(made, content);
  });

  it('what was put after its begin wins, though the completion is answered', async () => {
    const made = make(options);
    const writer = await begin(made);
    made.s3.place('acme/a', Buffer.from('newer'));
    expect(await writer.complete(undefined)).toEqual({ overtaken: await made.store.look('acme/a') });
    await shows(made, Buffer.from('newer'));
  });
});

describe('in a bucket ordered by begin, with versions', () => {
  const options = { order: 'begin', versions: true } as const;

  it('a consumer who took the version before hides nothing: ours is put onto the key, under its token', async () => {
    const made = make(options);
    const writer = await begin(made);
    made.s3.take('acme/a');
    await made.clock.advance(3_000);
    const completed = await writer.complete(undefined);
    const found = (await made.store.look('acme/a')) as Found;
    expect(completed).toEqual({ version: found.version });
    expect(found.token).toBe('own');
    await shows(made, content);
    expect(await writer.complete(undefined)).toEqual(completed);
  });

  it('a consumer who was faster than the look has it: a delivery, and nothing comes back', async () => {
    const made = make(options);
    const writer = await begin(made);
    made.before.set('HeadObject', async () => {
      await made.clock.advance(2_000);
      made.s3.take('acme/a');
    });
    expect(await writer.complete(undefined)).toBe('taken');
    expect(await made.store.look('acme/a')).toBeUndefined();
  });

  it('what lies directly above ours decides, not what came last', async () => {
    const made = make(options);
    const writer = await begin(made);
    made.s3.place('acme/a', Buffer.from('newer'));
    made.s3.take('acme/a');
    await made.clock.advance(3_000);
    expect(await writer.complete(undefined)).toEqual({ overtaken: undefined });
    expect(await made.store.look('acme/a')).toBeUndefined();
  });

  it('somebody who puts his file there while ours is put onto the key keeps it', async () => {
    const made = make(options);
    const writer = await begin(made);
    made.s3.take('acme/a');
    await made.clock.advance(3_000);
    made.before.set('UploadPartCopy', async () => made.s3.place('acme/a', Buffer.from('newer')));
    const completed = await writer.complete(undefined);
    expect(completed).not.toHaveProperty('version');
    await shows(made, Buffer.from('newer'));
  });

  it('a put that landed and was taken is told from one that never landed', async () => {
    const made = make(options);
    const of = { token: 'small', storedKey: 'acme/b', partner: 'acme', admission: buffers.admit('acme') };
    const writer = made.store.begin(of);
    await send(writer, Buffer.from('small'));
    const settled = await writer.settle();
    expect(await made.store.completeSettled(of, writer.progress(), settled, undefined)).toBe('lost');
    await writer.complete(undefined);
    made.s3.take('acme/b');
    expect(await made.store.completeSettled(of, writer.progress(), settled, undefined)).toBe('taken');
  });

  it('a delete leaves a marker, and no earlier version comes back', async () => {
    const made = make(options);
    const writer = await begin(made);
    await writer.complete(undefined);
    const { version } = (await made.store.look('acme/a')) as Found;
    expect(await made.store.remove('acme/a', version)).toBe('removed');
    expect(await made.store.look('acme/a')).toBeUndefined();
  });
});

describe('in a bucket without versions', () => {
  const take = (made: Made) => made.before.set('HeadObject', async () => void made.s3.take('acme/a'));

  it('ordered by begin, an object that is not there was overtaken by a delete', async () => {
    const made = make({ order: 'begin' });
    const writer = await begin(made);
    made.s3.take('acme/a');
    expect(await writer.complete(undefined)).toEqual({ overtaken: undefined });
  });

  it('ordered by completion, an object that is not there was taken', async () => {
    const made = make({ order: 'complete' });
    const writer = await begin(made);
    take(made);
    expect(await writer.complete(undefined)).toBe('taken');
  });

  it('one whose completion was never answered cannot be said to have been taken', async () => {
    const made = make({ order: 'complete' });
    const writer = await begin(made);
    await writer.complete(undefined);
    made.s3.take('acme/a');
    expect(await writer.complete(undefined)).toEqual({ overtaken: undefined });
  });
});
