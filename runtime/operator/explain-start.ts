import path from 'node:path';

/** Why a server does not start, in one line for whoever starts it: what is in the way, and what to do. Other errors say so themselves. */
export function explainStart(error: unknown, data: string): string {
  const { code, path: place, message, syscall } = error as NodeJS.ErrnoException;
  // The lock is the first thing that is written there; its name helps nobody.
  const where = place?.replace(/\/\.lock[^/]*$/, '') ?? data;
  switch (code) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return `${where} cannot be written: give this user the right to it, or choose another folder with CAUSEWAY_DATA`;
    case 'EEXIST':
    case 'ENOTDIR':
      return `${where} cannot be a folder, for there is a file, or a link that leads nowhere, in its place: choose another one with CAUSEWAY_DATA`;
    case 'ENOSPC':
    case 'EDQUOT':
      return `the disk of ${where} is full: make room, or choose another folder with CAUSEWAY_DATA`;
    default:
  }
  // Of a file system that the kernel makes up, such as /proc.
  if (code === 'ENOENT' && syscall === 'mkdir') return `${where} cannot be made in this place: choose another folder with CAUSEWAY_DATA`;
  const damage = damageIn(error);
  return damage === undefined ? message : damagedIndex(indexIn(data), damage);
}

/** What the SDK says names neither the setting that made it ask, nor the one that is missing. */
export function explainFetch(setting: string, { message }: Error): string {
  const wanted = /region is missing/i.test(message)
    ? 'set CAUSEWAY_REGION'
    : 'check its value, CAUSEWAY_REGION and the rights of this machine';
  return `the certificate that ${setting} names cannot be fetched (${message}): ${wanted}`;
}

export const indexIn = (data: string) => path.join(data, 'index');

/** The way out loses no file: the folder decides what exists. What is lost, and how else it can be had back, is told in the page it names. */
export function damagedIndex(folder: string, why: string): string {
  return `the index is damaged: ${why}. Move ${folder} away, start again and make the partners again: the files stay where they are and are taken in. More in docs/operations.md`;
}

/** LMDB's own words for it. */
function damageIn(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  return /^MDB_(CORRUPTED|PAGE_NOTFOUND|INVALID|PANIC)/.test(error.message) ? error.message : damageIn(error.cause);
}
