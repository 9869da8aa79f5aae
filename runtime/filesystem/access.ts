import { Failure } from '../model/failure';
import type { Right, User } from '../model/user';
import { isWithin, type VirtualPath } from '../model/virtual-path';

/** Which rights a partner has where. The directory with the longest matching path decides, the partner's own rights where none does. */
export function rightsAt(user: User, path: VirtualPath): readonly Right[] {
  let best: VirtualPath | undefined;
  for (const directory of Object.keys(user.directories) as VirtualPath[]) {
    if (isWithin(path, directory) && (best === undefined || directory.length > best.length)) best = directory;
  }
  return best === undefined ? user.rights : (user.directories[best] ?? []);
}

export function may(user: User, path: VirtualPath, right: Right): boolean {
  return rightsAt(user, path).includes(right);
}

/** Throws before anything is looked up, so that a path one may not see and a path that is not there get the same answer. */
export function requireRight(user: User, path: VirtualPath, ...anyOf: readonly Right[]): void {
  const rights = rightsAt(user, path);
  if (!anyOf.some((right) => rights.includes(right))) {
    throw new Failure('not-allowed', `Permission denied: this account may not ${anyOf.map((right) => verbs[right]).join(' or ')} here.`);
  }
}

const verbs: Record<Right, string> = {
  list: 'list',
  read: 'read',
  write: 'write',
  overwrite: 'overwrite',
  delete: 'delete',
  rename: 'rename',
  mkdir: 'make directories',
};
