import { existsSync, readFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import type { Found, NewUpload } from '../../runtime/ports/object-store';
import { send } from '../contracts/store-under-test';
import { type MadeDirectoryStore, makeDirectoryStore } from './directory-fixture';

/** Rights that were taken from the server while it runs: a change that it may not make has had no effect, and is not repeated for minutes. */
describe.each([
  ['with hard links', true],
  ['without hard links', false],
])('a folder that may not be changed, %s', (_, hardLinks) => {
  let made: MadeDirectoryStore;

  beforeEach(async () => {
    made = await makeDirectoryStore({ hardLinks });
    await made.place('acme/a', Buffer.from('before'));
  });

  afterEach(async () => {
    jest.restoreAllMocks();
    await made.end();
  });

  function forbid(...calls: ('link' | 'rename' | 'mkdir' | 'rmdir' | 'open')[]): void {
    for (const call of calls) {
      jest.spyOn(fs, call).mockImplementation(async () => {
        throw Object.assign(new Error(`EACCES: permission denied, ${call}`), { code: 'EACCES' });
      });
    }
  }

  const file = (key: string) => path.join(made.roots.objects, key);
  const found = async () => (await made.store.look('acme/a')) as Found;
  const isRefused = { kind: 'store-refused', cause: { code: 'EACCES' } };

  it.each(['acme/a', 'acme/new'])('does not get %s, and gets it later from the same upload', async (storedKey) => {
    const upload: NewUpload = { token: 'token', storedKey, partner: 'acme', admission: made.buffers.admit('acme') };
    const writer = made.store.begin(upload);
    await send(writer, Buffer.from('after'));
    const { proof } = await writer.settle();
    const over = storedKey === 'acme/a' ? (await found()).version : undefined;
    forbid('link', 'rename');
    await expect(writer.complete(over)).rejects.toMatchObject(isRefused);
    expect(readFileSync(file('acme/a'), 'utf8')).toBe('before');
    jest.restoreAllMocks();
    expect(await writer.complete(over)).toEqual({ version: proof });
    expect(readFileSync(file(storedKey), 'utf8')).toBe('after');
  });

  it('keeps a file that is to be removed, moved or read', async () => {
    const { version } = await found();
    forbid('link', 'rename', 'open');
    await expect(made.store.remove('acme/a', version)).rejects.toMatchObject(isRefused);
    await expect(made.store.move({ from: 'acme/a', version, to: 'acme/b', over: undefined })).rejects.toMatchObject(isRefused);
    await expect(made.store.read('acme/a', version, 0, new AbortController().signal)).rejects.toMatchObject(isRefused);
    expect([existsSync(file('acme/a')), existsSync(file('acme/b'))]).toEqual([true, false]);
  });

  it('keeps its directories', async () => {
    const { directories } = made.store;
    forbid('mkdir', 'rename', 'rmdir');
    await expect(directories.make('acme/new')).rejects.toMatchObject(isRefused);
    await expect(directories.move('acme', 'other')).rejects.toMatchObject(isRefused);
    await expect(directories.remove('acme')).rejects.toMatchObject(isRefused);
    expect([existsSync(file('acme/a')), existsSync(file('other'))]).toEqual([true, false]);
  });

  it('that lets a file be linked to its new name, but not its old one be removed, has changed: that is carried on', async () => {
    if (!hardLinks) return;
    const { version } = await found();
    forbid('rename');
    await expect(made.store.move({ from: 'acme/a', version, to: 'acme/b', over: undefined })).rejects.toMatchObject({
      kind: 'store-unavailable',
    });
    jest.restoreAllMocks();
    expect(await made.store.move({ from: 'acme/a', version, to: 'acme/b', over: undefined })).toEqual({ version });
  });
});
