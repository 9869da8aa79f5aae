import { type DirectoryEntry, type ObjectKey, placeOf } from '../model/entry';
import { Failure, type FailureKind } from '../model/failure';
import type { UploadRecord } from '../model/upload-record';
import type { User } from '../model/user';
import type { VirtualPath } from '../model/virtual-path';
import { requireRight } from './access';
import type { Filesystem } from './filesystem';
import { nextTime } from './logical-time';
import { objectKey } from './object-key';
import { dropUpload } from './park';
import { ownsClaim, releaseClaim, takeClaim, waitForClaim } from './path-claim';
import { isHeld, readPath, requireUnmarked } from './path-state';
import { allRows, entryKey } from './rows';
import { transact } from './transaction';

/**
 * Marks the directory, then looks whether anything is below or on its way: entries, open uploads, claims. A writer below has written its record or
 * claim before it reads the parents, so either it sees the mark or this look sees the writer.
 */
export async function removeDirectory(fs: Filesystem, user: User, path: VirtualPath): Promise<void> {
  requireRight(user, path, 'delete');
  if (path === '/') throw new Failure('not-allowed', 'Permission denied: the home directory stays.');
  const key = objectKey(user, path);
  await removeMarked(fs, key, user, () => true);
}

/** A directory that exists only because something was below it goes when nothing is, and so do those above it. True: at least this one has gone. */
export async function removeImplicit(fs: Filesystem, directory: ObjectKey): Promise<boolean> {
  let gone = false;
  for (let key = directory; key.includes('/'); key = placeOf(key).parent) {
    try {
      if (!(await removeMarked(fs, key, undefined, (entry) => entry.implicit))) return gone;
    } catch (error) {
      if (error instanceof Failure && stays.has(error.kind)) return gone;
      throw error;
    }
    gone = true;
  }
  return gone;
}

const stays: ReadonlySet<FailureKind> = new Set(['not-empty', 'not-found', 'not-a-directory', 'busy']);

/** Mark, look, remove. False: it is none of those to be removed. `user`: whose view says which parked uploads are in the way; nobody's: all are. */
async function removeMarked(
  fs: Filesystem,
  key: ObjectKey,
  user: User | undefined,
  wanted: (entry: DirectoryEntry) => boolean,
): Promise<boolean> {
  const token = fs.ids.token();
  return fs.active.during(token, async () => {
    const deadline = fs.clock.monotonic() + fs.limits.claimWait;
    if (!(await waitForClaim(fs, deadline, () => mark(fs, key, token, wanted)))) return false;
    try {
      await requireEmpty(fs, key, user);
      if ((await fs.objects.directories?.remove(key)) === 'not-empty') {
        // Something placed from outside that the index has not seen yet.
        fs.folders.noteDifferences([key]);
        throw notEmpty();
      }
      if (!fs.objects.directories) await removeMarker(fs, key, user);
    } catch (error) {
      await unmark(fs, key, token);
      throw error;
    }
    await transact(fs, async (tx) => {
      const { entry, claim, uploads } = await readPath(tx, key);
      if (!(await ownsClaim(tx, key, token, fs.task)) || entry?.kind !== 'directory') return;
      tx.remove(entryKey(placeOf(key)));
      await releaseClaim(tx, fs, key, { sequence: nextTime(fs.clock.now(), entry, claim, uploads), begun: 0 });
    });
    return true;
  });
}

async function mark(fs: Filesystem, key: ObjectKey, token: string, wanted: (entry: DirectoryEntry) => boolean): Promise<boolean> {
  return transact(fs, async (tx) => {
    const { entry } = await readPath(tx, key);
    if (!entry) throw new Failure('not-found', 'No such file or directory.');
    if (entry.kind === 'file') throw new Failure('not-a-directory', 'Not a directory.');
    if (!wanted(entry)) return false;
    await requireUnmarked(tx, key);
    await takeClaim(tx, fs, key, { token, owner: fs.task, purpose: 'rmdir' });
    tx.put(entryKey(placeOf(key)), { ...entry, mark: { purpose: 'removing', owner: fs.task, token } });
    return true;
  });
}

/** Also what the sweeper does for a removal whose task died: nothing below has been touched. */
export async function unmark(fs: Filesystem, key: ObjectKey, token: string): Promise<void> {
  await transact(fs, async (tx) => {
    const { entry } = await readPath(tx, key);
    if (entry?.kind === 'directory' && entry.mark?.token === token) tx.put(entryKey(placeOf(key)), { ...entry, mark: undefined });
    if (await ownsClaim(tx, key, token, fs.task)) await releaseClaim(tx, fs, key);
  });
}

async function requireEmpty(fs: Filesystem, key: ObjectKey, user: User | undefined): Promise<void> {
  if (fs.active.below(key) || (await fs.metadata.page('entry', key, { limit: 1 })).length > 0) throw notEmpty();
  const history = new Map<string, number>();
  for await (const { key: row, value } of allRows(fs, 'claim', key)) {
    if (isHeld(value)) throw notEmpty();
    history.set(row.sort, value.begun);
  }
  const unseen: UploadRecord[] = [];
  for await (const { value } of allRows(fs, 'upload', key)) {
    // A parked upload that the partner sees in the listing is something he would lose; one that he does not see is not in his way.
    const seen = (user === undefined || value.user === user.name) && value.begun > (history.get(placeOf(value.key).name) ?? 0);
    if (value.state !== 'parked' || seen) throw notEmpty();
    unseen.push(value);
  }
  for (const upload of unseen) {
    await dropUpload(fs, upload);
    fs.log.info('upload.dropped', {
      partner: upload.user,
      path: upload.key,
      bytes: upload.progress.durable,
      text: 'its directory is being removed',
    });
  }
}

/**
 * Where keys are all there is, others keep an empty folder alive by an object of no bytes under its name with a slash. Whoever removes the directory means that
 * too; one that only empties stays while it is there.
 */
async function removeMarker(fs: Filesystem, key: ObjectKey, user: User | undefined): Promise<void> {
  const marker = await fs.objects.look(`${key}/`);
  if (!marker) return;
  if (user === undefined || marker.size > 0) throw notEmpty();
  if (typeof (await fs.objects.remove(`${key}/`, marker.version)) === 'object') throw notEmpty();
}

function notEmpty(): Failure {
  return new Failure('not-empty', 'Directory not empty.');
}
