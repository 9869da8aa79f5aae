import { Failure } from '../model/failure';
import type { User } from '../model/user';
import { baseName, type VirtualPath } from '../model/virtual-path';
import { may, requireRight } from './access';
import { deleteFile } from './delete-file';
import type { Filesystem } from './filesystem';
import { listDirectory } from './list-directory';
import { makeDirectory } from './make-directory';
import { objectKey } from './object-key';
import { openFile } from './open-file';
import type { PartnerView, RenameSource, Shown } from './partner-view';
import { readEntry } from './path-state';
import { prepareUpload } from './prepare-upload';
import { removeDirectory } from './remove-directory';
import { renameDirectory } from './rename-directory';
import { renameFile } from './rename-file';
import { setModified } from './set-modified';
import { refuseShadow, settledState, shadowOf, silentUpload, tellShadow } from './shadow';
import { showEntry, showHome, showParked, uniqueOf } from './shown';
import { ToldSizes, toldFile } from './told';

/** One login's view. `user` is asked anew at each call, so that a changed right holds for the next command. `client`: the address noted with uploads. */
export function openPartnerView(fs: Filesystem, user: () => User, client?: string): PartnerView {
  const sizes = new ToldSizes();
  return {
    stat: (path, purpose) => statPath(fs, user(), path, purpose, sizes),
    may: (path, right) => may(user(), path, right),
    list: (path) => listDirectory(fs, user(), path, sizes),
    open: (path, offset) => openFile(fs, user(), path, offset),
    prepareUpload: (path, how, announced) => prepareUpload(fs, { user: user(), client }, path, how, sizes, announced),
    makeDirectory: (path) => makeDirectory(fs, user(), path),
    removeDirectory: (path) => removeDirectory(fs, user(), path),
    deleteFile: async (path) => {
      await deleteFile(fs, user(), path);
      sizes.forget(objectKey(user(), path));
    },
    prepareRename: (path) => prepareRename(fs, user(), path),
    rename: async (source, target) => {
      await rename(fs, user(), source, target);
      for (const path of [source.path, target]) sizes.forget(objectKey(user(), path));
    },
    setModified: (path, modified) => setModified(fs, user(), path, modified),
  };
}

async function statPath(
  fs: Filesystem,
  user: User,
  path: VirtualPath,
  purpose: 'exists' | 'size' | 'time',
  sizes: ToldSizes,
): Promise<Shown> {
  if (path === '/') return showHome(user);
  if (purpose !== 'exists') requireRight(user, path, 'list', 'read');
  const key = objectKey(user, path);
  if (purpose === 'size') {
    const silent = await silentUpload(fs, key, user);
    if (silent) {
      const size = silent.durable;
      await silent.tell();
      sizes.tell(key, { of: 'upload', token: silent.token, size });
      return { path, name: baseName(path), kind: 'file', size, modified: fs.clock.now(), unique: uniqueOf(silent.token), parked: true };
    }
  }
  const state = await settledState(fs, key, user);
  const shadow = shadowOf(state, user);
  if (shadow) {
    if (purpose === 'size') await tellShadow(fs, shadow, sizes);
    return showParked(path, shadow);
  }
  const entry = await fs.folders.presentEntry(fs, key, state.entry, false);
  if (!entry) {
    sizes.forget(key);
    throw new Failure('not-found', 'No such file or directory.');
  }
  if (purpose === 'size' && fs.folders.isUnsettled(key)) {
    throw new Failure('busy', 'Somebody else is writing this file; ask again in a moment.');
  }
  if (purpose === 'size' && entry.kind === 'file') sizes.tell(key, toldFile(entry));
  return showEntry(path, entry, key);
}

async function prepareRename(fs: Filesystem, user: User, path: VirtualPath): Promise<RenameSource> {
  requireRight(user, path, 'rename');
  if (path === '/') throw new Failure('not-allowed', 'Permission denied: the home directory stays.');
  const key = objectKey(user, path);
  const state = await settledState(fs, key, user);
  refuseShadow(shadowOf(state, user));
  const entry = await fs.folders.presentEntry(fs, key, state.entry, false);
  if (!entry) throw new Failure('not-found', 'No such file or directory.');
  return { path, kind: entry.kind, identity: entry.kind === 'file' ? entry.token : 'directory' };
}

async function rename(fs: Filesystem, user: User, source: RenameSource, target: VirtualPath): Promise<void> {
  requireRight(user, source.path, 'rename');
  requireRight(user, target, 'rename');
  if (target === '/') throw new Failure('exists', 'The target already exists and is a directory.');
  const key = objectKey(user, target);
  if (source.path === target) {
    // POSIX rename(2) of a name onto itself does nothing, successfully.
    const same = await readEntry(fs, key);
    if (same) return;
    throw new Failure('not-found', 'No such file or directory.');
  }
  const present = await fs.folders.presentEntry(fs, key, await readEntry(fs, key), false);
  await fs.folders.requireNoFold(fs, key, present);
  if (source.kind === 'directory') await renameDirectory(fs, user, source, target);
  else await renameFile(fs, user, source, target);
}
