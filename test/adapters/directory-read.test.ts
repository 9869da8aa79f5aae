import { readdirSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { readVersion } from '../../runtime/adapters/directory/read-file';
import { Failure } from '../../runtime/model/failure';
import { kindOf } from '../support/one-process';
import { type MadeDirectoryStore, makeDirectoryStore } from './directory-fixture';

/** A reader that leaves while its file is being opened: nobody is given the file, so nobody else would close it. */

let made: MadeDirectoryStore;

beforeEach(async () => {
  made = await makeDirectoryStore();
});
afterEach(() => made.end());

/** Of files below the store that this process has open; none can be seen where the system does not show them. */
function openFiles(): string[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${descriptor}`);
      return target.startsWith(made.roots.objects) ? [path.basename(target)] : [];
    } catch {
      // That of the listing itself.
      return [];
    }
  });
}

it('a download that is aborted while its file is being opened leaves no file open', async () => {
  await made.place('acme/a', Buffer.from('content'));
  const version = (await made.store.look('acme/a'))?.version ?? '';
  const abort = new AbortController();
  const reading = readVersion(path.join(made.roots.objects, 'acme/a'), version, 0, abort.signal);
  abort.abort(new Failure('aborted', 'Transfer aborted.'));
  expect(await kindOf(reading)).toBe('aborted');
  expect(openFiles()).toEqual([]);
});
