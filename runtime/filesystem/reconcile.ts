import { compareNames, type FileEntry, type ObjectKey } from '../model/entry';
import type { Found } from '../ports/object-store';
import type { Filesystem } from './filesystem';
import { canBeNamed, syncKeys } from './index-sync';
import { filesInIndex, objectsInStore } from './key-order';
import { isTemporaryKey, temporaryPrefix } from './object-key';

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
  readonly drift?: Drift;
  /** What became of the drift, when repairing. */
  readonly repaired?: 'adopted' | 'removed' | 'busy' | 'none';
}

export interface ReconcileOptions {
  /** Directory whose files are compared: a home, or something below. */
  readonly directory: ObjectKey;
  /** Keys up to this one were compared by an earlier run. */
  readonly after?: ObjectKey;
  readonly repair: boolean;
}

export async function* reconcile(fs: Filesystem, options: ReconcileOptions): AsyncGenerator<Step> {
  const { directory, after, repair } = options;
  const isNew = (key: ObjectKey) => after === undefined || compareNames(key, after) > 0;
  for (const [inStore, temporary] of [
    [directory, false],
    [temporaryPrefix + directory, true],
  ] as const) {
    for await (const step of compare(fs, inStore.replace(/\/$/, ''), directory, temporary)) {
      if (!isNew(step.key)) continue;
      yield repair && step.drift && step.drift !== 'unnameable' ? { ...step, repaired: await repairOne(fs, step.key, temporary) } : step;
    }
  }
}

/** Files under a temporary name lie elsewhere in the store, under the same path: the other half of the index is compared with the other place. */
async function* compare(fs: Filesystem, inStore: ObjectKey, directory: ObjectKey, temporary: boolean): AsyncGenerator<Step> {
  const prefix = temporary ? temporaryPrefix : '';
  const entries = ofKind(filesInIndex(fs, directory), temporary);
  const objects = objectsInStore(fs.objects, inStore)[Symbol.asyncIterator]();
  let entry = await entries.next();
  let object = await objects.next();
  while (!entry.done || !object.done) {
    if (!object.done && !temporary && isTemporaryKey(object.value.key)) {
      object = await objects.next();
      continue;
    }
    const objectKey = object.done ? undefined : object.value.key.slice(prefix.length);
    const order = entry.done ? 1 : objectKey === undefined ? -1 : compareNames(entry.value.key, objectKey);
    if (order < 0) {
      const { key, entry: file } = entry.value as { key: ObjectKey; entry: FileEntry };
      // A file may lie where its name no longer says.
      const there = file.storedKey === prefix + key ? undefined : await fs.objects.look(file.storedKey);
      yield there ? { key } : { key, drift: 'missing' };
      entry = await entries.next();
    } else if (order > 0) {
      const key = objectKey as ObjectKey;
      // A marker of a directory is no file.
      if (!key.endsWith('/')) yield { key, drift: canBeNamed(key) ? 'unknown' : 'unnameable' };
      object = await objects.next();
    } else {
      const { key, entry: file } = entry.value as { key: ObjectKey; entry: FileEntry };
      yield (await isSame(fs, file, object.value?.found)) ? { key } : { key, drift: 'other-version' };
      entry = await entries.next();
      object = await objects.next();
    }
  }
}

async function* ofKind(
  files: AsyncIterable<{ key: ObjectKey; entry: FileEntry }>,
  temporary: boolean,
): AsyncGenerator<{ key: ObjectKey; entry: FileEntry }> {
  for await (const file of files) if (isTemporaryKey(file.entry.storedKey) === temporary) yield file;
}

/** A listing may say less of a version than a look does; then one look decides. */
async function isSame(fs: Filesystem, entry: FileEntry, listed: Found | undefined): Promise<boolean> {
  if (!listed || listed.size !== entry.size) return false;
  return listed.version === entry.version || (await fs.objects.look(entry.storedKey))?.version === entry.version;
}

async function repairOne(fs: Filesystem, key: ObjectKey, temporary: boolean): Promise<NonNullable<Step['repaired']>> {
  const { adopted, removed, busy } = await syncKeys(fs, [temporary ? temporaryPrefix + key : key]);
  return busy.length > 0 ? 'busy' : adopted > 0 ? 'adopted' : removed > 0 ? 'removed' : 'none';
}
