import type { Journal } from '../model/change';
import { placeOf } from '../model/entry';
import { noProgress, type UploadRecord } from '../model/upload-record';
import type { Filesystem } from './filesystem';
import { scanRows } from './rows';

/** Clocks of tasks and store may differ by this much. */
const clockSkew = 1_000;
/** Whoever has begun a half-written object on a free path makes its record within this time. */
const untilNamed = 2_000;

interface Unfinished {
  readonly uploadId: string;
  readonly begun: number;
}

type Left = Pick<UploadRecord, 'token' | 'key' | 'storedKey' | 'begun'>;

/**
 * A task that died between the begin of a half-written object and the first write of its handle left one that nobody names: it lies at the key of its upload or
 * copy, began since that did, and is our own. A handle that any record or journal names is somebody's work. A store that is away, or does not let us, keeps
 * nobody waiting: its own rule ends what nobody names.
 */
export async function discardUnnamed(fs: Filesystem, left: Left): Promise<void> {
  const note = (cause: unknown) =>
    fs.log.warn('store.error', { path: left.key, text: 'half-written objects that no record names may be left', cause });
  const unfinished = await begunSince(fs, left).catch((cause: unknown): Unfinished[] => {
    note(cause);
    return [];
  });
  if (unfinished.length === 0) return;
  await fs.clock.sleep(untilNamed);
  const isSomebodys = await whoseTheyAre(fs, left);
  for (const one of unfinished) {
    if (isSomebodys(one)) continue;
    fs.log.info('upload.dropped', { path: left.key, text: 'a half-written object that no record names is removed' });
    await fs.objects.discard(left.token, left.storedKey, { ...noProgress, uploadId: one.uploadId }).catch(note);
  }
}

async function begunSince(fs: Filesystem, left: Left): Promise<Unfinished[]> {
  const found: Unfinished[] = [];
  for await (const { uploadId, begun } of fs.objects.halfWritten(left.storedKey)) {
    if (begun !== undefined && begun >= left.begun - clockSkew) found.push({ uploadId, begun });
  }
  return found;
}

/**
 * Named by a record or journal, or what one of the same path may have begun which names none yet. Read after the list, because whoever begins has his record
 * already, or makes it at once.
 */
async function whoseTheyAre(fs: Filesystem, left: Left): Promise<(one: Unfinished) => boolean> {
  const named = new Set<string>();
  let beginning = Number.POSITIVE_INFINITY;
  const place = placeOf(left.key);
  for (const { value } of await fs.metadata.page('upload', place.parent, { prefix: `${place.name}\u0000`, limit: 1_000 })) {
    if (value.progress.uploadId !== undefined) named.add(value.progress.uploadId);
    else if (value.state === 'receiving' && value.token !== left.token) beginning = Math.min(beginning, value.begun);
  }
  for await (const { value } of scanRows(fs, 'journal')) {
    for (const uploadId of copiesOf(value)) named.add(uploadId);
    if (value.kind === 'rename-file' && value.to === left.key && value.copies === undefined) return () => true;
  }
  return ({ uploadId, begun }) => named.has(uploadId) || begun >= beginning - clockSkew;
}

function copiesOf(journal: Journal): readonly string[] {
  if (journal.kind === 'rename-file') return journal.copies ?? [];
  return journal.kind === 'rename-directory' ? (journal.copies ?? []).map(({ uploadId }) => uploadId) : [];
}
