import { MemoryMetadataStore } from '../../runtime/adapters/memory/memory-metadata-store';
import { sweep } from '../../runtime/filesystem/sweeper';
import { Failure } from '../../runtime/model/failure';
import { FakeBucket } from '../support/fake-bucket';
import type { Command } from '../support/fake-s3';
import { accepts, at, get, makeFilesystem, never, put, sourceOf, unfinished, viewOf } from '../support/filesystem';
import { IdleClock } from '../support/idle-clock';
import { wrapPorts } from '../support/wrapped-ports';

/** A half-written object that a dead task has begun without noting it is ended; one that a living task has just begun is not. */
jest.mock('../../runtime/adapters/s3/bucket', () => ({
  ...jest.requireActual<object>('../../runtime/adapters/s3/bucket'),
  smallestPart: 32 * 1024,
}));

const large = Buffer.alloc(100 * 1024, 'x');

function make() {
  const clock = new IdleClock();
  const bucket = new FakeBucket(clock, { versions: false, order: 'complete' });
  const metadata = new MemoryMetadataStore();
  const task = (name: string, objects = bucket.store()) => makeFilesystem({ metadata, objects }, clock, name);
  /** Requests of this name have their effect, and are answered when the test lets them. */
  const held = (name: string) => {
    let answer: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    let arrive: () => void = () => undefined;
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    const objects = bucket.through(async (command: Command, send) => {
      const told = await send(command);
      if (command.constructor.name !== `${name}Command`) return told;
      arrive();
      await answered;
      return told;
    });
    return { objects, answer, arrived };
  };
  return { bucket, clock, task, held };
}

async function leaveUnnamed({ task, held }: ReturnType<typeof make>): Promise<void> {
  const dying = held('CreateMultipartUpload');
  const upload = await viewOf(task('dead', dying.objects)).prepareUpload(at('/a'), { kind: 'new' });
  upload.receive(sourceOf([large]), accepts, never()).catch(() => undefined); // Its task is dead.
  await dying.arrived;
}

const isDead = (owner: string) => owner === 'dead';

it('a task that died before it noted what it had begun leaves nothing', async () => {
  const made = make();
  await put(viewOf(made.task('first')), '/a', 'before');
  await leaveUnnamed(made);
  expect(made.bucket.s3.uploads.size).toBe(1);
  await sweep(made.task('sweeper'), { isDead });
  expect(made.bucket.s3.uploads.size).toBe(0);
});

it('nor when the task that cleans up behind it dies too', async () => {
  const made = make();
  await leaveUnnamed(made);
  const dying = made.held('ListMultipartUploads');
  sweep(made.task('dead too', dying.objects), { isDead }).catch(() => undefined); // Its task is dead.
  await dying.arrived;
  await sweep(made.task('sweeper'), { isDead: (owner) => owner.startsWith('dead') });
  expect([...made.bucket.s3.uploads.values()].filter(({ key }) => key === 'acme/a')).toEqual([]);
});

it('nor when a session asks for its upload before anybody sweeps', async () => {
  const made = make();
  await put(viewOf(made.task('first')), '/a', 'before');
  await leaveUnnamed(made);
  const asked = { ...made.task('asked'), fleet: { isDead, isSilent: () => false } };
  await viewOf(asked).stat(at('/a'), 'size');
  expect(made.bucket.s3.uploads.size).toBe(0);
});

it('an upload that its client sends again to another task is not ended with it', async () => {
  const made = make();
  const first = made.task('first');
  await put(viewOf(first), '/a', 'before');
  await leaveUnnamed(made);
  await made.clock.sleep(60_000);
  const beginning = made.held('CreateMultipartUpload');
  const sent = put(viewOf(made.task('alive', beginning.objects)), '/a', large);
  await beginning.arrived;
  await sweep(made.task('sweeper'), { isDead });
  beginning.answer();
  await sent;
  expect((await get(viewOf(first), '/a')).length).toBe(large.length);
  expect(made.bucket.s3.uploads.size).toBe(0);
  await sweep(first, { isDead });
  expect(await unfinished(first)).toEqual([]);
});

