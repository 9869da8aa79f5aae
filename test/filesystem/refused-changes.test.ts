import { MemoryMetadataStore } from '../../runtime/adapters/memory/memory-metadata-store';
import { sweep } from '../../runtime/filesystem/sweeper';
import { FakeBucket } from '../support/fake-bucket';
import type { Command } from '../support/fake-s3';
import { at, events, get, makeFilesystem, names, put, unfinished, viewOf } from '../support/filesystem';
import { IdleClock } from '../support/idle-clock';
import { kindOf } from '../support/one-process';

/** A bucket that answers requests of one kind with a refusal, as often as is said; before that, some of them get no answer. */
function make() {
  const clock = new IdleClock();
  const bucket = new FakeBucket(clock, { versions: false, order: 'complete' });
  const state = { command: '', unanswered: 0, refused: 0, name: 'AccessDenied', status: 403 };
  const objects = bucket.through(async (command: Command, send) => {
    if (command.constructor.name !== state.command) return send(command);
    if (state.unanswered-- > 0) throw Object.assign(new Error('late'), { name: 'TimeoutError' });
    if (state.refused-- > 0) throw Object.assign(new Error('no'), { name: state.name, $metadata: { httpStatusCode: state.status } });
    return send(command);
  });
  const fs = makeFilesystem({ metadata: new MemoryMetadataStore(), objects }, clock);
  const refuse = (command: string, how: Partial<typeof state> = {}) =>
    Object.assign(state, { command, unanswered: 0, refused: 1_000 }, how);
  return { fs, clock, bucket, refuse, view: viewOf(fs) };
}

type View = ReturnType<typeof make>['view'];
const rename = async (view: View, from: string, to: string) => view.rename(await view.prepareRename(at(from)), at(to));
const alive = { isDead: () => false };

describe('a delete that the store refuses', () => {
  it('is answered at once, leaves the file, and frees the path', async () => {
    const { fs, clock, refuse, view } = make();
    await put(view, '/a', 'kept');
    refuse('DeleteObjectCommand');
    const began = clock.monotonic();
    await expect(view.deleteFile(at('/a'))).rejects.toMatchObject({
      kind: 'store-refused',
      message: expect.stringMatching(/^Storage refuses/),
    });
    expect(clock.monotonic() - began).toBeLessThan(1_000);
    expect(await unfinished(fs)).toEqual([]);
    expect(await get(view, '/a')).toBe('kept');
    await put(view, '/a', 'replaced');
    expect(await events(fs)).toEqual(['arrived acme/a', 'arrived acme/a']);
  });

  it('although its condition holds is told so soon', async () => {
    const { fs, clock, refuse, view } = make();
    await put(view, '/a', 'kept');
    refuse('DeleteObjectCommand', { name: 'PreconditionFailed', status: 412 });
    const began = clock.monotonic();
    expect(await kindOf(view.deleteFile(at('/a')))).toBe('busy');
    expect(clock.monotonic() - began).toBeLessThan(1_000);
    expect(await unfinished(fs)).toEqual([]);
    expect(await get(view, '/a')).toBe('kept');
  });

  it('after a request without an answer keeps the claim while that may still land', async () => {
    const { fs, clock, refuse, view } = make();
    await put(view, '/a', 'kept');
    refuse('DeleteObjectCommand', { unanswered: 1 });
    expect(await kindOf(view.deleteFile(at('/a')))).toBe('store-refused');
    expect(await unfinished(fs)).toEqual(['claim delete acme/a']);
    await clock.sleep(31_000);
    await sweep(fs, alive);
    expect(await unfinished(fs)).toEqual([]);
    expect(await get(view, '/a')).toBe('kept');
  });
});

