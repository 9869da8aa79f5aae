import type { ObjectKey } from '../model/entry';
import { isListable } from '../model/virtual-path';
import type { Hint, HintSource } from '../ports/hint-source';
import type { Filesystem } from './filesystem';
import { temporaryPrefix } from './object-key';
import { removeImplicit } from './remove-directory';

/**
 * What others put into the store or delete from it reaches the index through hints that make us look. Nothing a hint says is believed: the path's entry is
 * made equal to what is found there, in the same way as for a folder, for reconcile and for repair.
 */
export interface SyncResult {
  readonly adopted: number;
  readonly removed: number;
  readonly same: number;
  /** Names that FTP cannot say. */
  readonly ignored: number;
  /** Somebody is changing these paths: to be looked at again. */
  readonly busy: readonly ObjectKey[];
}

/** Looks at a few keys at once; each is a metadata read and a look. */
const atOnce = 16;

/** `once`: nobody looks again, see `makeEqual`. */
export async function syncKeys(fs: Filesystem, keys: readonly ObjectKey[], once = false): Promise<SyncResult> {
  const busy: ObjectKey[] = [];
  const counted = { adopted: 0, removed: 0, same: 0, ignored: 0 };
  const waiting = [...new Set(keys)];
  const work = async () => {
    for (let key = waiting.shift(); key !== undefined; key = waiting.shift()) {
      const outcome = await syncKey(fs, key, once);
      if (outcome === 'claimed' || outcome === 'unsettled') busy.push(key);
      else counted[outcome]++;
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, waiting.length) }, work));
  return { ...counted, busy };
}

async function syncKey(
  fs: Filesystem,
  storedKey: ObjectKey,
  once: boolean,
): Promise<'same' | 'adopted' | 'removed' | 'claimed' | 'unsettled' | 'ignored'> {
  const key = storedKey.startsWith(temporaryPrefix) ? storedKey.slice(temporaryPrefix.length) : storedKey;
  if (!canBeNamed(key)) return 'ignored';
  if (key.endsWith('/')) return syncMarker(fs, key.slice(0, -1), storedKey);
  return fs.folders.makeEqual(key, storedKey, once);
}

/** Others make an empty folder by an object under its name with a slash, and unmake it by removing that. */
async function syncMarker(fs: Filesystem, key: ObjectKey, storedKey: ObjectKey): Promise<'same' | 'adopted' | 'removed' | 'claimed'> {
  if (!(await fs.objects.look(storedKey))) return (await removeImplicit(fs, key)) ? 'removed' : 'same';
  return fs.folders.adoptDirectory(key);
}

/** Every segment can be shown and sent back by a client; the first is a home. */
export function canBeNamed(key: ObjectKey): boolean {
  const segments = key.replace(/\/$/, '').split('/');
  return segments.length >= 2 && segments.every(isListable);
}

/** Follows the hints until the signal aborts. One that meets a change under way, or could not be looked at, comes again by itself, and no other waits for it. */
export async function followHints(fs: Filesystem, source: HintSource, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const followed = await Promise.all((await source.next(signal)).map((hint) => follow(fs, hint)));
      if (followed.length === 0 || followed.includes(true)) continue;
    } catch (error) {
      if (signal.aborted) return;
      fs.log.warn('store.error', { text: 'events of the store could not be read; they are kept there', cause: error });
    }
    // Aborted: the loop ends by itself.
    await fs.clock.sleep(betweenTries, signal).catch(() => undefined);
  }
}

/** False: it could not be looked at. */
async function follow(fs: Filesystem, hint: Hint): Promise<boolean> {
  try {
    const { adopted, removed, busy } = await syncKeys(fs, hint.keys);
    if (adopted + removed > 0) fs.log.debug('file.adopted', { text: `hints of the store: ${adopted} taken over, ${removed} gone` });
    if (busy.length === 0) await hint.done();
    return true;
  } catch (cause) {
    fs.log.warn('store.error', { path: hint.keys[0], text: 'an event of the store could not be followed; it comes again', cause });
    return false;
  }
}

const betweenTries = 5_000;
