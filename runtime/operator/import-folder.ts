import { lstat, open, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Filesystem } from '../filesystem/filesystem';
import { objectKey } from '../filesystem/object-key';
import { openPartnerView } from '../filesystem/open-view';
import type { PartnerView } from '../filesystem/partner-view';
import { readEntry } from '../filesystem/path-state';
import { crc32 } from '../model/crc32';
import { Failure } from '../model/failure';
import { allRights, type User } from '../model/user';
import { childPath, isListable, parentPath, resolvePath, type VirtualPath } from '../model/virtual-path';
import type { ByteSource } from '../ports/byte-source';
import { OperatorError } from './operator-error';

/**
 * Bulk load of the files that an FTP server before this one has kept. Each file goes the way of every upload (record, settle, claim, entry), so a run that is
 * broken off leaves whole files and nothing else, and the next one passes over those that are there with the same bytes.
 */
export interface ImportOptions {
  readonly folder: string;
  /** Directory of the partner that the folder's content goes into, as the operator writes it. */
  readonly to: string;
  /** Files at once. */
  readonly parallel: number;
  /** Replace files that are there with other bytes. */
  readonly overwrite: boolean;
  /** Only tell what would be done. */
  readonly dryRun: boolean;
  /** No more files are begun when it aborts; those that are under way are finished. */
  readonly signal?: AbortSignal;
}

export type ImportOutcome =
  | 'imported'
  /** The same bytes are there. */
  | 'present'
  /** Other bytes are there, and nothing was replaced. */
  | 'differs'
  /** No regular file, or a name that FTP cannot say. */
  | 'ignored'
  | 'failed';

export interface ImportStep {
  /** Path below the folder. */
  readonly name: string;
  readonly outcome: ImportOutcome;
  readonly bytes: number;
  readonly error?: unknown;
}

interface Found {
  readonly name: string;
  readonly path: VirtualPath | undefined;
  readonly kind: 'file' | 'other' | 'unread';
  /** Why a directory, and with it what is in it, cannot be brought over. */
  readonly error?: unknown;
}

/** Steps come in the order in which files are done. Directories are made as they are met and are no steps, unless they cannot be read or made. */
export async function* importFolder(fs: Filesystem, partner: User, options: ImportOptions): AsyncGenerator<ImportStep> {
  const to = resolvePath('/' as VirtualPath, options.to);
  if (typeof to === 'object') throw new OperatorError(`--to ${options.to} is no path that a partner could name: ${to.fault}`, 'usage');
  if (!(await isFolder(options.folder))) throw new OperatorError(`${options.folder} is no folder`);
  // The operator's own act: what the partner himself may do does not limit it.
  const user: User = { ...partner, rights: allRights, directories: {}, maxFileBytes: undefined };
  const view = openPartnerView(fs, () => user);
  const running = new Set<Promise<void>>();
  const done: ImportStep[] = [];
  if (!options.dryRun) {
    await makeParents(view, to).catch((error: unknown) => {
      throw error instanceof Failure ? new OperatorError(`--to ${options.to}: ${error.message}`, 'failed', { cause: error }) : error;
    });
  }
  const enter = async (directory: VirtualPath) => {
    if (!options.dryRun) await makeDirectory(view, directory);
  };
  for await (const found of walk(options.folder, '', to, enter)) {
    if (options.signal?.aborted) break;
    const step = importOne(fs, user, view, found, options)
      .catch((error: unknown): ImportStep => ({ name: found.name, outcome: 'failed', bytes: 0, error }))
      .then((finished) => {
        done.push(finished);
        running.delete(step);
      });
    running.add(step);
    if (running.size >= options.parallel) await Promise.race(running);
    yield* done.splice(0);
  }
  await Promise.all(running);
  yield* done;
}

/**
 * In the order of names, directories entered before what is in them; a name that cannot be sent over FTP has no path, nor has anything below it. What cannot
 * be read or entered is told of, and the rest comes all the same.
 */
async function* walk(
  folder: string,
  below: string,
  at: VirtualPath,
  enter: (directory: VirtualPath) => Promise<void>,
): AsyncGenerator<Found> {
  let children: Awaited<ReturnType<typeof childrenOf>>;
  try {
    children = await childrenOf(path.join(folder, below));
  } catch (error) {
    yield { name: below || '.', path: undefined, kind: 'unread', error };
    return;
  }
  children.sort((left, right) => Buffer.compare(left.name, right.name));
  for (const child of children) {
    const text = textOf(child.name);
    if (text === undefined || !isListable(text)) {
      yield { name: path.join(below, text ?? child.name.toString('latin1')), path: undefined, kind: 'other' };
      continue;
    }
    const name = path.join(below, text);
    const to = childPath(at, text);
    if (!child.isDirectory()) {
      yield { name, path: to, kind: child.isFile() ? 'file' : 'other' };
      continue;
    }
    try {
      await enter(to);
    } catch (error) {
      yield { name, path: undefined, kind: 'unread', error };
      continue;
    }
    yield* walk(folder, name, to, enter);
  }
}

