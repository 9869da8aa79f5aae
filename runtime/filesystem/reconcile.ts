import { compareNames, type FileEntry, type ObjectKey } from '../model/entry';
import type { Found } from '../ports/object-store';
import type { Filesystem } from './filesystem';
import { canBeNamed, syncKeys } from './index-sync';
import { filesInIndex, objectsInStore } from './key-order';
import { isTemporaryKey, temporaryPrefix } from './object-key';
import { readEntry } from './path-state';

/**
 * Index against store in one pass, and what differs made equal to what is found. What is reported is what was seen; the repair looks again, under the rules of
 * every other change, so uploads may go on meanwhile.
 */
export type Drift =
  /** An object without entry. */
  | 'unknown'
  /** An entry without object. */
  | 'missing'
  /** An entry of another version than the object. */
  | 'other-version'
  /** An object whose key no FTP path can say; it is only counted. */
  | 'unnameable';

export interface Step {
  readonly key: ObjectKey;
  /** Where another run goes on behind this one: files under temporary names come after all others of their directory, and it says so. */
  readonly place: ObjectKey;
  readonly drift?: Drift;
  /** What became of the drift, when repairing. */
  readonly repaired?: 'adopted' | 'removed' | 'busy' | 'none';
}

export interface ReconcileOptions {
  /** Directory whose files are compared: a home, or something below. */
  readonly directory: ObjectKey;
  /** What came up to this place was compared by an earlier run. */
  readonly after?: ObjectKey;
  readonly repair: boolean;
}

/** Differences that are looked at and repaired while the comparison goes on. */
const atOnce = 16;

export async function* reconcile(fs: Filesystem, { directory, after, repair }: ReconcileOptions): AsyncGenerator<Step> {
  for (const temporary of [false, true]) {
    if (after !== undefined && isTemporaryKey(after) && !temporary) continue;
    const from = after !== undefined && isTemporaryKey(after) === temporary ? after : undefined;
    const prefix = temporary ? temporaryPrefix : '';
    const seen = compare(fs, directory, temporary, from?.slice(prefix.length));
    yield* inOrder(seen, async (one): Promise<Step> => {
      const drift = await driftOf(fs, one, prefix);
      const step: Step = { key: one.key, place: prefix + one.key, ...(drift && { drift }) };
      return repair && drift && drift !== 'unnameable' ? { ...step, repaired: await repairOne(fs, step.place) } : step;
    });
  }
}

/** Works on several at once; what comes out keeps the order, and ends before what has failed, so that behind the last one told another run can go on. */
async function* inOrder<From, To>(from: AsyncGenerator<From>, work: (one: From) => Promise<To>): AsyncGenerator<To> {
  const running: Promise<To>[] = [];
  const failures: unknown[] = [];
  const next = async (): Promise<IteratorResult<From>> => {
    try {
      return await from.next();
    } catch (error) {
      failures.push(error);
      return { done: true, value: undefined };
    }
  };
  try {
    for (let one = await next(); !one.done; one = await next()) {
      const started = work(one.value);
      // Nothing is lost: it is awaited in its turn, which may be after another one has failed.
      started.catch(() => undefined);
      running.push(started);
      if (running.length >= atOnce) yield await (running.shift() as Promise<To>);
    }
    while (running.length > 0) yield await (running.shift() as Promise<To>);
    if (failures.length > 0) throw failures[0];
  } finally {
    // Nobody may use the stores any more when this has ended.
    await Promise.allSettled(running);
    await from.return(undefined);
  }
}

/** Of one key: what the index has, and what the store lists. */
interface Seen {
  readonly key: ObjectKey;
  readonly entry?: FileEntry;
  readonly listed?: Listed;
}

/** Files under a temporary name lie elsewhere in the store, under the same path: the other half of the index is compared with the other place. */
async function* compare(fs: Filesystem, directory: ObjectKey, temporary: boolean, after: ObjectKey | undefined): AsyncGenerator<Seen> {
  const prefix = temporary ? temporaryPrefix : '';
  const inStore = (prefix + directory).replace(/\/$/, '');
  const entries = behind(after, ofKind(filesInIndex(fs, directory), temporary));
  const objects = behind(after, withoutPrefix(prefix, objectsInStore(fs.objects, inStore), temporary));
  let entry = await entries.next();
  let object = await objects.next();
  let furthest: ObjectKey = '';
  while (!entry.done || !object.done) {
    const order = entry.done ? 1 : object.done ? -1 : compareNames(entry.value.key, object.value.key);
    const listed = order >= 0 ? (object.value as Listed) : undefined;
    const file = order <= 0 ? (entry.value as FileOf) : undefined;
    const key = (file ?? listed)?.key as ObjectKey;
    // A listing that goes back has put a key where it does not belong: entries that it seemed to lack come now, and have been looked at.
    const again = listed !== undefined && compareNames(key, furthest) < 0 && (await readEntry(fs, key))?.kind === 'file';
    // A marker of a directory is no file.
    if (file || !(key.endsWith('/') || again)) yield { key, entry: file?.entry, listed };
    if (listed && compareNames(key, furthest) > 0) furthest = key;
    if (file) entry = await entries.next();
    if (listed) object = await objects.next();
  }
}

interface FileOf {
  readonly key: ObjectKey;
  readonly entry: FileEntry;
}

interface Listed {
  readonly key: ObjectKey;
  readonly found: Found | undefined;
}

async function* behind<T extends { readonly key: ObjectKey }>(after: ObjectKey | undefined, all: AsyncIterable<T>): AsyncGenerator<T> {
  for await (const one of all) if (after === undefined || compareNames(one.key, after) > 0) yield one;
}

async function* ofKind(files: AsyncIterable<FileOf>, temporary: boolean): AsyncGenerator<FileOf> {
  for await (const file of files) if (isTemporaryKey(file.entry.storedKey) === temporary) yield file;
}

async function* withoutPrefix(prefix: string, objects: AsyncIterable<Listed>, temporary: boolean): AsyncGenerator<Listed> {
  for await (const { key, found } of objects) if (isTemporaryKey(key) === temporary) yield { key: key.slice(prefix.length), found };
}

/** What a store writes for a character that its listing cannot say. */
const unsayable = '\uFFFD';

/** A listing may say less of a version than a look does, a file may lie where its name no longer says, a key may be listed in the wrong place: one look decides. */
async function driftOf(fs: Filesystem, { key, entry, listed }: Seen, prefix: string): Promise<Drift | undefined> {
  if (entry) {
    if (listed?.found?.version === entry.version && listed.found.size === entry.size) return undefined;
    const there = await fs.objects.look(entry.storedKey);
    if (!there) return 'missing';
    return there.version === entry.version ? undefined : 'other-version';
  }
  if (!canBeNamed(key)) return 'unnameable';
  return key.includes(unsayable) && !(await fs.objects.look(prefix + key)) ? 'unnameable' : 'unknown';
}

async function repairOne(fs: Filesystem, storedKey: ObjectKey): Promise<NonNullable<Step['repaired']>> {
  const { adopted, removed, busy } = await syncKeys(fs, [storedKey], true);
  return busy.length > 0 ? 'busy' : adopted > 0 ? 'adopted' : removed > 0 ? 'removed' : 'none';
}
