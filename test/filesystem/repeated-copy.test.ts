import { MemoryMetadataStore } from '../../runtime/adapters/memory/memory-metadata-store';
import { recover } from '../../runtime/filesystem/sweeper';
import { FakeBucket } from '../support/fake-bucket';
import type { Command, FakeS3Options } from '../support/fake-s3';
import { at, events, makeFilesystem, names, put, unfinished, viewOf } from '../support/filesystem';
import { IdleClock } from '../support/idle-clock';

/** A rename whose copy a consumer takes before its old name is removed: where the bucket keeps versions, nobody gets the file twice. */
const keeps: FakeS3Options = { versions: true, order: 'complete' };

function make(options: FakeS3Options) {
  const clock = new IdleClock();
  const bucket = new FakeBucket(clock, options);
  const metadata = new MemoryMetadataStore();
  return { bucket, clock, task: (name: string, objects = bucket.store()) => makeFilesystem({ metadata, objects }, clock, name) };
}

function copiesOf(bucket: FakeBucket): number {
  return bucket.s3.requests.filter((request) => /^(CopyObject|CompleteMultipartUpload) acme\/a$/.test(request)).length;
}

/** A store whose task dies when it has copied and is about to remove the old name. */
function diesBehindItsCopy(bucket: FakeBucket) {
  let die: () => void = () => undefined;
  const death = new Promise<void>((resolve) => {
    die = resolve;
  });
  const dying = bucket.through(async (command: Command, send) => {
    if (command.constructor.name !== 'DeleteObjectCommand') return send(command);
    die();
    return new Promise(() => undefined);
  });
  return { dying, death };
}

it.each([
  ['small', 10, keeps],
  ['small, where uploads are ordered by their begin', 10, { versions: true, order: 'begin' } as const],
  ['copied in parts', 100 * 1024, keeps],
])('a task that dies in between does not deliver it again: a file that is %s', async (_, size, options) => {
  const { bucket, clock, task } = make(options);
  const { dying, death } = diesBehindItsCopy(bucket);
  const view = viewOf(task('dying', dying));
  await put(view, '/a.tmp', 'x'.repeat(size));
  view.rename(await view.prepareRename(at('/a.tmp')), at('/a')).catch(() => undefined); // Never goes on: its task is dead.
  await death;
  bucket.s3.take('acme/a');
  const next = task('next');
  await recover(next);
  expect(copiesOf(bucket)).toBe(1);
  expect(await names(viewOf(next))).toEqual([]);
  expect(await events(next)).toEqual(['arrived acme/a', 'removed acme/a']);
  // Both claims are kept for what may still land.
  await clock.sleep(31_000);
  await recover(next);
  expect(await unfinished(next)).toEqual([]);
});

it('nor does one that dies while it renames a directory, and the index does not show what was taken', async () => {
  const { bucket, clock, task } = make(keeps);
  const { dying, death } = diesBehindItsCopy(bucket);
  const view = viewOf(task('dying', dying));
  await view.makeDirectory(at('/d'));
  await put(view, '/d/f', 'content');
  view.rename(await view.prepareRename(at('/d')), at('/a')).catch(() => undefined); // Never goes on: its task is dead.
  await death;
  bucket.s3.take('acme/a/f');
  const next = task('next');
  await recover(next);
  await clock.sleep(31_000);
  await recover(next);
  expect(bucket.s3.current('acme/a/f')).toBeUndefined();
  expect(await names(viewOf(next), '/a')).toEqual([]);
  expect((await events(next)).sort()).toEqual(['arrived acme/d/f', 'moved acme/a/f', 'removed acme/a/f']);
  expect(await unfinished(next)).toEqual([]);
});

it('an answer that is lost does not deliver it again', async () => {
  const { bucket, task } = make(keeps);
  let copies = 0;
  const lossy = bucket.through(async (command: Command, send) => {
    const answer = await send(command);
    if (command.constructor.name !== 'CopyObjectCommand' || copies++ > 0) return answer;
    bucket.s3.take('acme/a');
    throw Object.assign(new Error('late'), { name: 'TimeoutError' });
  });
  const fs = task('task-1', lossy);
  const view = viewOf(fs);
  await put(view, '/b', 'content');
  await view.rename(await view.prepareRename(at('/b')), at('/a'));
  expect(copiesOf(bucket)).toBe(1);
  expect(bucket.s3.current('acme/a')).toBeUndefined();
  expect(bucket.s3.current('acme/b')).toBeUndefined();
});
