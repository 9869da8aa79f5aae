import { existsSync, mkdtempSync } from 'node:fs';
import { mkdir, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DirectoryObjectStore } from '../../runtime/adapters/directory/directory-object-store';
import type { Roots } from '../../runtime/adapters/directory/layout';
import { openDirectoryStore } from '../../runtime/adapters/directory/open-directory-store';
import { BudgetedPartBuffers } from '../../runtime/adapters/memory/budgeted-part-buffers';
import type { MadeStore } from '../contracts/store-under-test';
import { FakeClock } from '../support/fake-clock';
import { noWait } from '../support/filesystem';

/** A directory store in a folder of its own; in memory where the system has such a file system, because a flush to a disk takes most of a test's time. */
export function makeBase(): string {
  return mkdtempSync(path.join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'causeway-test-'));
}

export interface MadeDirectoryStore extends MadeStore {
  readonly store: DirectoryObjectStore;
  readonly roots: Roots;
  readonly buffers: BudgetedPartBuffers;
}

export async function makeDirectoryStore(
  options: { base?: string; reserve?: number; bootId?: string; hardLinks?: boolean; budget?: number } = {},
): Promise<MadeDirectoryStore> {
  const base = options.base ?? makeBase();
  const clock = new FakeClock();
  const modes = { file: 0o600, directory: 0o700 };
  const open = async () => {
    const { reserve = 0, bootId = 'boot-1' } = options;
    const opened = await openDirectoryStore({ base, modes, clock, reserve, bootId });
    if (options.hardLinks !== false) return opened;
    const store = new DirectoryObjectStore({
      roots: opened.roots,
      modes,
      clock,
      reserve,
      hardLinks: false,
      folds: false,
      survived: () => true,
    });
    return { ...opened, store };
  };
  const { store, roots } = await open();
  return {
    store,
    roots,
    buffers: new BudgetedPartBuffers(options.budget ?? 512 * 1024 * 1024, noWait),
    reopen: async () => (await open()).store,
    place: async (key, content) => {
      const file = path.join(roots.objects, key);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(`${base}/placed`, content);
      await rename(`${base}/placed`, file);
    },
    take: (key) => unlink(path.join(roots.objects, key)),
    end: () => rm(base, { recursive: true }),
  };
}
