import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { Environment } from '../../runtime/adapters/lmdb/environment';
import { LmdbMetadataStore } from '../../runtime/adapters/lmdb/lmdb-metadata-store';
import { LmdbUserDirectory } from '../../runtime/adapters/lmdb/lmdb-user-directory';
import { defaultSwitches, type User } from '../../runtime/model/user';
import { entryKey, putRow } from '../contracts/metadata-rows';
import { describeMetadataStore } from '../contracts/metadata-store.contract';
import { describeUserDirectory, userNamed } from '../contracts/user-directory.contract';
import { makeBase } from './directory-fixture';

const mebibyte = 1024 * 1024;
/** The limits of an environment are 32 MiB of zeros; tests that only pass by use less. */
const small = { wanted: mebibyte, low: mebibyte / 2, least: mebibyte / 4 };

let opened: { environment: Environment; folder: string }[] = [];

function open(folder = makeBase(), headroom = small): { environment: Environment; folder: string } {
  const made = { environment: new Environment(folder, `origin-${opened.length}`, headroom), folder };
  opened.push(made);
  return made;
}

async function end(): Promise<void> {
  for (const { environment } of opened) await environment.close();
  for (const { folder } of opened) await rm(folder, { recursive: true, force: true });
  opened = [];
}

afterEach(end);

describeMetadataStore('lmdb', async () => ({ store: new LmdbMetadataStore(open().environment), end }));
describeUserDirectory('lmdb', async () => ({ users: new LmdbUserDirectory(open().environment), end }));

const run = (task: string, folder: string) =>
  promisify(execFile)(process.execPath, ['--import', 'tsx', path.join(__dirname, 'lmdb-child.ts'), task, folder], { timeout: 60_000 });

describe('an lmdb environment', () => {
  it('keeps rows and revisions when it is closed and opened again', async () => {
    const { environment, folder } = open();
    const store = new LmdbMetadataStore(environment);
    await store.transact([putRow(entryKey('p', 'a'), 1)]);
    const [before] = await store.get([entryKey('p', 'a')]);
    await environment.close();
    const again = new LmdbMetadataStore(open(folder).environment);
    expect(await again.get([entryKey('p', 'a')])).toEqual([before]);
    expect(await again.transact([putRow(entryKey('p', 'a'), 2, before?.revision)])).toBe(true);
  });

  it('gives a user from before a switch was added the switch at its default', async () => {
    const users = new LmdbUserDirectory(open().environment);
    const { announcedSize: _, ...older } = defaultSwitches;
    await users.put(userNamed('acme', { switches: older as User['switches'] }), 'absent');
    expect((await users.find('acme'))?.user.switches).toEqual(defaultSwitches);
  });

  it('lets others have a turn between the pages of a large directory', async () => {
    const store = new LmdbMetadataStore(open().environment);
    const names = Array.from({ length: 1_000 }, (_, index) => String(index));
    for (const partition of ['a', 'b', 'c']) await store.transact(names.map((name) => putRow(entryKey(partition, name))));
    const order: string[] = [];
    setImmediate(() => order.push('another'));
    for (const partition of ['a', 'b', 'c']) order.push(`page of ${(await store.page('entry', partition, { limit: 1_000 })).length}`);
    expect(order).toEqual(['another', 'page of 1000', 'page of 1000', 'page of 1000']);
  });

  it('counts exactly when two processes count at once, and each sees at once what the other has written', async () => {
    const { environment, folder } = open();
    const store = new LmdbMetadataStore(environment);
    const users = new LmdbUserDirectory(environment);
    const others = [run('count', folder), run('count', folder)];
    for (let done = 0; done < 200; ) {
      const [row] = await store.get([entryKey('p', 'counter')]);
      const size = row?.value.kind === 'file' ? row.value.size : 0;
      if (await store.transact([putRow(entryKey('p', 'counter'), size + 1, row?.revision ?? 'absent')])) done++;
    }
    await Promise.all(others);
    const [row] = await store.get([entryKey('p', 'counter')]);
    expect(row?.value).toMatchObject({ size: 600 });
    expect(await users.find('added')).toBeUndefined();
    await run('add-user', folder);
    expect((await users.find('added'))?.user).toEqual(userNamed('added'));
  }, 60_000);
});

describe('the headroom of an environment', () => {
  it('is restored at once by a write that finds it short, and wholly by maintenance', async () => {
    const { environment, folder } = open(makeBase(), { wanted: 8 * mebibyte, low: 4 * mebibyte, least: mebibyte });
    await new LmdbMetadataStore(environment).transact([putRow(entryKey('p', 'a'))]);
    expect(environment.headroom()).toBeGreaterThanOrEqual(4 * mebibyte);
    expect(environment.maintain()).toBeGreaterThanOrEqual(8 * mebibyte);
    expect(environment.maintain()).toBeLessThan(9 * mebibyte);
    const { size, blocks } = statSync(path.join(folder, 'data.mdb'));
    // Written, not a hole.
    expect(blocks * 512).toBeGreaterThanOrEqual(size);
  });

  it('is kept up while many write at once', async () => {
    const { environment } = open(makeBase(), { wanted: 8 * mebibyte, low: 4 * mebibyte, least: mebibyte });
    const store = new LmdbMetadataStore(environment);
    let lowest = Number.POSITIVE_INFINITY;
    const writeSome = async (writer: number) => {
      for (let row = 0; row < 40; row++) {
        const writes = Array.from({ length: 100 }, (_, part) => putRow(entryKey(`p${writer}`, `${row}-${part}`)));
        expect(await store.transact(writes)).toBe(true);
        lowest = Math.min(lowest, environment.headroom());
        if (row % 10 === 0) environment.maintain();
      }
    };
    await Promise.all([1, 2, 3, 4].map(writeSome));
    expect(lowest).toBeGreaterThan(3 * mebibyte);
    expect(await store.scan('entry', { limit: 1_000 })).toHaveLength(1_000);
  });
});
