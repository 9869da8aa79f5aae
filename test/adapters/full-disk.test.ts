import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { contentOf, kindOf, send } from '../contracts/store-under-test';
import { makeDirectoryStore } from './directory-fixture';

/** On a real small file system; where the system lets nobody but its administrator mount one, these have nothing to run on. */
const mounts: string[] = [];

function mountSmall(mebibytes: number): string | undefined {
  const folder = mkdtempSync(path.join(tmpdir(), 'causeway-full-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'none', folder], { stdio: 'ignore', timeout: 5_000 });
  } catch {
    rmSync(folder, { recursive: true });
    return undefined;
  }
  mounts.push(folder);
  return folder;
}

afterEach(() => {
  for (const folder of mounts.splice(0)) {
    execFileSync('umount', [folder], { timeout: 5_000 });
    rmSync(folder, { recursive: true });
  }
});

const probe = mountSmall(1);
const onSmallDisk = probe ? it : it.skip;

describe('a full disk', () => {
  onSmallDisk.each(['fill-disk-by-10', 'fill-disk-by-1000'])(
    'refuses new rows before the index meets it, and lets deletes go on (%s)',
    async (task) => {
      const folder = mountSmall(64) as string;
      const child = path.join(__dirname, 'lmdb-child.ts');
      // A signal (the index has met the full disk) rejects here.
      const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--import', 'tsx', child, task, folder], { timeout: 60_000 });
      expect(stderr).toBe('');
      const told = JSON.parse(stdout) as { rows: number; kind: string; deleted: number; left: number };
      expect(told.kind).toBe('disk-full');
      expect(told.rows).toBeGreaterThan(5_000);
      expect(told.deleted).toBe(500);
      expect(told.left).toBe(told.rows - 500);
    },
    60_000,
  );

  onSmallDisk('stops an upload at the reserve, keeps what came, and goes on when there is room again', async () => {
    const folder = mountSmall(48) as string;
    const base = path.join(folder, 'data');
    mkdirSync(base);
    const made = await makeDirectoryStore({ base, reserve: 8 * 1024 * 1024 });
    const content = contentOf(64 * 1024 * 1024);
    const begin = () => made.store.begin({ token: 'token1', storedKey: 'acme/a', partner: 'acme', admission: made.buffers.admit('acme') });
    const writer = begin();
    expect(await kindOf(send(writer, content))).toBe('disk-full');
    const { bavail, bsize } = await statfs(folder);
    expect(bavail * bsize).toBeGreaterThan(0);
    const progress = await writer.park();
    expect(progress.durable).toBeGreaterThan(16 * 1024 * 1024);
    expect(await kindOf(made.store.requireRoom())).toBe('disk-full');
    await made.store.discard('token1', 'acme/a', progress);
    expect(await kindOf(made.store.requireRoom())).toBe('done');
    expect(made.buffers.used).toBe(0);
  });

  onSmallDisk('without any reserve is met by an upload, and is the same failure', async () => {
    const folder = mountSmall(16) as string;
    const base = path.join(folder, 'data');
    mkdirSync(base);
    const made = await makeDirectoryStore({ base });
    const content = contentOf(24 * 1024 * 1024);
    const writer = made.store.begin({ token: 'token1', storedKey: 'acme/a', partner: 'acme', admission: made.buffers.admit('acme') });
    expect(await kindOf(send(writer, content))).toBe('disk-full');
    expect(await kindOf(writer.settle())).toBe('disk-full');
    const { durable } = await writer.park();
    const salvaged = await (await made.reopen()).salvage('token1', 'acme/a', { uploadId: 'token1', parts: [], durable: 0, reserved: 0 });
    expect(salvaged.durable).toBeGreaterThanOrEqual(durable);
    await writer.abort();
    expect(made.buffers.used).toBe(0);
  });
});
