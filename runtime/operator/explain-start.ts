/** Why a server does not start, in one line for whoever starts it: what is in the way, and what to do. Other errors say so themselves. */
export function explainStart(error: unknown, data: string): string {
  const { code, path, message } = error as NodeJS.ErrnoException;
  // The lock is the first thing that is written there; its name helps nobody.
  const where = path?.replace(/\/\.lock[^/]*$/, '') ?? data;
  switch (code) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return `${where} cannot be written: give this user the right to it, or choose another folder with CAUSEWAY_DATA`;
    case 'EEXIST':
    case 'ENOTDIR':
      return `${where} cannot be a folder, for there is a file in its place: choose another one with CAUSEWAY_DATA`;
    case 'ENOSPC':
    case 'EDQUOT':
      return `the disk of ${where} is full: make room, or choose another folder with CAUSEWAY_DATA`;
    default:
      return message;
  }
}
