import { appendFileSync, existsSync, readFileSync, rmSync, unlinkSync } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import type { Found, NewUpload } from '../../runtime/ports/object-store';
import { send } from '../contracts/store-under-test';
import { type MadeDirectoryStore, makeDirectoryStore } from './directory-fixture';

/** Between the claim and the rename(2) somebody may have taken or replaced the file that is to be replaced: an append has kept its bytes for hours, perhaps. */
describe.each([
  ['with hard links', true],
  ['without hard links', false],
])('a file that is to replace another, %s', (_, hardLinks) => {
  let made: MadeDirectoryStore;

  beforeEach(async () => {
    made = await makeDirectoryStore({ hardLinks });
    await made.place('acme/a', Buffer.from('before'));
  });

  afterEach(() => made.end());

  const contentOf = () => readFileSync(path.join(made.roots.objects, 'acme/a'), 'utf8');
  const found = async () => (await made.store.look('acme/a')) as Found;

  async function settled() {
    const upload: NewUpload = { token: 'token', storedKey: 'acme/a', partner: 'acme', admission: made.buffers.admit('acme') };
    const writer = made.store.begin(upload);
    await send(writer, Buffer.from('after'));
    const { proof } = await writer.settle();
    return { writer, proof };
  }

  it('replaces the version that the claim saw', async () => {
    const { version } = await found();
    const { writer, proof } = await settled();
    expect(await writer.complete(version)).toEqual({ version: proof });
    expect(contentOf()).toBe('after');
  });

  it.each([undefined, 'over'])('is said to be lost when somebody has cleared the folder of what is being received (%s)', async (over) => {
    const { version } = await found();
    const { writer } = await settled();
    unlinkSync(path.join(made.roots.incoming, 'token'));
    await expect(writer.complete(over && version)).rejects.toMatchObject({ kind: 'not-stored' });
    expect(contentOf()).toBe('before');
  });

  it('is said to be lost when somebody has changed it there', async () => {
    const { version } = await found();
    const { writer } = await settled();
    appendFileSync(path.join(made.roots.incoming, 'token'), 'more');
    await expect(writer.complete(version)).rejects.toMatchObject({ kind: 'not-stored' });
    expect(contentOf()).toBe('before');
  });

  it('is said to be lost when it goes at the last moment', async () => {
    await made.take('acme/a');
    const { writer } = await settled();
    const call = hardLinks ? 'link' : 'rename';
    const real = fs[call];
    jest.spyOn(fs, call).mockImplementation(async (from, to) => {
      rmSync(from as string, { force: true });
      await real(from, to);
    });
    await expect(writer.complete(undefined)).rejects.toMatchObject({ kind: 'not-stored' });
    jest.restoreAllMocks();
    expect(existsSync(path.join(made.roots.objects, 'acme/a'))).toBe(false);
  });

  it('does not bring back the name of one that has been taken, and can be put there as new', async () => {
    const { version } = await found();
    const { writer, proof } = await settled();
    await made.take('acme/a');
    expect(await writer.complete(version)).toBe('vanished');
    expect(existsSync(path.join(made.roots.objects, 'acme/a'))).toBe(false);
    expect(await writer.complete(undefined)).toEqual({ version: proof });
    expect(contentOf()).toBe('after');
  });

  it('does not replace another one unseen, and can replace that when told to', async () => {
    const { version } = await found();
    const { writer, proof } = await settled();
    await made.place('acme/a', Buffer.from('dropped in'));
    const now = await found();
    expect(await writer.complete(version)).toEqual({ occupied: now });
    expect(contentOf()).toBe('dropped in');
    expect(await writer.complete(now.version)).toEqual({ version: proof });
    expect(contentOf()).toBe('after');
  });
});
