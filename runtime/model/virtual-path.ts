/**
 * The path that a partner sees: absolute, `/`-separated, below his home. Every path argument of every verb goes through `resolvePath`; nothing
 * else makes a `VirtualPath`, so a value of this type cannot leave the home (TVFS, RFC 3659 §6; traversal, backslash and look-alike attacks).
 * Bytes are kept as sent: no NFC, no percent-decoding, no `~`, no trimming.
 */
export type VirtualPath = string & { readonly virtualPath: unique symbol };

export const rootPath = '/' as VirtualPath;

export type PathFault = 'control-character' | 'backslash' | 'look-alike' | 'segment-too-long' | 'too-deep' | 'too-long' | 'not-unicode';

/** Longest segment and path in UTF-8 bytes, and the deepest path in segments. 1,024 is the longest S3 key; the home counts too, so a key is checked again. */
export const pathLimits = { segmentBytes: 255, pathBytes: 1024, depth: 64 } as const;

// U+FF0E, U+2024..U+2026 as a whole component look like `.` and `..` and are normalised to them by some consumers.
const lookAlike = /^[.\uFF0E\u2024\u2025\u2026\uFE19\uFE30\uFE52]+$/u;
const controlCharacter = /[\u0000-\u001F\u007F]/;
// Not XML 1.0: they break ListObjects for every reader of the bucket.
const notUnicode = /[\uFFFE\uFFFF]|\p{Surrogate}/u;

/** Why a single name may not be used, or undefined when it may. Also asked of names that others put into the store. */
export function nameFault(name: string): PathFault | undefined {
  if (controlCharacter.test(name)) return 'control-character';
  if (name.includes('\\')) return 'backslash';
  if (notUnicode.test(name)) return 'not-unicode';
  if (name !== '.' && name !== '..' && lookAlike.test(name) && /[^.]/.test(name)) return 'look-alike';
  if (Buffer.byteLength(name) > pathLimits.segmentBytes) return 'segment-too-long';
  return undefined;
}

/** True for a name that FTP can show and address: used for names found in the store. */
export function isListable(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !name.includes('/') && nameFault(name) === undefined;
}

/**
 * Resolves an argument as the client wrote it against the working directory. `.` and empty segments vanish, `..` pops and stops at the root
 * (`CWD ..` at `/` is `/`), a trailing slash is ignored.
 */
export function resolvePath(cwd: VirtualPath, argument: string): VirtualPath | { fault: PathFault } {
  const segments = argument.startsWith('/') ? [] : cwd.split('/').filter((segment) => segment !== '');
  for (const segment of argument.split('/')) {
    const fault = nameFault(segment);
    if (fault) return { fault };
    if (segment === '' || segment === '.') continue;
    if (segment === '..') segments.pop();
    else segments.push(segment);
  }
  if (segments.length > pathLimits.depth) return { fault: 'too-deep' };
  const path = `/${segments.join('/')}`;
  if (Buffer.byteLength(path) > pathLimits.pathBytes) return { fault: 'too-long' };
  return path as VirtualPath;
}

/** The directory that holds the path; the root's parent is the root. */
export function parentPath(path: VirtualPath): VirtualPath {
  const slash = path.lastIndexOf('/');
  return (slash <= 0 ? '/' : path.slice(0, slash)) as VirtualPath;
}

/** The last segment; empty for the root. */
export function baseName(path: VirtualPath): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

export function childPath(parent: VirtualPath, name: string): VirtualPath {
  return (parent === '/' ? `/${name}` : `${parent}/${name}`) as VirtualPath;
}

/** True when `path` is `ancestor` or lies below it. */
export function isWithin(path: VirtualPath, ancestor: VirtualPath): boolean {
  return ancestor === '/' || path === ancestor || path.startsWith(`${ancestor}/`);
}
