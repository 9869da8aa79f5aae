import { MemoryMetadataStore } from '../../runtime/adapters/memory/memory-metadata-store';
import { sweep } from '../../runtime/filesystem/sweeper';
import { Failure } from '../../runtime/model/failure';
import type { ByteSource } from '../../runtime/ports/byte-source';
import { FakeBucket } from '../support/fake-bucket';
import type { Command } from '../support/fake-s3';
import { accepts, at, cut, get, makeFilesystem, never, put, sourceOf, viewOf } from '../support/filesystem';
import { IdleClock } from '../support/idle-clock';

/** A bucket takes ten thousand part numbers of an upload, and a part that comes late takes the place of another of its number. */
jest.mock('../../runtime/adapters/s3/bucket', () => ({
  ...jest.requireActual<object>('../../runtime/adapters/s3/bucket'),
  smallestPart: 32 * 1024,
}));

const part = 32 * 1024;
const lost = new Failure('cut', 'The connection was reset.');
/** So many parts of one byte, and the last byte, which is never told. */
const bytesOf = (parts: number, fill = 1) => Buffer.alloc(parts * part + 1, fill);

function make() {
  const clock = new IdleClock();
  const bucket = new FakeBucket(clock, { versions: true, order: 'begin' });
  const metadata = new MemoryMetadataStore();
  const task = (name: string, objects = bucket.store()) => makeFilesystem({ metadata, objects }, clock, name);
  return { bucket, task };
}

const sizeOf = async (view: ReturnType<typeof viewOf>) => (await view.stat(at('/a'), 'size')).size;

it('an upload is continued as often as its client is cut off', async () => {
  const view = viewOf(make().task('task-1'));
  await cut(view, '/a', [bytesOf(5)], lost);
  for (let cuts = 0; cuts < 160; cuts++) {
    const offset = await sizeOf(view);
    expect(await cut(view, '/a', [bytesOf(5)], lost, { kind: 'at', offset })).toMatchObject({ kind: 'cut' });
  }
  const size = await sizeOf(view);
  // Behind its first part an upload's are twice as large.
  expect(size).toBe((5 + 160 * 4) * part);
  await put(view, '/a', 'end', { kind: 'at', offset: size });
  expect((await get(view, '/a')).length).toBe(size + 3);
});

it('a part of a task that died before it noted that it goes on with an upload does not come in the way of whoever goes on after it', async () => {
  const { bucket, task } = make();
  await cut(viewOf(task('first')), '/a', [bytesOf(2)], lost);
  const begun: (() => Promise<unknown>)[] = [];
  const dies = bucket.through(async (command: Command, send) => {
    if (command.constructor.name !== 'UploadPartCommand') return send(command);
    // Under way for longer than its task lives.
    begun.push(() => send(command));
    return new Promise(() => undefined);
  });
  const dying = viewOf(task('dying', dies));
  const upload = await dying.prepareUpload(at('/a'), { kind: 'at', offset: await sizeOf(dying) });
  upload.receive(sourceOf([bytesOf(2)]), accepts, never()).catch(() => undefined); // Its task is dead.
  while (begun.length < 2) await new Promise(setImmediate);
  const next = task('next');
  await sweep(next, { isDead: (owner) => owner === 'dying' });
  const view = viewOf(next);
  const size = await sizeOf(view);
  const after = await view.prepareUpload(at('/a'), { kind: 'at', offset: size });
  const rest = bytesOf(4, 2);
  const source: ByteSource = {
    deliver: async (accept, ready) => {
      if (!accept(rest)) await ready();
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
      for (const late of begun) await late();
    },
  };
  await after.receive(source, accepts, never());
  expect(bucket.s3.current('acme/a')?.body?.equals(Buffer.concat([bytesOf(2).subarray(0, size), rest]))).toBe(true);
});
