import { compareNames, type Entry, type FileEntry, keyOf, type ObjectKey } from '../model/entry';
import type { Found, ObjectStore } from '../ports/object-store';
import type { Filesystem } from './filesystem';
import { allRows } from './rows';

/**
 * Index and store as two streams in the byte order of whole keys, so that they can be compared in one pass without holding either. That is the order of a
 * bucket's listing; a tree gives it when a directory's children come where `name/` would stand, behind a sibling such as `name.txt`.
 */

interface Child<T> {
  readonly name: string;
  readonly directory: boolean;
  readonly value: T;
}

/** @param children in byte order of names. */
async function* inKeyOrder<T>(
  parent: ObjectKey,
  children: (directory: ObjectKey) => AsyncIterable<Child<T>>,
): AsyncGenerator<{ key: ObjectKey; value: T; directory: boolean }> {
  // Directories that wait until no sibling can stand before their children; rarely more than one.
  const waiting: Child<T>[] = [];
  for await (const child of children(parent)) {
    while (waiting[0] && compareNames(`${waiting[0].name}/`, child.name) < 0) yield* below(waiting.shift() as Child<T>);
    if (!child.directory) yield { key: keyOf({ parent, name: child.name }), value: child.value, directory: false };
    else {
      waiting.push(child);
      waiting.sort((left, right) => compareNames(`${left.name}/`, `${right.name}/`));
    }
  }
  for (const directory of waiting) yield* below(directory);

  async function* below(directory: Child<T>): AsyncGenerator<{ key: ObjectKey; value: T; directory: boolean }> {
    const key = keyOf({ parent, name: directory.name });
    yield { key, value: directory.value, directory: true };
    yield* inKeyOrder(key, children);
  }
}

/** File entries below a directory. */
export async function* filesInIndex(fs: Filesystem, directory: ObjectKey): AsyncGenerator<{ key: ObjectKey; entry: FileEntry }> {
  const children = async function* (parent: ObjectKey): AsyncGenerator<Child<Entry>> {
    for await (const { key, value } of allRows(fs, 'entry', parent)) {
      yield { name: key.sort, directory: value.kind === 'directory', value };
    }
  };
  for await (const { key, value } of inKeyOrder(directory, children)) if (value.kind === 'file') yield { key, entry: value };
}

/** Objects below a directory: as the store lists them, or by its folders. */
export async function* objectsInStore(
  store: ObjectStore,
  directory: ObjectKey,
): AsyncGenerator<{ key: ObjectKey; found: Found | undefined }> {
  const { list, directories } = store;
  if (list) {
    yield* list(directory === '' ? '' : `${directory}/`);
    return;
  }
  const children = async function* (parent: ObjectKey): AsyncGenerator<Child<undefined>> {
    const names = (await directories?.names(parent))?.names ?? new Map<string, 'file' | 'directory'>();
    for (const name of [...names.keys()].sort(compareNames)) {
      yield { name, directory: names.get(name) === 'directory', value: undefined };
    }
  };
  for await (const { key, directory: isDirectory } of inKeyOrder(directory, children)) {
    if (!isDirectory) yield { key, found: await store.look(key) };
  }
}
