import { type Entry, type FileEntry, type ObjectKey, placeOf } from '../model/entry';
import { Failure } from '../model/failure';
import { type Base, numbersAhead, type Progress, type UploadRecord } from '../model/upload-record';
import type { User } from '../model/user';
import type { ActiveUpload } from './active-uploads';
import { endedFor, type Filesystem } from './filesystem';
import { newRecord } from './new-upload';
import type { PathState } from './path-state';

import { endedKey, uploadKey } from './rows';
import { receivingElsewhere, settledState, shadowOf, silentUpload } from './shadow';
import type { Told, ToldSizes } from './told';
import { transact } from './transaction';

/**
 * Which bytes an upload continues, if any. A continuation is allowed only from a size that was told, exactly: a parked upload by the session that was told
 * it, or by its number when any session of the partner was told; a complete file only at its whole size.
 */

export type Continuation =
  | { readonly kind: 'whole' }
  | { readonly kind: 'parked'; readonly record: UploadRecord; readonly progress: Progress }
  | { readonly kind: 'base'; readonly base: Base; readonly entry: FileEntry };

/** How an upload that says where it goes on, or that it appends, finds what it continues. */
export async function findContinuation(
  fs: Filesystem,
  user: User,
  key: ObjectKey,
  how: { kind: 'append' } | { kind: 'at'; offset: number },
  sizes: ToldSizes,
): Promise<{ continuation: Continuation; state: PathState }> {
  const told = sizes.of(key);
  let state = await settledState(fs, key, user);
  let shadow = shadowOf(state, user);
  if (!shadow) {
    const taken = await takeOverSilent(fs, user, key, how, told);
    if (taken) {
      state = await settledState(fs, key, user);
      shadow = shadowOf(state, user);
    }
  }
  if (shadow) return { continuation: continueParked(shadow, how, told), state };
  // The bytes are to be kept, so they have to be there: what somebody has taken or replaced meanwhile is found out now.
  const entry = await fs.folders.presentEntry(fs, key, state.entry, true);
  return { continuation: continueComplete(entry, how, told), state: { ...state, entry } };
}

/**
 * An upload of the partner's own that nothing has cut: if it is silent and this request asks for exactly what was told of it, it is parked at that
 * size; if bytes still come, the request is too early.
 */
async function takeOverSilent(
  fs: Filesystem,
  user: User,
  key: ObjectKey,
  how: { kind: 'append' } | { kind: 'at'; offset: number },
  told: Told | undefined,
): Promise<boolean> {
  const before: ActiveUpload | undefined = fs.active.of(key, user.name)[0];
  const elsewhere = before ? undefined : receivingElsewhere(fs, (await settledState(fs, key, user)).uploads, user);
  if ((!before && !elsewhere) || before?.committing) return false;
  const silent = await silentUpload(fs, key, user);
  if (!silent) {
    const moving = before ? fs.active.get(before.token) === before && !before.lost : await isStillReceiving(fs, elsewhere, user);
    if (moving && (how.kind === 'append' ? told?.token === (before ?? elsewhere)?.token : true)) throw movedOn();
    return !moving;
  }
  const { durable } = silent;
  const asked = how.kind === 'append' ? (told?.token === silent.token ? told.size : undefined) : how.offset;
  if (asked !== durable) {
    if (how.kind === 'append' && told?.token !== silent.token) throw notTold(durable);
    throw movedOn();
  }
  if (!(await silent.takeOver())) throw movedOn();
  return true;
}

async function isStillReceiving(fs: Filesystem, record: UploadRecord | undefined, user: User): Promise<boolean> {
  if (!record) return false;
  const { uploads } = await settledState(fs, record.key, user);
  return receivingElsewhere(fs, uploads, user)?.token === record.token;
}

function continueParked(
  shadow: UploadRecord,
  how: { kind: 'append' } | { kind: 'at'; offset: number },
  told: Told | undefined,
): Continuation {
  const { durable } = shadow.progress;
  if (told && told.token !== shadow.token) throw notTold(durable);
  if (how.kind === 'append') {
    if (!told) throw notTold(durable);
    if (told.size !== durable) throw movedOn();
  } else if (how.offset !== durable) {
    if (shadow.told === how.offset || told?.size === how.offset) throw movedOn();
    throw notTold(durable);
  } else if (shadow.told !== durable && told?.size !== durable) {
    throw notTold(durable);
  }
  return { kind: 'parked', record: shadow, progress: shadow.progress };
}

function continueComplete(
  entry: Entry | undefined,
  how: { kind: 'append' } | { kind: 'at'; offset: number },
  told: Told | undefined,
): Continuation {
  if (entry?.kind === 'directory') throw new Failure('is-a-directory', 'Is a directory.');
  if (!entry) {
    if (told) throw new Failure('restart-not-possible', 'What was to be continued is no longer there; send the file whole.');
    if (how.kind === 'append') return { kind: 'whole' };
    throw new Failure('restart-not-possible', 'There is nothing to continue at this path; send the file whole.');
  }
  if (told && told.token !== entry.token) {
    throw new Failure('restart-not-possible', `The file has been replaced since its size was told; it has ${entry.size} bytes now.`);
  }
  if (how.kind === 'at' && how.offset !== entry.size) {
    throw new Failure('restart-not-possible', `The file is complete with ${entry.size} bytes: it can be continued there or sent whole.`);
  }
  const { storedKey, version, size, crc32 } = entry;
  return { kind: 'base', base: { storedKey, version, size, crc32 }, entry };
}

/**
 * A new record takes over what the parked one has: upload id and parts, the time it began, and the token that the store wrote beside the bytes when it
 * began them, by which they are known again once they are complete. In one transaction, on condition that it is still parked at that size.
 */
export async function takeOverParked(fs: Filesystem, parked: UploadRecord, progress: Progress, token: string): Promise<UploadRecord> {
  const { key, storedKey, user, client, home, begun, base, mark = parked.token } = parked;
  // Before the first write of its progress its parts may be under way already.
  const begins = { ...progress, reserved: progress.reserved + numbersAhead };
  const next: UploadRecord = { ...newRecord(fs, { key, storedKey, user, client, home, begun, base, progress: begins, mark }), token };
  await transact(fs, async (tx) => {
    const mine = uploadKey(placeOf(next.key), next.token);
    const old = uploadKey(placeOf(parked.key), parked.token);
    const current = await tx.get(old);
    const ended = endedKey(parked.token);
    await tx.get(ended);
    if (await tx.get(mine)) return;
    if (current?.state !== 'parked' || current.progress.durable !== progress.durable) throw movedOn();
    tx.remove(old);
    // No leftovers: everything that was written belongs to the new record now.
    tx.put(ended, { ...current, state: 'superseded', leftovers: false, expires: fs.clock.now() + endedFor });
    tx.put(mine, next);
  });
  return next;
}

function notTold(durable: number): Failure {
  return new Failure(
    'restart-not-possible',
    `An interrupted upload of ${durable} bytes is kept here: ask for its size and continue there, or send the file whole.`,
  );
}

function movedOn(): Failure {
  return new Failure('restart-moved-on', 'The earlier upload of this file has moved on; ask for its size again.');
}
