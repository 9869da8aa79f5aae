import { existsSync, readFileSync } from 'node:fs';
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
