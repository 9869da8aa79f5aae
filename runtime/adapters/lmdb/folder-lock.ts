import { linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/**
 * One server per data folder. The lock names the process by pid, start time and boot, because a pid alone is reused, and in a container every server is
 * pid 1. A lock whose process is gone is taken over; the operator's command line needs none.
 */
export interface LockHolder {
  readonly pid: number;
  /** When the process started, in the system's own terms; empty where it cannot be told. */
  readonly started: string;
  readonly boot: string;
  readonly nonce: string;
}

export class FolderInUse extends Error {
  constructor(
    readonly folder: string,
    readonly pid: number,
  ) {
    super(
      `the folder ${folder} is in use by another server (pid ${pid}); stop it, or give this one a folder of its own with CAUSEWAY_DATA`,
    );
  }
}

/** Takes the lock or throws `FolderInUse`. Gives the function that frees it. `startedOf`: start time of a living process, undefined when there is none. */
export function lockFolder(folder: string, me: LockHolder, startedOf: (pid: number) => string | undefined): () => void {
  const file = path.join(folder, '.lock');
  const mine = `${file}-${me.nonce}`;
  writeFileSync(mine, JSON.stringify(me), { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < 10; attempt++) {
      try {
        linkSync(mine, file);
        return () => unlock(file, me);
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error;
      }
      const holder = readHolder(file);
      if (holder && isAlive(holder, me, startedOf)) throw new FolderInUse(folder, holder.pid);
      removeStale(file, `${mine}-stale`, holder);
    }
    throw new Error(`the lock of ${folder} keeps changing hands`);
  } finally {
    unlinkSync(mine);
  }
}

function isAlive(holder: LockHolder, me: LockHolder, startedOf: (pid: number) => string | undefined): boolean {
  if (holder.pid === me.pid || (holder.boot !== '' && holder.boot !== me.boot)) return false;
  const started = startedOf(holder.pid);
  return started !== undefined && (holder.started === '' || started === '' || started === holder.started);
}

function readHolder(file: string): LockHolder | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as LockHolder;
  } catch (error) {
    // Gone meanwhile, or torn by a power loss: in both cases nobody holds it.
    if (codeOf(error) === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/**
 * Removes a lock that nobody holds any more. It is moved away before it is looked at again: of two servers that start at once, the slower one would
 * otherwise remove the lock that the faster one has just taken.
 */
function removeStale(file: string, away: string, stale: LockHolder | undefined): void {
  try {
    renameSync(file, away);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  try {
    if (readHolder(away)?.nonce !== stale?.nonce) linkSync(away, file);
  } finally {
    unlinkSync(away);
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

function unlock(file: string, me: LockHolder): void {
  if (readHolder(file)?.nonce === me.nonce) unlinkSync(file);
}