describe('a rename that the store refuses', () => {
  it.each([
    ['AccessDenied', 403, 'store-refused'],
    ['InvalidStorageClass', 400, 'store-refused'],
    ['InvalidObjectState', 403, 'not-allowed'],
    ['PreconditionFailed', 412, 'busy'],
  ])('as %s is answered at once, leaves the file, and frees both paths', async (name, status, kind) => {
    const { fs, clock, refuse, view } = make();
    await put(view, '/a', 'kept');
    refuse('CopyObjectCommand', { name, status });
    const began = clock.monotonic();
    expect(await kindOf(rename(view, '/a', '/b'))).toBe(kind);
    expect(clock.monotonic() - began).toBeLessThan(1_000);
    expect(await unfinished(fs)).toEqual([]);
    expect(await names(view)).toEqual(['a 4']);
    await put(view, '/b', 'new');
    expect(await get(view, '/a')).toBe('kept');
  });

  it('leaves no copy in parts behind', async () => {
    const { fs, bucket, refuse, view } = make();
    await put(view, '/a', 'x'.repeat(300 * 1024));
    refuse('UploadPartCopyCommand');
    expect(await kindOf(rename(view, '/a', '/b'))).toBe('store-refused');
    expect(await unfinished(fs)).toEqual([]);
    expect(bucket.s3.uploads.size).toBe(0);
  });

  it('only of its old name is carried on: it is answered at once, and done when the store lets it', async () => {
    const { fs, clock, refuse, view } = make();
    await put(view, '/a', 'kept');
    refuse('DeleteObjectCommand', { refused: 3 });
    const began = clock.monotonic();
    expect(await kindOf(rename(view, '/a', '/b'))).toBe('unconfirmed');
    expect(clock.monotonic() - began).toBeLessThan(1_000);
    for (let sweeps = 0; sweeps < 4; sweeps++) await sweep(fs, alive);
    await clock.sleep(31_000);
    await sweep(fs, alive);
    expect(await names(view)).toEqual(['b 4']);
    expect(await unfinished(fs)).toEqual([]);
  });
});

it('the copy that brings a completed upload to light is asked for again: it is stored already', async () => {
  const clock = new IdleClock();
  const bucket = new FakeBucket(clock, { versions: true, order: 'begin' });
  let refused = 0;
  const objects = bucket.through(async (command: Command, send) => {
    // A consumer takes the version before, whose delete lies above an upload that began earlier.
    if (command.constructor.name === 'CompleteMultipartUploadCommand' && refused === 0) bucket.s3.take('acme/a');
    if (command.constructor.name === 'UploadPartCopyCommand' && refused++ === 0)
      throw Object.assign(new Error('no'), { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } });
    return send(command);
  });
  const fs = makeFilesystem({ metadata: new MemoryMetadataStore(), objects }, clock);
  const view = viewOf(fs);
  await put(view, '/a', 'before');
  const large = 'x'.repeat(6 * 1024 * 1024);
  await put(view, '/a', large);
  expect(refused).toBeGreaterThan(1);
  expect(await get(view, '/a')).toBe(large);
});

it('bytes that were not asked for are not given to a client', async () => {
  const clock = new IdleClock();
  const bucket = new FakeBucket(clock, { versions: false, order: 'complete' });
  const whole = bucket.through(async (command: Command, send) => {
    // As a cache in between that knows no ranges.
    if (command.constructor.name === 'GetObjectCommand') Object.assign(command.input, { Range: undefined });
    return send(command);
  });
  const view = viewOf(makeFilesystem({ metadata: new MemoryMetadataStore(), objects: whole }, clock));
  await put(view, '/a', '0123456789');
  expect(await get(view, '/a')).toBe('0123456789');
  const file = await view.open(at('/a'), 4);
  expect(await kindOf(file.read(new AbortController().signal))).toBe('store-unavailable');
});

it('a file that the storage has put into an archive is not called a storage that is away', async () => {
  const { refuse, view } = make();
  await put(view, '/a', 'kept');
  refuse('GetObjectCommand', { name: 'InvalidObjectState' });
  await expect(get(view, '/a')).rejects.toMatchObject({ kind: 'not-allowed', message: expect.stringMatching(/archive/) });
});
