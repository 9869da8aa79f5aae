import type { ObjectKey } from '../model/entry';
import type { User } from '../model/user';
import type { VirtualPath } from '../model/virtual-path';
import { objectKey, temporaryPrefix } from './object-key';

/**
 * Clients that upload under a temporary name and rename (WinSCP's `.filepart`, vendor products' `.tmp`, ProFTPD's `.in.`) mean one delivery. Files under
 * such names lie where no consumer looks, and make no event; the rename to a lasting name publishes them.
 */
const temporaryName = /(\.tmp|\.part|\.partial|\.filepart)$|^\.in\../i;

export function isTemporary(user: User, path: VirtualPath): boolean {
  if (user.switches.temporaryNames === 'off') return false;
  const segments = path.split('/');
  if (temporaryName.test(segments.at(-1) ?? '')) return true;
  const directories = user.switches.temporaryDirectories;
  return directories.length > 0 && segments.slice(0, -1).some((segment) => directories.includes(segment));
}

/** Where a new object of this path lies. An entry that exists keeps the key it has. */
export function storedKeyOf(user: User, path: VirtualPath): ObjectKey {
  const key = objectKey(user, path);
  return isTemporary(user, path) ? temporaryPrefix + key : key;
}
