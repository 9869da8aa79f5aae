import type { ObjectKey } from '../model/entry';
import { Failure } from '../model/failure';
import type { User } from '../model/user';
import { pathLimits, type VirtualPath } from '../model/virtual-path';

/**
 * From a partner's path to the index key (home + path) and to the key its object lies under. The two differ only for temporary names, which are
 * received outside every home: a home never begins with a dot.
 */
export const temporaryPrefix = '.temporary/';

export function objectKey(user: User, path: VirtualPath): ObjectKey {
  const key = path === '/' ? user.home : `${user.home}${path}`;
  requireSayable(key);
  return key;
}

/** A longer one is refused by stores, and by every command that names it. */
export function requireSayable(key: ObjectKey): void {
  if (Buffer.byteLength(temporaryPrefix + key) > pathLimits.pathBytes) {
    throw new Failure('name-not-allowed', `Path too long: at most ${pathLimits.pathBytes} bytes with the home.`);
  }
}

export function isTemporaryKey(storedKey: ObjectKey): boolean {
  return storedKey.startsWith(temporaryPrefix);
}
