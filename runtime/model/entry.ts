/**
 * What the index knows of a path: an entry is a file version or a directory. Its place (parent, name) is the row's key; an entry also stores the
 * object key it lies under, because a key is never recomputed for reading (a temporary name lies elsewhere than its path says).
 */

/** Home plus virtual path, `/`-separated, without a leading slash: the key in the bucket, the path below `objects/`. */
export type ObjectKey = string;

/**
 * Names one state of one object: inode, size and mtime of a file, version id and ETag of an S3 object. Opaque outside the store that made it; two
 * are the same version exactly when the strings are equal.
 */
export type Version = string;

export interface FileEntry {
  readonly kind: 'file';
  readonly storedKey: ObjectKey;
  readonly version: Version;
  /** Bytes. */
  readonly size: number;
  /** CRC32 of the content as an unsigned number; absent when the file was placed by others and nobody asked yet. */
  readonly crc32?: number;
  /** Token of the upload, copy or adoption that made this version. */
  readonly token: string;
  /** Logical time at which that upload began (see `filesystem/logical-time.ts`); a cut upload that began earlier never shadows this entry. */
  readonly begun: number;
  /** Commit time, milliseconds since the epoch. */
  readonly committed: number;
  /** What MDTM and listings show: the commit time unless the partner set it. */
  readonly modified: number;
  /** Partner who delivered it; absent when it was placed by others. */
  readonly user?: string;
  /** Grows with each change of this path, also over deletes; it orders the events of a path. */
  readonly sequence: number;
}

export interface DirectoryEntry {
  readonly kind: 'directory';
  readonly created: number;
  readonly modified: number;
  /** Added because a file was adopted below it; goes when it is empty. */
  readonly implicit: boolean;
  /** A removal or a rename that is under way: writers below must stop. */
  readonly mark?: { readonly purpose: 'removing' | 'moving'; readonly owner: string; readonly token: string };
  readonly sequence: number;
}

export type Entry = FileEntry | DirectoryEntry;

/** Parent key and last name: the address of entry and claim. The parent of a home is ''. */
export interface Place {
  readonly parent: ObjectKey;
  readonly name: string;
}

export function placeOf(key: ObjectKey): Place {
  const slash = key.lastIndexOf('/');
  return { parent: slash < 0 ? '' : key.slice(0, slash), name: key.slice(slash + 1) };
}

export function keyOf(place: Place): ObjectKey {
  return place.parent === '' ? place.name : `${place.parent}/${place.name}`;
}

/** The parent, its parent, … up to but without the empty key: nearest first. */
export function ancestorsOf(key: ObjectKey): ObjectKey[] {
  const found: ObjectKey[] = [];
  for (let slash = key.lastIndexOf('/'); slash > 0; slash = key.lastIndexOf('/', slash - 1)) found.push(key.slice(0, slash));
  return found;
}

/** Order of names in listings and in every store: by UTF-8 bytes. JavaScript's own order compares UTF-16 units and puts U+1F600 before U+FFE6. */
export function compareNames(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}
