import { placeOf } from '../model/entry';
import { type Base, noProgress, type Progress, type UploadRecord } from '../model/upload-record';
import type { NewUpload } from '../ports/object-store';
import type { Filesystem } from './filesystem';
import { endRecord, removeLeftovers } from './park';
import { readPath } from './path-state';
import { uploadKey } from './rows';
import { transact } from './transaction';

/** The record of an upload: its intent, made before anything of it exists. */

/** What the store must know of an upload. */
export function newUpload(record: UploadRecord): NewUpload {
  const { token, mark = token, storedKey, user, client } = record;
  return { token: mark, storedKey, partner: user, client };
}

/** The record of a new upload, before anything of it exists. */
export function newRecord(
  fs: Filesystem,
  of: Pick<UploadRecord, 'key' | 'storedKey' | 'user' | 'client' | 'home' | 'begun'> & { base?: Base; progress?: Progress; mark?: string },
): UploadRecord {
  return {
    ...of,
    token: fs.ids.token(),
    owner: fs.task,
    state: 'receiving',
    progress: of.progress ?? noProgress,
    acknowledged: fs.clock.now(),
  };
}

/** Writes the record before the transfer begins; what was parked on the path is superseded in the same transaction. */
export async function announceUpload(fs: Filesystem, record: UploadRecord): Promise<void> {
  const superseded: string[] = [];
  await transact(fs, async (tx) => {
    superseded.length = 0;
    const open = uploadKey(placeOf(record.key), record.token);
    const { uploads } = await readPath(tx, record.key, open);
    if (await tx.get(open)) return;
    for (const other of uploads) {
      if (other.user === record.user && other.state === 'parked') {
        await endRecord(tx, fs, other, 'superseded', true);
        superseded.push(other.token);
      }
    }
    tx.put(open, record);
  });
  for (const token of superseded) await removeLeftovers(fs, token);
}
