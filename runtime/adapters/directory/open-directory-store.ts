import { link, mkdir, readdir, readFile, realpath, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../../ports/clock';
import { DirectoryObjectStore } from './directory-object-store';
import { removeFile } from './durable-directory';
import { codeOf, type Modes, type Roots } from './layout';

/**
 * Opens a directory store: makes its folders, and finds out what this file system can do, because the rules depend on it: one file system for all three
 * roots (or publishing would copy), hard links (or a name could be overwritten unseen), names told apart by case and normalisation.
 */
export async function openDirectoryStore(options: {
  readonly base: string;
  readonly modes: Modes;
  readonly clock: Clock;
  readonly reserve: number;
  /** Changes when the machine starts; undefined where the system does not tell. */
  readonly bootId: string | undefined;
}): Promise<{ store: DirectoryObjectStore; roots: Roots; warnings: readonly string[] }> {
  const place = async (name: string) => {
    const root = path.join(options.base, name);
    await mkdir(root, { recursive: true, mode: options.modes.directory });
    // The operator may have made it a link to where there is room; below it there are none.
    return realpath(root);
  };
  const roots: Roots = { objects: await place('objects'), incoming: await place('incoming'), temporary: await place('temporary') };
  await requireOneFileSystem(roots);
  const warnings: string[] = [];
  const hardLinks = await probeHardLinks(roots.incoming);
  if (!hardLinks) {
    warnings.push(
      'this file system has no hard links: a file dropped under a name in the moment an upload of the same name ends may be replaced',
    );
  }
  const folds = await probeFolding(roots.incoming);
  if (folds)
    warnings.push('this file system folds case or normalisation of names: of two names that differ only so, the second is refused');
  const survived = await rememberBoot(roots.incoming, options.bootId);
  const store = new DirectoryObjectStore({ ...options, roots, hardLinks, folds, survived });
  return { store, roots, warnings };
}

async function requireOneFileSystem(roots: Roots): Promise<void> {
  const devices = new Set<number>();
  for (const root of Object.values(roots)) devices.add((await stat(root)).dev);
  if (devices.size > 1) {
    throw new Error(
      `${roots.objects}, ${roots.incoming} and ${roots.temporary} must lie on one file system: a finished upload is moved between them in one step. Mount the whole folder instead.`,
    );
  }
}

async function probeHardLinks(folder: string): Promise<boolean> {
  const file = path.join(folder, `.probe-link-${process.pid}`);
  const second = `${file}-2`;
  await removeAll(file, second);
  await writeFile(file, '');
  try {
    await link(file, second);
    return true;
  } catch {
    // Any refusal means the same: it cannot be relied on here.
    return false;
  } finally {
    await removeAll(file, second);
  }
}

/** U+00E9 as one character and as two: file systems that normalise see one name. */
async function probeFolding(folder: string): Promise<boolean> {
  const pairs = [
    [`.probe-fold-${process.pid}-a`, `.probe-fold-${process.pid}-A`],
    [`.probe-fold-${process.pid}-\u00e9`, `.probe-fold-${process.pid}-e\u0301`],
  ] as const;
  for (const [name, twin] of pairs) {
    const file = path.join(folder, name);
    await writeFile(file, '');
    try {
      await stat(path.join(folder, twin));
      return true;
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    } finally {
      await removeAll(file);
    }
  }
  return false;
}

/**
 * Which part files can be trusted to their whole length: a process that dies leaves what it wrote in the system's memory, a machine that stops does not.
 * The names of those from before the last start of the machine are kept until they are gone, because this process may die before it has seen to them.
 */
async function rememberBoot(folder: string, bootId: string | undefined): Promise<(uploadId: string) => boolean> {
  // Without an id every start could be one of the machine.
  if (bootId === undefined) return () => false;
  const file = path.join(folder, '.boot-id');
  const before = await readFile(file, 'utf8').catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error;
    return '';
  });
  const [boot, ...marked] = before.split('\n');
  const there = (await readdir(folder)).filter((name) => !name.startsWith('.'));
  const old = new Set(boot === bootId ? marked.filter((name) => there.includes(name)) : there);
  const content = [bootId, ...old].join('\n');
  if (content !== before) {
    await writeFile(`${file}-${process.pid}`, content, { flush: true });
    await rename(`${file}-${process.pid}`, file);
  }
  return (uploadId) => !old.has(uploadId);
}

async function removeAll(...files: string[]): Promise<void> {
  for (const file of files) await removeFile(file);
}
