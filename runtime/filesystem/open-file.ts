import type { FileEntry, ObjectKey } from '../model/entry';
import { Failure } from '../model/failure';
import type { User } from '../model/user';
import type { VirtualPath } from '../model/virtual-path';
import { requireRight } from './access';
import type { Filesystem } from './filesystem';
import { objectKey } from './object-key';
import type { OpenFile } from './partner-view';
import { isHeld, requireAncestors } from './path-state';
import { refuseShadow, settledState, shadowOf } from './shadow';

/** Longest that an open waits for a change of the path that is under way. */
const waitsForChange = 5_000;

/**
 * Opens exactly the version that the entry names. When the store holds another, somebody is changing the path (the entry follows in a moment) or an
 * outsider has: the entry is read again, an open claim is waited for, and then the entry is made equal to what is there.
 */
export async function openFile(fs: Filesystem, user: User, path: VirtualPath, offset: number): Promise<OpenFile> {
  requireRight(user, path, 'read');
  if (path === '/') throw new Failure('is-a-directory', 'Is a directory.');
  const key = objectKey(user, path);
  const deadline = fs.clock.monotonic() + waitsForChange;
  for (;;) {
    const state = await settledState(fs, key, user);
    refuseShadow(shadowOf(state, user));
    const { entry, claim } = state;
    if (entry?.kind === 'directory') throw new Failure('is-a-directory', 'Is a directory.');
    if (!entry) throw new Failure('not-found', 'No such file or directory.');
    const found = await fs.objects.look(entry.storedKey);
    if (found?.version === entry.version) return pinned(fs, key, entry, offset);
    if (!isHeld(claim)) {
      await requireAncestors(fs, key, user.home);
      const outcome = await fs.folders.makeEqual(key, entry.storedKey);
      if (outcome === 'unsettled') fs.folders.noteDifferences([key]);
      if (outcome === 'removed') throw new Failure('not-found', 'No such file or directory.');
      if (outcome === 'adopted' || outcome === 'same') continue;
    }
    if (fs.clock.monotonic() >= deadline) throw new Failure('busy', 'The file is being changed; try again in a moment.');
    await fs.clock.sleep(100);
  }
}

function pinned(fs: Filesystem, key: ObjectKey, entry: FileEntry, offset: number): OpenFile {
  if (offset > entry.size) throw new Failure('restart-not-possible', `The file has ${entry.size} bytes: it cannot be read from ${offset}.`);
  return {
    size: entry.size,
    read: async (signal) => {
      const bytes = await fs.objects.read(entry.storedKey, entry.version, offset, signal);
      if (!bytes) throw new Failure('busy', `The file was replaced or taken while it was being opened; try again.`, { cause: key });
      return bytes;
    },
  };
}
