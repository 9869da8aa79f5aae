import { ancestorsOf, type Entry, keyOf, type ObjectKey, placeOf } from '../model/entry';
import { Failure } from '../model/failure';
import { isListable } from '../model/virtual-path';
import type { Found } from '../ports/object-store';
import { showFound, vanish } from './adopt';
import type { Filesystem } from './filesystem';
import { nextTime } from './logical-time';
import { ClaimHeld, ownsClaim, releaseClaim, takeClaim } from './path-claim';
import { isHeld, isUnderMark, readPath } from './path-state';
import { removeImplicit } from './remove-directory';
import { claimKey, endedKey, entryKey } from './rows';
import { type Transaction, transact } from './transaction';

/**
 * What lies in the store decides what exists: consumers take files away, operators drop files in, and neither tells us. Whoever notices a difference
 * between a path's entry and its object comes here: the entry is made equal to what is found, in one transaction on condition that neither the entry
 * nor the claim has changed since before the look. A claimed path is left alone: whoever holds the claim is changing it.
 */
export class FolderTruth {
  /** Unknown files, when they were first seen, in which version: an operator's copy that is still being written is not adopted. */
  private readonly sightings = new Map<ObjectKey, { version: string; since: number }>();
  private readonly agreed = new Map<ObjectKey, { stamp: string; since: number; confirmed: boolean }>();
  private readonly pending = new Set<ObjectKey>();
  private working: Promise<void> | undefined;
  private fs!: Filesystem;

  /** The filesystem holds this and this needs the filesystem: tied once, at composition. */
  attach(fs: Filesystem): void {
    this.fs = fs;
  }

  /**
   * The entry of a path if its object is still there. A file that is gone loses its entry at once, so that a partner without the right to replace may
   * send the name again that his consumer has taken. Where a look costs a request, it is taken only when something depends on it (`always`).
   */
  async presentEntry(fs: Filesystem, key: ObjectKey, entry: Entry | undefined, always: boolean): Promise<Entry | undefined> {
    if (!entry) return this.unnoticed(fs, key);
    if (entry.kind !== 'file' || (!fs.objects.directories && !always)) return entry;
    const found = await fs.objects.look(entry.storedKey);
    if (found?.version === entry.version) return entry;
    const made = await this.makeEqual(key, entry.storedKey);
    if (made === 'unsettled') this.noteDifferences([key]);
    if (made === 'claimed' || made === 'unsettled') return entry;
    return transact(fs, (tx) => tx.get(entryKey(placeOf(key))));
  }

  /** What somebody has put at a path without an entry: a directory is there at once, a file as soon as it has kept still. */
  private async unnoticed(fs: Filesystem, key: ObjectKey): Promise<Entry | undefined> {
    const kind = await this.unknownAt(fs, key);
    if (kind === 'file') this.noteDifferences([key]);
    if (kind !== 'directory' || (await this.adoptDirectory(key)) === 'claimed') return undefined;
    return transact(fs, (tx) => tx.get(entryKey(placeOf(key))));
  }

  /** Where a look costs nothing. */
  async unknownAt(fs: Filesystem, key: ObjectKey): Promise<'file' | 'directory' | 'other' | undefined> {
    return fs.objects.directories?.kindOf(key);
  }

  /** Somebody outside is writing this file: its size is not the one that its entry says. */
  isUnsettled(key: ObjectKey): boolean {
    return this.sightings.has(key);
  }

  /** On a store that folds case or normalisation, a name that would land on another name's file. */
  async requireNoFold(fs: Filesystem, key: ObjectKey, entry: Entry | undefined): Promise<void> {
    const { directories } = fs.objects;
    if (!directories?.folds || entry) return;
    const { parent, name } = placeOf(key);
    const there = await directories.names(parent);
    if (!there || there.names.has(name)) return;
    const folded = fold(name);
    for (const other of there.names.keys()) {
      if (fold(other) === folded)
        throw new Failure('name-not-allowed', 'Name not allowed: another name here differs from it only in case or accents.');
    }
  }

