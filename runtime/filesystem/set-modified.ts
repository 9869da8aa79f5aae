import { placeOf } from '../model/entry';
import { Failure } from '../model/failure';
import type { User } from '../model/user';
import type { VirtualPath } from '../model/virtual-path';
import { requireRight } from './access';
import type { Filesystem } from './filesystem';
import { objectKey } from './object-key';
import { entryKey } from './rows';
import { refuseShadow, settledState, shadowOf } from './shadow';
import { transact } from './transaction';

/** The time that listings show. Kept in the index alone: setting it on the object would make another version of it. */
export async function setModified(fs: Filesystem, user: User, path: VirtualPath, modified: number): Promise<void> {
  requireRight(user, path, 'write');
  if (path === '/') throw new Failure('not-allowed', 'Permission denied: the home directory keeps its time.');
  const key = objectKey(user, path);
  const state = await settledState(fs, key, user);
  refuseShadow(shadowOf(state, user));
  await transact(fs, async (tx) => {
    const row = entryKey(placeOf(key));
    const entry = await tx.get(row);
    if (!entry) throw new Failure('not-found', 'No such file or directory.');
    tx.put(row, { ...entry, modified });
  });
}
