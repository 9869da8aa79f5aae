import { createHmac, randomBytes } from 'node:crypto';
import type { Entry, ObjectKey } from '../model/entry';
import type { UploadRecord } from '../model/upload-record';
import type { User } from '../model/user';
import { baseName, type VirtualPath } from '../model/virtual-path';
import type { Shown } from './partner-view';

/** From rows to what a partner is shown: nothing of keys, tokens or versions is left in it. */

/** A home has no row. Directories show when they were made, and it was made with its partner. */
export function showHome({ created }: User): Shown {
  return { path: '/' as VirtualPath, name: '', kind: 'directory', size: 0, modified: created, unique: uniqueOf('/'), parked: false };
}

export function showEntry(path: VirtualPath, entry: Entry, key: ObjectKey): Shown {
  const file = entry.kind === 'file';
  return {
    path,
    name: baseName(path),
    kind: entry.kind,
    size: file ? entry.size : 0,
    modified: entry.modified,
    unique: uniqueOf(file ? entry.token : `${key}/`),
    parked: false,
  };
}

export function showParked(path: VirtualPath, record: UploadRecord): Shown {
  const { durable } = record.progress;
  return {
    path,
    name: baseName(path),
    kind: 'file',
    size: durable,
    modified: record.acknowledged,
    unique: uniqueOf(record.token),
    parked: true,
  };
}

const uniqueSecret = randomBytes(32);

/** Says that two names are one object without saying which: neither keys nor tokens leave the view. */
export function uniqueOf(identity: string): string {
  return createHmac('sha256', uniqueSecret).update(identity).digest('base64url').slice(0, 16);
}
