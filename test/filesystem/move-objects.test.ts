import { MemoryMetadataStore } from '../../runtime/adapters/memory/memory-metadata-store';
import { randomIds } from '../../runtime/adapters/random-ids';
import { allRows } from '../../runtime/filesystem/rows';
import { sweep } from '../../runtime/filesystem/sweeper';
import { Failure } from '../../runtime/model/failure';
import type { Write } from '../../runtime/ports/metadata-store';
import { FakeBucket } from '../support/fake-bucket';
import type { Command } from '../support/fake-s3';
import { at, events, get, makeFilesystem, names, put, unfinished, viewOf } from '../support/filesystem';
import { IdleClock } from '../support/idle-clock';
import { kindOf } from '../support/one-process';
import { wrapPorts } from '../support/wrapped-ports';

/** Files above the limit of one copy, so that each is copied in parts and its copy noted in the journal. */
const large = 'x'.repeat(300 * 1024);

function make() {
  const clock = new IdleClock();
  const bucket = new FakeBucket(clock, { versions: false, order: 'complete' });
  const metadata = new MemoryMetadataStore();
  const noted: number[] = [];
  const transact = metadata.transact.bind(metadata);
  metadata.transact = async (writes: readonly Write[]) => {
    for (const write of writes) {
      if (write.kind !== 'put' || write.key.table !== 'journal') continue;
      const { copies = [] } = write.value as { copies?: readonly unknown[] };
      noted.push(copies.length);
    }
    return transact(writes);
  };
  const fs = makeFilesystem({ metadata, objects: bucket.store() }, clock);
  return { fs, bucket, noted, view: viewOf(fs) };
}

type View = ReturnType<typeof make>['view'];
const rename = async (view: View, from: string, to: string) => view.rename(await view.prepareRename(at(from)), at(to));

describe('a directory that is renamed file by file', () => {
  it('notes only the copies that are under way, however many files it has', async () => {
    const { fs, noted, view } = make();
    await view.makeDirectory(at('/d'));
    const files = Array.from({ length: 40 }, (_, index) => `f${String(index).padStart(2, '0')}`);
    for (const name of files) await put(view, `/d/${name}`, large);
    await rename(view, '/d', '/e');
    expect(await names(view, '/e')).toEqual(files.map((name) => `${name} ${large.length}`));
    expect(Math.max(...noted)).toBeGreaterThan(0);
    expect(Math.max(...noted)).toBeLessThanOrEqual(16);
    expect(await unfinished(fs)).toEqual([]);
  });

  it('that the store refuses in the middle is answered when nothing is under way any more', async () => {
    const clock = new IdleClock();
    const bucket = new FakeBucket(clock, { versions: false, order: 'complete' });
    let answered = false;
    const late: string[] = [];
    const objects = bucket.through(async (command: Command, send) => {
      const { Key } = command.input as { Key: string };
      if (answered) late.push(`${command.constructor.name} ${Key}`);
      if (command.constructor.name !== 'CopyObjectCommand') return send(command);
      if (Key === 'acme/e/a') throw Object.assign(new Error('no'), { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } });
      for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
      return send(command);
    });
    const view = viewOf(makeFilesystem({ metadata: new MemoryMetadataStore(), objects }, clock));
    await view.makeDirectory(at('/d'));
    for (const name of ['a', 'b', 'c']) await put(view, `/d/${name}`, 'content');
    expect(await kindOf(rename(view, '/d', '/e'))).toBe('store-refused');
    answered = true;
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
    expect(late).toEqual([]);
  });

  /** Its task dies when the first file has moved; whoever carries it on meets an index that is away at this call of its. Gives whether there was that call. */
  async function carryOn(lost: number): Promise<boolean> {
    const { fs, bucket, view } = make();
    await view.makeDirectory(at('/d'));
    await put(view, '/d/a', 'content');
    await put(view, '/d/b', large);
    let moved: () => void = () => undefined;
    const hasMoved = new Promise<void>((resolve) => {
      moved = resolve;
    });
    const dying = bucket.through(async (command: Command, send) => {
      const answer = await send(command);
      if (!/^(DeleteObject|UploadPartCopy)Command$/.test(command.constructor.name)) return answer;
      if (command.constructor.name === 'DeleteObjectCommand') moved();
      return new Promise(() => undefined);
    });
    rename(viewOf(makeFilesystem({ metadata: fs.metadata, objects: dying }, fs.clock, 'dying')), '/d', '/e').catch(() => undefined); // Its task is dead.
    await hasMoved;
    let calls = 0;
    const away = wrapPorts(fs, async (called, act) => {
      if (called.startsWith('metadata') && calls++ === lost) throw new Failure('store-unavailable', 'The index is not available.');
      return act();
    });
    const isDead = (owner: string) => owner === 'dying';
    // What it cannot do now it does with the next sweep.
    await sweep({ ...fs, metadata: away.metadata }, { isDead }).catch(() => undefined);
    await sweep(fs, { isDead });
    expect(await names(view, '/e')).toEqual(['a 7', `b ${large.length}`]);
    expect((await events(fs)).sort()).toEqual(['arrived acme/d/a', 'arrived acme/d/b', 'moved acme/e/a', 'moved acme/e/b']);
    expect([...bucket.s3.uploads.values()].filter(({ parts }) => parts.size > 0)).toEqual([]);
    expect(await unfinished(fs)).toEqual([]);
    return calls > lost;
  }

  it('is carried on once a file has moved, also when the index is away meanwhile', async () => {
    let lost = 0;
    while (await carryOn(lost)) lost++;
    expect(lost).toBeGreaterThan(20);
  });

  it('and then once more still has a token for each file, by which its object is known', async () => {
    const { fs, view } = make();
    const renamed = viewOf({ ...fs, ids: randomIds });
    await renamed.makeDirectory(at('/d'));
    for (const name of ['a', 'b', 'c']) await put(renamed, `/d/${name}`, 'content');
    await rename(renamed, '/d', '/e');
    await rename(renamed, '/e', '/f');
    const tokens = new Set<string>();
    for await (const { value } of allRows(fs, 'entry', 'acme/f')) if (value.kind === 'file') tokens.add(value.token);
    expect(tokens.size).toBe(3);
    expect(await names(view, '/f')).toEqual(['a 7', 'b 7', 'c 7']);
  });

  it('is refused before anything moves when a name below would become too long for the store', async () => {
    const { fs, view } = make();
    const deep = ['d', ...Array.from({ length: 4 }, () => 'n'.repeat(240))];
    for (let depth = 1; depth <= deep.length; depth++) await view.makeDirectory(at(`/${deep.slice(0, depth).join('/')}`));
    await put(view, '/d/a', 'short');
    await put(view, `/${deep.join('/')}/file`, 'long');
    expect(await kindOf(rename(view, '/d', `/${'e'.repeat(100)}`))).toBe('name-not-allowed');
    expect(await unfinished(fs)).toEqual([]);
    expect([await get(view, '/d/a'), await get(view, `/${deep.join('/')}/file`)]).toEqual(['short', 'long']);
    await rename(view, '/d', '/e');
    expect(await get(view, `/e/${deep.slice(1).join('/')}/file`)).toBe('long');
  });
});