  /**
   * Makes the entry of a file path equal to what the store holds. `unsettled`: an unknown file that has not kept still for two seconds yet; `once`: nobody
   * looks again, so a file that was last written a minute ago counts as still.
   */
  async makeEqual(key: ObjectKey, storedKey: ObjectKey, once = false): Promise<'same' | 'adopted' | 'removed' | 'claimed' | 'unsettled'> {
    const { fs } = this;
    const outcome = await transact(fs, async (tx) => {
      const { entry, claim, uploads } = await readPath(tx, key);
      if (isHeld(claim) || (await isUnderMark(tx, key))) return 'claimed';
      const found = await fs.objects.look(entry?.kind === 'file' ? entry.storedKey : storedKey);
      if (entry?.kind === 'directory') return 'same';
      if (entry && found?.version === entry.version) return 'same';
      const sequence = nextTime(fs.clock.now(), entry, claim, uploads);
      if (!found) {
        this.sightings.delete(key);
        if (entry) await vanish(tx, fs, key, entry, sequence);
        return entry ? 'removed' : 'same';
      }
      // An object of a store appears whole; a file in a folder grows.
      if (fs.objects.directories && !(once && isOld(fs, found)) && !this.hasKeptStill(key, found)) return 'unsettled';
      if (entry && isOf(found, entry)) {
        // The same upload, stored once more by a late repetition.
        tx.put(entryKey(placeOf(key)), { ...entry, version: found.version });
        return 'same';
      }
      if (await isLateDuplicate(tx, key, found)) return found;
      await addParents(tx, fs, key);
      await showFound(tx, fs, key, entry?.storedKey ?? storedKey, found, sequence);
      if (claim) await releaseClaim(tx, fs, key);
      return 'adopted';
    });
    const made = typeof outcome === 'object' ? await removeDuplicate(fs, key, storedKey, outcome.version) : outcome;
    // A store without directories shows those that its objects imply, so they go with the last one.
    if (made === 'removed' && !fs.objects.directories) await removeImplicit(fs, placeOf(key).parent);
    return made;
  }

  private hasKeptStill(key: ObjectKey, found: Found): boolean {
    const now = this.fs.clock.monotonic();
    const seen = this.sightings.get(key);
    if (seen?.version === found.version) {
      if (now - seen.since < keepsStill) return false;
      this.sightings.delete(key);
      return true;
    }
    this.sightings.delete(key);
    this.sightings.set(key, { version: found.version, since: now });
    if (this.sightings.size > maxSightings) this.sightings.delete(this.sightings.keys().next().value as ObjectKey);
    return false;
  }

  /**
   * The names of one directory as the store has them, or undefined where nothing needs comparing: the store has no directories of its own, or this one
   * has not changed since every name agreed.
   */
  async namesOf(directory: ObjectKey): Promise<NamesThere | undefined> {
    const { directories } = this.fs.objects;
    if (!directories) return undefined;
    const agreed = this.agreed.get(directory);
    if (agreed?.confirmed && (await directories.stamp(directory)) === agreed.stamp) return undefined;
    const there = await directories.names(directory);
    return there ?? { stamp: 'absent', names: new Map(), unlistable: 0 };
  }

  /** Every name of the directory agreed. It counts once two looks a second apart saw the same stamp: a stamp is only as fine as the file system's clock. */
  agree(directory: ObjectKey, stamp: string): void {
    const now = this.fs.clock.monotonic();
    const before = this.agreed.get(directory);
    this.agreed.delete(directory);
    if (before?.stamp === stamp)
      this.agreed.set(directory, { ...before, confirmed: before.confirmed || now - before.since >= stampSettles });
    else this.agreed.set(directory, { stamp, since: now, confirmed: false });
    if (this.agreed.size > maxAgreed) this.agreed.delete(this.agreed.keys().next().value as ObjectKey);
  }

  /** Looks at these paths in the background, and once more when unknown files may have kept still. Bounded: what does not fit is found by the next pass. */
  noteDifferences(keys: Iterable<ObjectKey>): void {
    for (const key of keys) {
      if (this.pending.size >= maxPending) break;
      this.pending.add(key);
    }
    this.working ??= this.work().finally(() => {
      this.working = undefined;
    });
  }

  /** Several at a time: an index flushes together what is written at the same moment, and a folder of many files is known in seconds. */
  private async work(): Promise<void> {
    const { fs } = this;
    const again = new Set<ObjectKey>();
    const lane = async (keys: Iterable<ObjectKey>) => {
      for (const key of keys) {
        this.pending.delete(key);
        if ((await this.tryToSettle(key)) === 'unsettled') again.add(key);
      }
    };
    while (this.pending.size > 0) {
      const keys = this.pending.values();
      await Promise.all(Array.from({ length: settledAtOnce }, () => lane(keys)));
    }
    if (again.size > 0) fs.clock.timer(keepsStill + 100, () => this.noteDifferences(again));
  }

  private async tryToSettle(key: ObjectKey): Promise<string | undefined> {
    try {
      return await this.settleDifference(key);
    } catch (error) {
      this.fs.log.warn('store.error', {
        path: key,
        text: 'a difference between index and folder was not settled; the next look will',
        cause: error,
      });
      return undefined;
    }
  }

  private async settleDifference(key: ObjectKey): Promise<string> {
    const directories = this.fs.objects.directories;
    const kind = directories && (await directories.stamp(key)) !== undefined ? 'directory' : 'file';
    return kind === 'directory' ? this.adoptDirectory(key) : this.fileOrDirectoryGone(key);
  }

