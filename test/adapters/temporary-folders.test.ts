import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import type { Version } from '../../runtime/model/entry';
import { contentOf, send } from '../contracts/store-under-test';
import { type MadeDirectoryStore, makeDirectoryStore } from './directory-fixture';

/** Directories below `temporary`: made for the files in them, gone with the last one, and never in anybody's way. */

describe.each([
  ['with hard links', true],
  ['without hard links', false],
])('directories of temporary files, %s', (_, hardLinks) => {
  let made: MadeDirectoryStore;

  beforeEach(async () => {
    made = await makeDirectoryStore({ hardLinks });
  });

  afterEach(async () => {
    jest.restoreAllMocks();
    await made.end();
  });

  const temporary = (name = '') => path.join(made.roots.temporary, name);
  const isLeft = (name: string) => existsSync(temporary(name));

  async function store(key: string): Promise<Version> {
    const token = key.replace(/[^a-z0-9]/g, '-').replace(/^-/, '');
    const writer = made.store.begin({ token, storedKey: key, partner: 'acme', admission: made.buffers.admit('acme') });
    await send(writer, contentOf(10));
    await writer.settle();
    return ((await writer.complete(undefined)) as { version: Version }).version;
  }

  const remove = (key: string, version: Version) => made.store.remove(key, version);
  const move = (from: string, version: Version, to: string) => made.store.move({ from, version, to, over: undefined });

  it('go with their last file when it is deleted, and not before', async () => {
    const one = await store('.temporary/acme/day/one.tmp');
    const two = await store('.temporary/acme/day/sub/two.tmp');
    expect(await remove('.temporary/acme/day/sub/two.tmp', two)).toBe('removed');
    expect([isLeft('acme/day/sub'), isLeft('acme/day/one.tmp')]).toEqual([false, true]);
    expect(await remove('.temporary/acme/day/one.tmp', one)).toBe('removed');
    expect(isLeft('acme')).toBe(false);
    expect(existsSync(temporary())).toBe(true);
  });

  it('go with their last file when it gets its lasting name, or another temporary one elsewhere', async () => {
    const one = await store('.temporary/acme/day/one.tmp');
    expect(await move('.temporary/acme/day/one.tmp', one, '.temporary/acme/night/one.part')).toHaveProperty('version');
    expect([isLeft('acme/day'), isLeft('acme/night/one.part')]).toEqual([false, true]);
    expect(await move('.temporary/acme/night/one.part', one, 'acme/night/one')).toHaveProperty('version');
    expect(isLeft('acme')).toBe(false);
  });

  it('go when a delete that a crash had cut short is carried on', async () => {
    const version = await store('.temporary/acme/day/one.tmp');
    jest.spyOn(fs, 'unlink').mockImplementationOnce(async () => {
      throw Object.assign(new Error('the process died here'), { code: 'EIO' });
    });
    await expect(remove('.temporary/acme/day/one.tmp', version)).rejects.toThrow();
    expect(await remove('.temporary/acme/day/one.tmp', version)).toBe('removed');
    expect(isLeft('acme')).toBe(false);
  });

  it('that partners see stay, however empty', async () => {
    const version = await store('acme/day/one');
    await remove('acme/day/one', version);
    expect(existsSync(path.join(made.roots.objects, 'acme/day'))).toBe(true);
  });

  it('follow a directory that is renamed, and leave nothing behind', async () => {
    await store('.temporary/acme/a/day/one.tmp');
    // As a crash between making it and putting the file into it leaves one.
    mkdirSync(temporary('acme/b/day'), { recursive: true });
    expect(await made.store.directories.move('.temporary/acme/a/day', '.temporary/acme/b/day')).toBe('moved');
    expect([isLeft('acme/a'), isLeft('acme/b/day/one.tmp')]).toEqual([false, true]);
    expect(await made.store.directories.move('.temporary/acme/a/day', '.temporary/acme/b/day')).toBe('source-absent');
  });

  it('that hold something are in the way of one that is renamed', async () => {
    await store('.temporary/acme/a/one.tmp');
    await store('.temporary/acme/b/two.tmp');
    expect(await made.store.directories.move('.temporary/acme/a', '.temporary/acme/b')).toBe('occupied');
    expect([isLeft('acme/a/one.tmp'), isLeft('acme/b/two.tmp')]).toEqual([true, true]);
  });

  /** Another session removes the last file of the directory between our making it and our putting a file there. */
  function emptiedOnce(folder: string): () => number {
    const call = hardLinks ? 'link' : 'rename';
    const real = fs[call];
    let times = 0;
    jest.spyOn(fs, call).mockImplementation(async (from, to) => {
      if (times++ === 0) rmdirSync(temporary(folder));
      await real(from, to);
    });
    return () => times;
  }

  it('are made again by an upload that meets one gone', async () => {
    const times = emptiedOnce('acme/day');
    await store('.temporary/acme/day/one.tmp');
    expect([isLeft('acme/day/one.tmp'), times()]).toEqual([true, 2]);
  });

  it('are made again by a rename that meets one gone: its source is still there', async () => {
    const version = await store('acme/one');
    emptiedOnce('acme/day');
    expect(await move('acme/one', version, '.temporary/acme/day/one.tmp')).toEqual({ version });
    expect(isLeft('acme/day/one.tmp')).toBe(true);
  });

  it('may come and go under many uploads and deletes at once', async () => {
    const names = Array.from({ length: 40 }, (_, index) => `.temporary/acme/deep/day/${index}.tmp`);
    const outcomes = await Promise.all(names.map(async (name) => remove(name, await store(name))));
    expect(new Set(outcomes)).toEqual(new Set(['removed']));
    expect(isLeft('acme')).toBe(false);
  });
});
