import { MemoryMetadataStore } from '../../runtime/adapters/memory/memory-metadata-store';
import { sweep } from '../../runtime/filesystem/sweeper';
import { FakeBucket } from '../support/fake-bucket';
import type { Command } from '../support/fake-s3';
import { events, get, makeFilesystem, names, put, unfinished, viewOf } from '../support/filesystem';
import { IdleClock } from '../support/idle-clock';
import { kindOf } from '../support/one-process';

/** What becomes of each PutObject in turn, then of all others. `unanswered`: it is given up, and may have landed. */
type Answer = 'refused' | 'unanswered' | 'unanswered, landed' | 'stored';

function make(...answers: Answer[]) {
  const clock = new IdleClock();
  const bucket = new FakeBucket(clock, { versions: true, order: 'begin' });
  const state = { code: { name: 'AccessDenied', status: 403 } };
  const objects = bucket.through(async (command: Command, send) => {
    const answer = command.constructor.name === 'PutObjectCommand' ? (answers.shift() ?? 'stored') : 'stored';
    if (answer === 'refused')
      throw Object.assign(new Error('no'), { name: state.code.name, $metadata: { httpStatusCode: state.code.status } });
    if (answer === 'unanswered') throw Object.assign(new Error('late'), { name: 'TimeoutError' });
    const stored = await send(command);
    if (answer === 'unanswered, landed') throw Object.assign(new Error('late'), { name: 'TimeoutError' });
    return stored;
  });
  const fs = makeFilesystem({ metadata: new MemoryMetadataStore(), objects }, clock);
  return { fs, clock, bucket, state, view: viewOf(fs) };
}

const alive = { isDead: () => false };

describe('a small file that the store refuses', () => {
  it.each([
    ['AccessDenied', 403],
    ['InvalidStorageClass', 400],
    ['InvalidTag', 400],
    ['KMS.DisabledException', 400],
    ['NoSuchBucket', 404],
  ])('as %s ends its upload at once, and the path is free again', async (name, status) => {
    const { fs, clock, state, view } = make('refused');
    state.code = { name, status };
    const began = clock.monotonic();
    await expect(put(view, '/a', 'sent')).rejects.toMatchObject({
      kind: 'not-stored',
      message: expect.stringMatching(/^Storage refuses the file, and nothing of it was kept\./),
      cause: { name },
    });
    expect(clock.monotonic() - began).toBeLessThan(1_000);
    expect(await unfinished(fs)).toEqual([]);
    expect(await names(view)).toEqual([]);
    expect(await events(fs)).toEqual([]);
    expect(fs.buffers.used).toBe(0);
    await put(view, '/a', 'sent again');
    expect(await get(view, '/a')).toBe('sent again');
  });

  it.each([
    ['for want of room', 1, { name: 'InsufficientStorage', status: 507 }, 'disk-full'],
    ['whose condition is refused although it holds', 4, { name: 'PreconditionFailed', status: 412 }, 'overtaken'],
  ])('%s ends soon, and the path is free again', async (_, refusals, code, kind) => {
    const { fs, clock, state, view } = make(...Array<Answer>(refusals).fill('refused'));
    state.code = code;
    const began = clock.monotonic();
    expect(await kindOf(put(view, '/a', 'sent'))).toBe(kind);
    expect(clock.monotonic() - began).toBeLessThan(1_000);
    expect(await unfinished(fs)).toEqual([]);
    await put(view, '/a', 'sent again');
    expect(await get(view, '/a')).toBe('sent again');
  });

  it('leaves what it should have replaced', async () => {
    const { fs, view } = make('stored', 'refused');
    await put(view, '/a', 'before');
    expect(await kindOf(put(view, '/a', 'after'))).toBe('not-stored');
    expect(await get(view, '/a')).toBe('before');
    expect(await unfinished(fs)).toEqual([]);
  });

  it.each<[Answer, string[], string[]]>([
    ['unanswered', [], []],
    ['unanswered, landed', ['a 4'], ['arrived acme/a']],
  ])('after a request that was %s may still appear: the claim is kept, and the sweeper finds out', async (first, shown, told) => {
    const { fs, clock, view } = make(first, 'refused');
    // Its own later look finds what has landed, so the first one must not see it.
    const stores = fs.objects;
    const blind = first === 'unanswered' ? fs : { ...fs, objects: { ...stores, completeSettled: async () => 'lost' as const } };
    expect(await kindOf(put(viewOf(blind), '/a', 'sent'))).toBe('unconfirmed');
    expect(await unfinished(fs)).toEqual(['claim commit acme/a', 'upload committing acme/a']);
    await sweep(fs, alive);
    await clock.sleep(31_000);
    await sweep(fs, alive);
    await clock.sleep(31_000);
    await sweep(fs, alive);
    expect(await names(view)).toEqual(shown);
    expect(await events(fs)).toEqual(told);
    expect(await unfinished(fs)).toEqual([]);
  });
});
