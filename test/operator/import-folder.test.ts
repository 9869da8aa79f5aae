import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type ImportOptions, type ImportStep, importFolder } from '../../runtime/operator/import-folder';
import { fastClock } from '../support/fast-clock';
import { at, events, get, makeFilesystem, makeUser, memoryStores, names, put, unfinished, viewOf } from '../support/filesystem';

/** Root may read what nobody may. */
const mayReadAll = process.getuid?.() === 0;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'causeway-import-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

function make() {
  const stores = memoryStores();
  const fs = makeFilesystem(stores, fastClock());
  return { fs, store: stores.objects, view: viewOf(fs) };
}

function file(name: string, content: string): void {
  mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  writeFileSync(path.join(folder, name), content);
}

async function run(fs: ReturnType<typeof make>['fs'], options: Partial<ImportOptions> = {}, user = makeUser()): Promise<ImportStep[]> {
  const steps: ImportStep[] = [];
  for await (const step of importFolder(fs, user, { folder, to: at('/'), parallel: 4, overwrite: false, dryRun: false, ...options }))
    steps.push(step);
  return steps.sort((left, right) => (left.name < right.name ? -1 : 1));
}

const outcomes = (steps: ImportStep[]) => steps.map(({ name, outcome }) => `${name} ${outcome}`);

it('brings every file and folder over, with its time, and leaves nothing unfinished', async () => {
  file('a.txt', 'one');
  file('deep/er/b.txt', 'two');
  mkdirSync(path.join(folder, 'empty'));
  utimesSync(path.join(folder, 'a.txt'), 1_000_000, 1_000_000);
  const { fs, view } = make();
  expect(outcomes(await run(fs))).toEqual(['a.txt imported', 'deep/er/b.txt imported']);
  expect(await names(view)).toEqual(['a.txt 3', 'deep/', 'empty/']);
  expect(await get(view, '/deep/er/b.txt')).toBe('two');
  expect((await view.stat(at('/a.txt'), 'time')).modified).toBe(1_000_000_000);
  expect(await events(fs)).toEqual(['arrived acme/a.txt', 'arrived acme/deep/er/b.txt']);
  expect(await unfinished(fs)).toEqual([]);
});

it('passes over what is there with the same bytes, so a run that was broken off is simply run again', async () => {
  file('a', 'same');
  file('b', 'new');
  const { fs, view } = make();
  await put(view, '/a', 'same');
  expect(outcomes(await run(fs))).toEqual(['a present', 'b imported']);
  expect(outcomes(await run(fs))).toEqual(['a present', 'b present']);
});

it('gives a file its time that a run which was broken off has only stored, and leaves one that somebody has set', async () => {
  for (const name of ['stored', 'set']) {
    file(name, name);
    utimesSync(path.join(folder, name), 1_000_000, 1_000_000);
  }
  const { fs, view } = make();
  for (const name of ['/stored', '/set']) await put(view, name, name.slice(1));
  await view.setModified(at('/set'), 5_000);
  expect(outcomes(await run(fs, { dryRun: true }))).toEqual(['set present', 'stored present']);
  expect((await view.stat(at('/stored'), 'time')).modified).not.toBe(1_000_000_000);
  expect(outcomes(await run(fs))).toEqual(['set present', 'stored present']);
  expect((await view.stat(at('/stored'), 'time')).modified).toBe(1_000_000_000);
  expect((await view.stat(at('/set'), 'time')).modified).toBe(5_000);
});

it('replaces other bytes only when told to', async () => {
  file('a', 'here');
  const { fs, view } = make();
  await put(view, '/a', 'there');
  expect(outcomes(await run(fs))).toEqual(['a differs']);
  expect(await get(view, '/a')).toBe('there');
  expect(outcomes(await run(fs, { overwrite: true }))).toEqual(['a imported']);
  expect(await get(view, '/a')).toBe('here');
});

it('computes the checksum of what others have placed before it calls the bytes the same', async () => {
  file('a', 'placed');
  const { fs, store } = make();
  store.place('acme/a', Buffer.from('placed'));
  await fs.folders.makeEqual('acme/a', 'acme/a');
  await fs.clock.sleep(2_000);
  await fs.folders.makeEqual('acme/a', 'acme/a');
  expect(outcomes(await run(fs))).toEqual(['a present']);
});

it('tells what it would do without doing it', async () => {
  file('a', 'one');
  const { fs, view } = make();
  expect(outcomes(await run(fs, { dryRun: true }))).toEqual(['a imported']);
  expect(await names(view)).toEqual([]);
});

it('ignores links, and names that FTP cannot say, and says so', async () => {
  file('a', 'one');
  file('line\nbreak', 'two');
  symlinkSync('a', path.join(folder, 'link'));
  const { fs, view } = make();
  expect(outcomes(await run(fs))).toEqual(['a imported', 'line\nbreak ignored', 'link ignored']);
  expect(await names(view)).toEqual(['a 3']);
});