const childrenOf = (folder: string) => readdir(folder, { withFileTypes: true, encoding: 'buffer' });

/** Undefined: names on FTP are UTF-8, and this one is in some other charset. */
function textOf(name: Buffer): string | undefined {
  const text = name.toString();
  return Buffer.from(text).equals(name) ? text : undefined;
}

async function makeParents(view: PartnerView, directory: VirtualPath): Promise<void> {
  const parents: VirtualPath[] = [];
  for (let parent = directory; parent !== '/'; parent = parentPath(parent)) parents.unshift(parent);
  for (const parent of parents) await makeDirectory(view, parent);
}

async function makeDirectory(view: PartnerView, directory: VirtualPath): Promise<void> {
  try {
    await view.makeDirectory(directory);
  } catch (error) {
    if (!(error instanceof Failure && error.kind === 'exists')) throw error;
    if ((await view.stat(directory, 'exists')).kind !== 'directory') throw error;
  }
}

async function importOne(fs: Filesystem, user: User, view: PartnerView, found: Found, options: ImportOptions): Promise<ImportStep> {
  const { name } = found;
  if (found.kind === 'unread') throw found.error;
  if (found.kind !== 'file' || found.path === undefined) return { name, outcome: 'ignored', bytes: 0 };
  const file = path.join(options.folder, name);
  const { size, mtimeMs } = await lstat(file);
  const key = objectKey(user, found.path);
  const entry = await readEntry(fs, key);
  if (entry?.kind === 'file') {
    if (entry.size === size && (await sumOf(file)) === (await storedSum(fs, entry))) {
      // A run that was broken off may have stored it and not got as far as its time; one that somebody has set stays.
      if (entry.modified === entry.committed && !options.dryRun) await view.setModified(found.path, Math.floor(mtimeMs));
      return { name, outcome: 'present', bytes: size };
    }
    if (!options.overwrite) return { name, outcome: 'differs', bytes: 0 };
  }
  if (options.dryRun) return { name, outcome: 'imported', bytes: size };
  const source = new FileSource(file);
  const upload = await view.prepareUpload(found.path, { kind: 'new' }, size);
  await upload.receive(
    source,
    (received) => {
      // Not kept as a cut upload: its partner could not go on with it.
      if (received !== size) throw new Failure('not-stored', 'The file was changed while it was read; nothing of it was kept.');
    },
    new AbortController().signal,
  );
  const stored = await readEntry(fs, key);
  if (stored?.kind !== 'file' || stored.crc32 !== source.sum) throw new Error('what was stored is not what was read');
  await view.setModified(found.path, Math.floor(mtimeMs));
  return { name, outcome: 'imported', bytes: size };
}

async function storedSum(fs: Filesystem, entry: { crc32?: number; storedKey: string; version: string }): Promise<number | undefined> {
  return entry.crc32 ?? fs.objects.checksum(entry.storedKey, entry.version);
}

const chunkBytes = 256 * 1024;

/** The bytes of a file, with their checksum as they were read. */
class FileSource implements ByteSource {
  sum = 0;

  constructor(private readonly file: string) {}

  async deliver(accept: (bytes: Buffer) => boolean, ready: () => Promise<void>): Promise<void> {
    const handle = await open(this.file, 'r');
    try {
      const buffer = Buffer.allocUnsafe(chunkBytes);
      for (;;) {
        const { bytesRead } = await handle.read(buffer, 0, chunkBytes).catch((cause: Error) => {
          throw new Failure('not-stored', `The file could not be read: ${cause.message}`, { cause });
        });
        if (bytesRead === 0) return;
        const bytes = buffer.subarray(0, bytesRead);
        this.sum = crc32(bytes, this.sum);
        if (!accept(bytes)) await ready();
      }
    } finally {
      await handle.close();
    }
  }
}

async function sumOf(file: string): Promise<number> {
  const source = new FileSource(file);
  await source.deliver(
    () => true,
    async () => undefined,
  );
  return source.sum;
}

/** What the system refuses to tell (no right to look) is told as the system says it. */
async function isFolder(place: string): Promise<boolean> {
  try {
    return (await stat(place)).isDirectory();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}
