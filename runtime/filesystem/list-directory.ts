import { compareNames, type Entry, keyOf, type ObjectKey } from '../model/entry';
import { Failure } from '../model/failure';
import type { UploadRecord } from '../model/upload-record';
import type { User } from '../model/user';
import { childPath, isListable, type VirtualPath } from '../model/virtual-path';
import type { Row } from '../ports/metadata-store';
import { requireRight } from './access';
import type { Filesystem } from './filesystem';
import type { NamesThere } from './folder-truth';
import { isTemporaryKey, objectKey } from './object-key';
import type { Shown } from './partner-view';
import { readEntry } from './path-state';
import { allRows } from './rows';
import { shadowOf, tellShadow } from './shadow';
import { showEntry, showParked } from './shown';
import { type ToldSizes, toldFile } from './told';

const pageSize = 1_000;

/**
 * Children in byte order, page by page. A listing never waits, never refuses because of an upload, and never parks one: what moves is shown as others
 * see it. Shown is what is there: entries whose file has gone are left out, files that nobody knows yet are looked at in the background.
 */
export async function listDirectory(
  fs: Filesystem,
  user: User,
  path: VirtualPath,
  sizes: ToldSizes,
): Promise<AsyncIterable<readonly Shown[]>> {
  requireRight(user, path, 'list');
  const key = objectKey(user, path);
  let moving = false;
  if (path !== '/') {
    const entry = await readEntry(fs, key);
    if (!entry) throw new Failure('not-found', 'No such file or directory.');
    if (entry.kind === 'file') throw new Failure('not-a-directory', 'Not a directory.');
    moving = entry.mark?.purpose === 'moving';
  }
  // While the directory moves, its files are not where the entries say: the entries alone are shown.
  const there = moving ? undefined : await fs.folders.namesOf(key);
  return pages(fs, user, path, key, there, sizes);
}

async function* pages(
  fs: Filesystem,
  user: User,
  path: VirtualPath,
  key: ObjectKey,
  there: NamesThere | undefined,
  sizes: ToldSizes,
): AsyncGenerator<readonly Shown[]> {
  const shadows = await shadowsIn(fs, user, key);
  const listed = sizes.listing(key);
  const differences: ObjectKey[] = [];
  let after: string | undefined;
  for (;;) {
    const rows: Row<'entry'>[] = await fs.metadata.page('entry', key, { after, limit: pageSize });
    const last = rows.length < pageSize ? undefined : rows.at(-1)?.key.sort;
    const shown: Shown[] = [];
    for (const { key: row, value } of rows) {
      const name = row.sort;
      const shadow = shadows.get(name);
      if (shadow) {
        if (beginsAfter(shadow, value)) continue;
        shadows.delete(name);
      }
      const exists = await isThere(fs, there, name, value);
      there?.names.delete(name);
      if (!exists) {
        differences.push(keyOf({ parent: key, name }));
        continue;
      }
      const child = childPath(path, name);
      shown.push(showEntry(child, value, keyOf({ parent: key, name })));
      if (value.kind === 'file') sizes.tell(keyOf({ parent: key, name }), toldFile(value));
    }
    for (const [name, shadow] of shadows) {
      const inPage = (after === undefined || compareNames(name, after) > 0) && (last === undefined || compareNames(name, last) <= 0);
      if (!inPage) continue;
      there?.names.delete(name);
      await tellShadow(fs, shadow, sizes);
      shown.push(showParked(childPath(path, name), shadow));
    }
    if (shadows.size > 0) shown.sort((left, right) => compareNames(left.name, right.name));
    yield shown;
    if (last === undefined) break;
    after = last;
  }
  listed();
  if (!there) return;
  for (const name of there.names.keys()) if (isListable(name)) differences.push(keyOf({ parent: key, name }));
  if (differences.length > 0) fs.folders.noteDifferences(differences);
  else fs.folders.agree(key, there.stamp);
}

async function isThere(fs: Filesystem, there: NamesThere | undefined, name: string, entry: Entry): Promise<boolean> {
  if (!there) return true;
  if (entry.kind === 'file' && isTemporaryKey(entry.storedKey)) return (await fs.objects.look(entry.storedKey)) !== undefined;
  return there.names.get(name) === entry.kind;
}

/** The partner's own parked uploads in this directory, by name: of several of one name the one that began last. */
async function shadowsIn(fs: Filesystem, user: User, key: ObjectKey): Promise<Map<string, UploadRecord>> {
  const byName = new Map<string, UploadRecord[]>();
  for await (const { key: row, value } of allRows(fs, 'upload', key)) {
    if (value.state !== 'parked' || value.user !== user.name) continue;
    const name = row.sort.slice(0, row.sort.indexOf('\u0000'));
    byName.set(name, [...(byName.get(name) ?? []), value]);
  }
  const shadows = new Map<string, UploadRecord>();
  for (const [name, uploads] of byName) {
    const claims = await fs.metadata.get([{ table: 'claim', partition: key, sort: name }]);
    const shadow = shadowOf({ entry: undefined, claim: claims[0]?.value, uploads }, user);
    if (shadow) shadows.set(name, shadow);
  }
  return shadows;
}

function beginsAfter(shadow: UploadRecord, entry: Entry): boolean {
  return entry.kind === 'file' && shadow.begun > entry.begun;
}