it('goes on when a directory cannot be read or made, and tells which, and why', async () => {
  file('a/one', 'one');
  file('clash/two', 'two');
  file('locked/three', 'three');
  file('z/four', 'four');
  chmodSync(path.join(folder, 'locked'), 0);
  const { fs, view } = make();
  await put(view, '/clash', 'a file');
  const steps = await run(fs);
  chmodSync(path.join(folder, 'locked'), 0o700);
  expect(outcomes(steps)).toEqual([
    'a/one imported',
    'clash failed',
    ...(mayReadAll ? ['locked/three imported'] : ['locked failed']),
    'z/four imported',
  ]);
  expect(steps[1]?.error).toMatchObject({ kind: 'exists' });
  expect(await get(view, '/clash')).toBe('a file');
});

it('ignores names that are no UTF-8, and makes nothing for them', async () => {
  const name = Buffer.concat([Buffer.from(`${folder}/bad`), Buffer.from([0xff])]);
  mkdirSync(Buffer.concat([name, Buffer.from('dir')]));
  writeFileSync(Buffer.concat([name, Buffer.from('dir/in')]), 'x');
  writeFileSync(name, 'x');
  file('good\uFFFD', 'one');
  const { fs, view } = make();
  expect(outcomes(await run(fs))).toEqual(['bad\u00ff ignored', 'bad\u00ffdir ignored', 'good\uFFFD imported']);
  expect(await names(view)).toEqual(['good\uFFFD 3']);
});

it('says which directory of the partner cannot be used', async () => {
  const { fs, view } = make();
  await put(view, '/there', 'a file');
  await expect(run(fs, { to: at('/there/below') })).rejects.toThrow(/^--to \/there\/below: /);
});

it('begins no more files when it is interrupted, and finishes those under way', async () => {
  for (const name of ['a', 'b', 'c', 'd']) file(name, name);
  const { fs, view } = make();
  const controller = new AbortController();
  const steps: ImportStep[] = [];
  const options = { folder, to: at('/'), parallel: 1, overwrite: false, dryRun: false, signal: controller.signal };
  for await (const step of importFolder(fs, makeUser(), options)) {
    steps.push(step);
    controller.abort();
  }
  expect(outcomes(steps)).toEqual(['a imported']);
  expect(await names(view)).toEqual(['a 1']);
  expect(await unfinished(fs)).toEqual([]);
  expect(outcomes(await run(fs))).toEqual(['a present', 'b imported', 'c imported', 'd imported']);
});

it("goes below a directory of the partner's, whatever his own rights and limits are", async () => {
  file('a', 'one');
  const { fs, view } = make();
  const user = makeUser({ rights: new Set(['list']) as never, maxFileBytes: 1 });
  expect(outcomes(await run(fs, { to: at('/from/old') }, user))).toEqual(['a imported']);
  expect(await get(view, '/from/old/a')).toBe('one');
});

it('goes on when one file fails, and tells why', async () => {
  file('a', 'one');
  file('b', 'two');
  const { fs, view } = make();
  await view.makeDirectory(at('/a'));
  const steps = await run(fs);
  expect(outcomes(steps)).toEqual(['a failed', 'b imported']);
  expect(steps[0]?.error).toMatchObject({ kind: 'is-a-directory' });
});

describe('of a file that', () => {
  const long = 'x'.repeat(600_000);

  it('is changed while it is read nothing is kept, and what its partner had before stays', async () => {
    file('a', long);
    file('b', long);
    const { fs, view, store } = make();
    await put(view, '/a', 'before');
    const begin = store.begin.bind(store);
    store.begin = (upload) => {
      file(upload.storedKey.slice('acme/'.length), `${long}, and more`);
      return begin(upload);
    };
    expect(outcomes(await run(fs, { overwrite: true }))).toEqual(['a failed', 'b failed']);
    expect(await names(view)).toEqual(['a 6']);
    expect(await get(view, '/a')).toBe('before');
    expect(await unfinished(fs)).toEqual([]);
  });

  it('cannot be read to its end nothing is kept', async () => {
    file('a', long);
    const { fs, view } = make();
    const handle = await open(path.join(folder, 'a'));
    const prototype = Object.getPrototypeOf(handle) as typeof handle;
    const { read } = prototype;
    let reads = 0;
    jest.spyOn(prototype, 'read').mockImplementation(function (this: typeof handle, ...args: unknown[]) {
      return reads++ > 0 ? Promise.reject(new Error('EIO: i/o error, read')) : (read.apply(this, args as never) as never);
    });
    const steps = await run(fs);
    jest.restoreAllMocks();
    await handle.close();
    expect(outcomes(steps)).toEqual(['a failed']);
    expect(steps[0]?.error).toMatchObject({ message: 'The file could not be read: EIO: i/o error, read' });
    expect(await names(view)).toEqual([]);
  });
});

it('takes a file larger than one buffer, and many at once', async () => {
  const large = 'x'.repeat(700_000);
  file('large', large);
  for (let index = 0; index < 50; index++) file(`many/${index}`, `${index}`);
  const { fs, view } = make();
  expect((await run(fs, { parallel: 8 })).filter(({ outcome }) => outcome !== 'imported')).toEqual([]);
  expect(await get(view, '/large')).toBe(large);
  expect((await names(view, '/many')).length).toBe(50);
});
