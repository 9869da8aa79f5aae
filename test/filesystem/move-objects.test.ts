import { MemoryMetadataStore } from '../../runtime/adapters/memory/memory-metadata-store';
import { randomIds } from '../../runtime/adapters/random-ids';
import { allRows } from '../../runtime/filesystem/rows';
import type { Write } from '../../runtime/ports/metadata-store';
import { FakeBucket } from '../support/fake-bucket';
import type { Command } from '../support/fake-s3';
import { at, get, makeFilesystem, names, put, unfinished, viewOf } from '../support/filesystem';
import { IdleClock } from '../support/idle-clock';
import { kindOf } from '../support/one-process';

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