  /** A directory that others made gets a row; one that has a row keeps it. */
  async adoptDirectory(key: ObjectKey): Promise<'same' | 'adopted' | 'claimed'> {
    const { fs } = this;
    return transact(fs, async (tx) => {
      const place = placeOf(key);
      const entry = await tx.get(entryKey(place));
      const claim = await tx.get(claimKey(place));
      if (isHeld(claim) || (await isUnderMark(tx, key))) return 'claimed';
      if (entry?.kind === 'directory') return 'same';
      const now = fs.clock.now();
      const sequence = nextTime(now, entry, claim, []);
      if (entry) {
        // A bucket may hold both under one name; FTP shows one, and that is the one with bytes.
        if (await fs.objects.look(entry.storedKey)) return 'same';
        await vanish(tx, fs, key, entry, sequence);
      }
      await addParents(tx, fs, key);
      tx.put(entryKey(place), { kind: 'directory', created: now, modified: now, implicit: true, sequence: sequence + 1 });
      return 'adopted';
    });
  }

  /** A directory that is gone from the store takes its row with it when nothing is left below; its files are found gone one by one. */
  private async fileOrDirectoryGone(key: ObjectKey): Promise<string> {
    const { fs } = this;
    const [row] = await fs.metadata.get([entryKey(placeOf(key))]);
    if (row?.value.kind !== 'directory') return this.makeEqual(key, row?.value.kind === 'file' ? row.value.storedKey : key);
    const below = await fs.metadata.page('entry', key, { limit: 1_000 });
    if (below.length > 0) {
      this.noteDifferences(below.map((child) => keyOf({ parent: key, name: child.key.sort })));
      return 'same';
    }
    return transact(fs, async (tx) => {
      const entry = await tx.get(entryKey(placeOf(key)));
      const claim = await tx.get(claimKey(placeOf(key)));
      if (isHeld(claim) || entry?.kind !== 'directory' || entry.mark || (await isUnderMark(tx, key))) return 'claimed';
      for (const table of ['entry', 'claim', 'upload'] as const) {
        const rows = await fs.metadata.page(table, key, { limit: 10 });
        if (rows.some((inside) => table !== 'claim' || isHeld(inside.value as never))) return 'same';
      }
      if ((await fs.objects.directories?.stamp(key)) !== undefined) return 'same';
      tx.remove(entryKey(placeOf(key)));
      return 'removed';
    });
  }
}

export interface NamesThere {
  readonly stamp: string;
  readonly names: Map<string, 'file' | 'directory'>;
  readonly unlistable: number;
}

const keepsStill = 2_000;
const untouched = 60_000;

function isOld(fs: Filesystem, { modified }: Found): boolean {
  return fs.clock.now() - modified >= untouched;
}

const stampSettles = 1_000;
const maxSightings = 10_000;
const maxAgreed = 10_000;
const maxPending = 10_000;
const settledAtOnce = 32;

/** The token alone does not say so: whoever puts other bytes there may have kept what was written beside the old ones. */
function isOf(found: Found, own: { readonly token: string; readonly size: number; readonly crc32?: number }): boolean {
  const sameSum = own.crc32 === undefined || found.crc32 === undefined || found.crc32 === own.crc32;
  return found.token === own.token && found.size === own.size && sameSum;
}

/** What an upload of this very path stored once more: a request of its that had gone without an answer landed after it was committed. */
async function isLateDuplicate(tx: Transaction, key: ObjectKey, found: Found): Promise<boolean> {
  if (found.token === undefined) return false;
  const ended = await tx.get(endedKey(found.token));
  return (
    ended?.inDoubt === true && ended.key === key && ended.settled !== undefined && isOf(found, { ...ended.settled, token: ended.token })
  );
}

/** Under a claim, because in a store with versions a delete is a change that a commit must not meet unordered. Nobody is told: nothing has arrived. */
async function removeDuplicate(fs: Filesystem, key: ObjectKey, storedKey: ObjectKey, version: string): Promise<'removed' | 'claimed'> {
  const token = fs.ids.token();
  return fs.active.during(token, async () => {
    try {
      await transact(fs, (tx) => takeClaim(tx, fs, key, { token, owner: fs.task, purpose: 'repair' }));
    } catch (error) {
      if (error instanceof ClaimHeld) return 'claimed';
      throw error;
    }
    await fs.objects.remove(storedKey, version);
    await transact(fs, async (tx) => {
      if (await ownsClaim(tx, key, token, fs.task)) await releaseClaim(tx, fs, key);
    });
    fs.log.info('file.vanished', { path: key, text: 'a late repetition of an upload was removed' });
    return 'removed';
  });
}

/** Missing parents of something adopted get rows of their own; the home has none. */
async function addParents(tx: Transaction, fs: Filesystem, key: ObjectKey): Promise<void> {
  for (const ancestor of ancestorsOf(key)) {
    const place = placeOf(ancestor);
    if (place.parent === '' || !isListable(place.name)) return;
    const entry = await tx.get(entryKey(place));
    if (entry) return;
    const now = fs.clock.now();
    tx.put(entryKey(place), { kind: 'directory', created: now, modified: now, implicit: true, sequence: now });
  }
}

function fold(name: string): string {
  return name.normalize('NFC').toLowerCase();
}