it('nor is the copy of a rename to the same name', async () => {
  const made = make();
  const first = made.task('first');
  await put(viewOf(first), '/a', 'before');
  await put(viewOf(first), '/b', large);
  await leaveUnnamed(made);
  await made.clock.sleep(60_000);
  const beginning = made.held('CreateMultipartUpload');
  const view = viewOf(made.task('alive', beginning.objects));
  const renamed = view.rename(await view.prepareRename(at('/b')), at('/a'));
  await beginning.arrived;
  await sweep(made.task('sweeper'), { isDead });
  beginning.answer();
  await renamed;
  expect((await get(viewOf(first), '/a')).length).toBe(large.length);
});

it.each(['/b', '/d'])('a task that died before it noted the copy of a rename leaves nothing: %s', async (from) => {
  const made = make();
  const first = made.task('first');
  await viewOf(first).makeDirectory(at('/d'));
  await put(viewOf(first), '/b', large);
  await put(viewOf(first), '/d/b', large);
  const dying = made.held('CreateMultipartUpload');
  const view = viewOf(made.task('dead', dying.objects));
  view.rename(await view.prepareRename(at(from)), at('/a')).catch(() => undefined); // Its task is dead.
  await dying.arrived;
  expect(made.bucket.s3.uploads.size).toBe(1);
  const sweeper = made.task('sweeper');
  await sweep(sweeper, { isDead });
  expect(made.bucket.s3.uploads.size).toBe(0);
  expect((await get(viewOf(sweeper), from === '/d' ? '/a/b' : '/a')).length).toBe(large.length);
});

it('a long file on a free path is recorded before anything of it is made, also when the index is away for a minute', async () => {
  const { bucket, clock, task } = make();
  const recorded: number[] = [];
  let away = false;
  const objects = bucket.through(async (command: Command, send) => {
    if (command.constructor.name === 'CreateMultipartUploadCommand') recorded.push((await uploadsOf('acme')).length);
    return send(command);
  });
  const fs = task('task-1', objects);
  const uploadsOf = (parent: string) => fs.metadata.page('upload', parent, { limit: 10 });
  const index = wrapPorts(fs, async (called, act) => {
    if (away && called.startsWith('metadata')) throw new Failure('store-unavailable', 'The index is not available; try again later.');
    return act();
  });
  const upload = await viewOf({ ...fs, metadata: index.metadata }).prepareUpload(at('/a'), { kind: 'new' });
  away = true;
  const back = clock.sleep(60_000).then(() => {
    away = false;
  });
  await upload.receive(sourceOf([large]), accepts, never());
  await back;
  expect(recorded).toEqual([1]);
  expect((await get(viewOf(fs), '/a')).length).toBe(large.length);
  expect(await unfinished(fs)).toEqual([]);
});

it('a long file is given up, and nothing of it is made, when the index stays away', async () => {
  const { bucket, clock, task } = make();
  const fs = task(
    'task-1',
    bucket.through((command: Command, send) => send(command)),
  );
  let away = false;
  const index = wrapPorts(fs, async (called, act) => {
    if (away && called.startsWith('metadata')) throw new Failure('store-unavailable', 'The index is not available; try again later.');
    return act();
  });
  const upload = await viewOf({ ...fs, metadata: index.metadata }).prepareUpload(at('/a'), { kind: 'new' });
  away = true;
  const begun = clock.monotonic();
  await expect(upload.receive(sourceOf([large]), accepts, never())).rejects.toMatchObject({ kind: 'store-unavailable' });
  expect(clock.monotonic() - begun).toBeGreaterThanOrEqual(fs.limits.giveUpAfter);
  expect(bucket.s3.uploads.size).toBe(0);
});
