import { existsSync, readFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import type { Found } from '../../runtime/ports/object-store';
import { type MadeDirectoryStore, makeDirectoryStore } from './directory-fixture';

/** What an operator drops in belongs to another user of the machine, and Linux lets the server rename such a file but not link it. */

let made: MadeDirectoryStore;

beforeEach(async () => {
  made = await makeDirectoryStore();
  await made.place('acme/a', Buffer.from('dropped in'));
  jest.spyOn(fs, 'link').mockImplementation(async () => {
    throw Object.assign(new Error('EPERM: operation not permitted, link'), { code: 'EPERM' });
  });
});

afterEach(async () => {
  jest.restoreAllMocks();
  await made.end();
});

const file = (key: string) => path.join(made.roots.objects, key);
const contentOf = (key: string) => readFileSync(file(key), 'utf8');
const found = async (key: string) => (await made.store.look(key)) as Found;

it('it can be renamed', async () => {
  const { version } = await found('acme/a');
  expect(await made.store.move({ from: 'acme/a', version, to: 'acme/b', over: undefined })).toEqual({ version });
  expect([existsSync(file('acme/a')), contentOf('acme/b')]).toEqual([false, 'dropped in']);
});

it('it is not renamed over another one that nobody has seen', async () => {
  const { version } = await found('acme/a');
  await made.place('acme/b', Buffer.from('another'));
  const there = await found('acme/b');
  expect(await made.store.move({ from: 'acme/a', version, to: 'acme/b', over: undefined })).toEqual({ occupied: there });
  expect([contentOf('acme/a'), contentOf('acme/b')]).toEqual(['dropped in', 'another']);
});

it('it is put back where a delete has set it aside and finds that it is another version', async () => {
  const { version } = await found('acme/a');
  // Between the look and the step aside somebody replaces it.
  const { rename } = fs;
  jest.spyOn(fs, 'rename').mockImplementationOnce(async (from, to) => {
    await made.place('acme/a', Buffer.from('newer'));
    await rename(from, to);
  });
  expect(await made.store.remove('acme/a', version)).toEqual({ other: expect.anything() });
  expect(contentOf('acme/a')).toBe('newer');
});
