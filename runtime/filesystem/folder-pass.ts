import { keyOf, type ObjectKey } from '../model/entry';
import { isListable } from '../model/virtual-path';
import type { Filesystem } from './filesystem';
import { allRows } from './rows';

/**
 * Compares every folder below the homes with the index, one after the other and paced, so that what consumers took and operators dropped is known also
 * where no partner looks. Unlike a listing it looks at every file's version, so a file overwritten in place is found too.
 */
export async function compareFolders(fs: Filesystem, homes: readonly ObjectKey[], signal: AbortSignal): Promise<void> {
  const { directories } = fs.objects;
  if (!directories) return;
  const waiting = [...homes];
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    signal.throwIfAborted();
    for (const child of await compareFolder(fs, directory)) waiting.push(child);
    await fs.clock.sleep(pause, signal);
  }
}

const pause = 10;

async function compareFolder(fs: Filesystem, directory: ObjectKey): Promise<ObjectKey[]> {
  const there = await fs.objects.directories?.names(directory);
  const names = there?.names ?? new Map<string, 'file' | 'directory'>();
  const below: ObjectKey[] = [];
  const differences: ObjectKey[] = [];
  for await (const { key, value } of allRows(fs, 'entry', directory)) {
    const child = keyOf({ parent: directory, name: key.sort });
    const kind = names.get(key.sort);
    names.delete(key.sort);
    if (value.kind === 'directory') {
      if (kind === 'directory') below.push(child);
      else differences.push(child);
    } else if ((await fs.objects.look(value.storedKey))?.version !== value.version) {
      differences.push(child);
    }
  }
  for (const [name, kind] of names) {
    if (!isListable(name)) continue;
    const child = keyOf({ parent: directory, name });
    differences.push(child);
    if (kind === 'directory') below.push(child);
  }
  if (there && there.unlistable > 0) {
    fs.log.warn('file.ignored', {
      path: directory,
      text: `${there.unlistable} names that cannot be listed (links, sockets, control characters) are ignored`,
    });
  }
  if (differences.length > 0) fs.folders.noteDifferences(differences);
  return below;
}
