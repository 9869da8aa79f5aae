import { linkSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
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
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = readHolder(file);
      if (holder && isAlive(holder, me, startedOf)) throw new FolderInUse(folder, holder.pid);
      removeIfStill(file, holder);
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
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function removeIfStill(file: string, holder: LockHolder | undefined): void {
  if (readHolder(file)?.nonce !== holder?.nonce) return;
  try {
    unlinkSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function unlock(file: string, me: LockHolder): void {
  if (readHolder(file)?.nonce === me.nonce) unlinkSync(file);
}
