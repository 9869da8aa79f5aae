import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { damageOf } from '../../runtime/adapters/lmdb/damage';
import { Environment } from '../../runtime/adapters/lmdb/environment';
import { LmdbMetadataStore } from '../../runtime/adapters/lmdb/lmdb-metadata-store';
import { entryKey, putRow } from '../contracts/metadata-rows';
import { makeBase } from './directory-fixture';

/** What would end the process inside LMDB, found before. None of these is ever opened here: a test that fails must not take the others with it. */

const noHeadroom = { wanted: 0, low: 0, least: 0 };
let folder: string;
const file = () => path.join(folder, 'data.mdb');

beforeEach(() => {
  folder = path.join(makeBase(), 'index');
});

afterEach(() => rmSync(path.dirname(folder), { recursive: true, force: true }));

/** Some pages, and nothing behind the last one. */
async function makeIndex(headroom?: typeof noHeadroom): Promise<void> {
  const environment = new Environment(folder, 'test', headroom);
  const store = new LmdbMetadataStore(environment);
  for (let batch = 0; batch < 3; batch++)
    await store.transact(Array.from({ length: 100 }, (_, index) => putRow(entryKey('p', `${batch}-${index}`), 1_000_000 + index)));
  await environment.close();
}

async function overwrite(at: number, bytes: Buffer): Promise<void> {
  const handle = await open(file(), 'r+');
  await handle.write(bytes, 0, bytes.length, at);
  await handle.close();
}

it('there is none in an index that was just made, nor in one with rows, open or closed', async () => {
  const environment = new Environment(folder, 'test');
  expect(damageOf(folder)).toBeUndefined();
  environment.maintain();
  expect(damageOf(folder)).toBeUndefined();
  await environment.close();
  await makeIndex();
  expect(damageOf(folder)).toBeUndefined();
});

it('an index that is not there, or not begun, will be made', () => {
  expect(damageOf(folder)).toBeUndefined();
  mkdirSync(folder);
  writeFileSync(file(), '');
  expect(damageOf(folder)).toBeUndefined();
});

it.each([
  ['a word', Buffer.from('garbage\n')],
  ['zeros', Buffer.alloc(40_960)],
  ['noise', Buffer.from(Array.from({ length: 40_960 }, (_, index) => (index * 7_919) % 251))],
])('%s instead of an index is told', (_, content) => {
  mkdirSync(folder);
  writeFileSync(file(), content);
  expect(damageOf(folder)).toBe(`${file()} does not begin as an index of this version does`);
});

it.each([8, 100, 159])('an index that was cut to its first %i bytes is told', async (size) => {
  await makeIndex();
  truncateSync(file(), size);
  expect(damageOf(folder)).toMatch(/does not begin as an index/);
});

it.each([160, 4_096, 8_192, 20_000])('an index that was cut to %i bytes misses pages, and is told', async (size) => {
  await makeIndex(noHeadroom);
  truncateSync(file(), size);
  expect(damageOf(folder)).toMatch(`${file()} has ${size} bytes, and should have at least `);
});

it('a first page of zeros is told, wherever the rest is', async () => {
  await makeIndex();
  await overwrite(0, Buffer.alloc(4_096));
  expect(damageOf(folder)).toMatch(/does not begin as an index/);
});

it('of two first pages the newer one says how long the file must be', async () => {
  await makeIndex(noHeadroom);
  const environment = new Environment(folder, 'test', noHeadroom);
  const { lastPageNumber, pageSize } = environment.db.getStats() as { lastPageNumber: number; pageSize: number };
  await environment.close();
  const wanted = (lastPageNumber + 1) * pageSize;
  truncateSync(file(), wanted);
  expect(damageOf(folder)).toBeUndefined();
  truncateSync(file(), wanted - 1);
  expect(damageOf(folder)).toMatch(`should have at least ${wanted}`);
});
