import { type Entry, type ObjectKey, placeOf } from '../model/entry';
import { Failure } from '../model/failure';
import type { UploadRecord } from '../model/upload-record';
import type { User } from '../model/user';
import { baseName, childPath, parentPath, type VirtualPath } from '../model/virtual-path';
import type { Admission } from '../ports/part-buffers';
import { may, requireRight } from './access';
import { ActiveUpload } from './active-uploads';
import type { Filesystem } from './filesystem';
import { nextTime } from './logical-time';
import { announceUpload, newRecord, newUpload } from './new-upload';
import { objectKey } from './object-key';
import { dropUpload, parkUpload } from './park';
import type { PreparedUpload, UploadMode } from './partner-view';
import { refuseWhileQuiet, takeClaim } from './path-claim';
import { isHeld, lookAtPath, type PathState, readPath, requireAncestors } from './path-state';
import { type Receiving, receiveUpload } from './receive';
import { type Continuation, findContinuation, takeOverParked } from './resume';
import { uploadKey } from './rows';
import { storedKeyOf } from './temporary-names';
import { type ToldSizes, toldFile } from './told';
import { transact } from './transaction';

/** Who uploads, and from which address, which is noted with the object. */
export interface Sender {
  readonly user: User;
  readonly client?: string;
}

/**
 * The strong look before a client is told to send: rights, parents, what is there, what it continues, room for its buffers. Everything that can be refused
 * is refused here.
 */
export async function prepareUpload(
  fs: Filesystem,
  sender: Sender,
  asked: VirtualPath,
  how: UploadMode,
  sizes: ToldSizes,
  announced?: number,
): Promise<PreparedUpload> {
  const { user } = sender;
  requireRight(user, asked, 'write');
  if (how.kind === 'unique') return prepareUnique(fs, sender, asked, sizes, announced);
  const maxBytes = maxBytesOf(fs, user, announced);
  if (asked === '/') throw new Failure('is-a-directory', 'Is a directory.');
  const key = objectKey(user, asked);
  const first = await lookAtPath(fs, key, user.home);
  await fs.objects.requireRoom();
  const admission = fs.buffers.admit(user.name);
  try {
    const { continuation, state } = continues(how)
      ? await findContinuation(fs, user, key, how, sizes)
      : { continuation: { kind: 'whole' } as const, state: first };
    refuseWhileQuiet(fs, state.claim);
    const mayOverwrite = may(user, asked, 'overwrite');
    const entry = state.entry && (await fs.folders.presentEntry(fs, key, state.entry, !mayOverwrite));
    if (entry?.kind === 'directory') throw new Failure('is-a-directory', 'Is a directory.');
    if (entry && !mayOverwrite) throw new Failure('may-not-overwrite', 'File exists and this account may not overwrite.');
    if (!entry) await refuseUnknown(fs, key, mayOverwrite);
    await fs.folders.requireNoFold(fs, key, entry);
    // What is added to nothing must still find nothing: two clients that begin one log file at once would lose what the first was told is stored.
    const addsToNothing = how.kind === 'append' && continuation.kind === 'whole';
    const token = fs.ids.token();
    // From its record on it is somebody's work: a record of this task that nobody works on is swept.
    return await fs.active.during(token, async () => {
      const { record, recorded } = await startRecord(fs, sender, asked, key, entry, state, continuation, token);
      const may = { mayOverwrite: mayOverwrite && !addsToNothing, addsToNothing, maxBytes };
      return new Upload(fs, asked, admission, continuation, { record, recorded, sizes, ...may });
    });
  } catch (error) {
    admission.end();
    throw error;
  }
}

/** What others have put there and no entry tells of yet: known now, it is not refused after gigabytes. */
async function refuseUnknown(fs: Filesystem, key: ObjectKey, mayOverwrite: boolean): Promise<void> {
  const there = await fs.folders.unknownAt(fs, key);
  if (there === undefined || (there === 'file' && mayOverwrite)) return;
  fs.folders.noteDifferences([key]);
  if (there === 'directory') throw new Failure('is-a-directory', 'Is a directory.');
  if (there === 'other') throw new Failure('exists', 'Something that is not a plain file lies at this path.');
  throw new Failure('may-not-overwrite', 'File exists and this account may not overwrite.');
}

function continues(how: UploadMode): how is Extract<UploadMode, { kind: 'append' | 'at' }> {
  return how.kind === 'append' || (how.kind === 'at' && how.offset > 0);
}

/** A record before the transfer where the path has a version or an own upload; a new file on a free path is recorded before its first part. */
async function startRecord(
  fs: Filesystem,
  { user, client }: Sender,
  path: VirtualPath,
  key: ObjectKey,
  entry: Entry | undefined,
  state: PathState,
  continuation: Continuation,
  token: string,
): Promise<{ record: UploadRecord; recorded: boolean }> {
  let record: UploadRecord;
  let recorded = true;
  if (continuation.kind === 'parked') {
    record = await takeOverParked(fs, continuation.record, continuation.progress, token);
  } else {
    record = {
      ...newRecord(fs, {
        key,
        storedKey: entry?.kind === 'file' ? entry.storedKey : storedKeyOf(user, path),
        user: user.name,
        client,
        home: user.home,
        // An entry whose file was found gone has left the path its time.
        begun: nextTime(fs.clock.now(), entry ?? state.entry, state.claim, [...state.uploads, ...fs.active.of(key, user.name)]),
        base: continuation.kind === 'base' ? continuation.base : undefined,
      }),
      token,
    };
    const own = state.uploads.some((upload) => upload.user === user.name && (upload.state === 'parked' || upload.state === 'receiving'));
    recorded = entry !== undefined || own;
    if (recorded) await announceUpload(fs, record);
  }
  if (recorded) await requireAncestorsOrDrop(fs, record);
  return { record, recorded };
}

class Upload implements PreparedUpload {
  private readonly active: ActiveUpload;
  readonly offset: number;

  constructor(
    private readonly fs: Filesystem,
    readonly path: VirtualPath,
    private readonly admission: Admission,
    private readonly continuation: Continuation,
    private readonly with_: Pick<Receiving, 'record' | 'recorded' | 'mayOverwrite' | 'maxBytes'> & {
      readonly sizes: ToldSizes;
      readonly addsToNothing?: boolean;
    },
  ) {
    const { record } = with_;
    this.offset =
      continuation.kind === 'whole' ? 0 : continuation.kind === 'parked' ? continuation.progress.durable : continuation.base.size;
    this.active = new ActiveUpload(fs, record.token, record.key, record.user, record.begun);
    this.active.progress = () => record.progress;
    fs.active.add(this.active);
  }

  get committing(): boolean {
    return this.active.committing;
  }

  async receive(...[source, verdict, signal]: Parameters<PreparedUpload['receive']>): ReturnType<PreparedUpload['receive']> {
    const { fs, active, offset } = this;
    try {
      const entry = await receiveUpload(fs, { ...this.with_, active, offset, open: () => this.open() }, source, verdict, signal);
      this.with_.sizes.tell(this.with_.record.key, toldFile(entry));
      fs.metrics.count('uploads.committed');
      return { size: entry.size };
    } catch (error) {
      if (!this.with_.addsToNothing || !(error instanceof Failure) || error.kind !== 'may-not-overwrite') throw error;
      throw new Failure('base-changed', 'Another upload of this file has been stored meanwhile; nothing was added. Append to that one.');
    } finally {
      this.admission.end();
    }
  }

  private async open() {
    const { fs, continuation } = this;
    const upload = { ...newUpload(this.with_.record), admission: this.admission };
    if (continuation.kind === 'parked') return fs.objects.resume(upload, continuation.progress);
    if (continuation.kind === 'base') return fs.objects.append(upload, continuation.base);
    return fs.objects.begin(upload);
  }

  async cancel(): Promise<void> {
    const { fs, active, with_ } = this;
    try {
      // What was continued goes back to where it was: parked, with what it has.
      if (this.continuation.kind === 'parked') await parkUpload(fs, with_.record, this.continuation.progress, true);
      else if (with_.recorded) await dropUpload(fs, with_.record);
    } finally {
      active.end();
      this.admission.end();
    }
  }
}

const uniqueTries = 100;

/** A name of the server's choice: the stem if it is free, else with something unguessable behind it. Its claim, taken with its record, reserves it. */
async function prepareUnique(
  fs: Filesystem,
  sender: Sender,
  asked: VirtualPath,
  sizes: ToldSizes,
  announced: number | undefined,
): Promise<PreparedUpload> {
  const { user } = sender;
  const directory = parentPath(asked);
  const stem = baseName(asked) || 'upload';
  const maxBytes = maxBytesOf(fs, user, announced);
  await requireAncestors(fs, objectKey(user, childPath(directory, stem)), user.home);
  await fs.objects.requireRoom();
  const admission = fs.buffers.admit(user.name);
  try {
    for (let attempt = 0; attempt < uniqueTries; attempt++) {
      const name = attempt === 0 ? stem : `${stem}.${fs.ids.token().slice(-8).toLowerCase()}`;
      const path = childPath(directory, name);
      const token = fs.ids.token();
      const upload = await fs.active.during(token, async () => {
        const record = await reserveName(fs, sender, path, token);
        if (!record) return undefined;
        await requireAncestorsOrDrop(fs, record);
        return new Upload(fs, path, admission, { kind: 'whole' }, { record, recorded: true, sizes, mayOverwrite: false, maxBytes });
      });
      if (upload) return upload;
    }
    throw new Failure('busy', 'No free name was found; try again.');
  } catch (error) {
    admission.end();
    throw error;
  }
}

/** Undefined: the name is taken, by an entry, a file of others or whatever else they have put there, another upload or a change under way. */
async function reserveName(fs: Filesystem, { user, client }: Sender, path: VirtualPath, token: string): Promise<UploadRecord | undefined> {
  const key = objectKey(user, path);
  const storedKey = storedKeyOf(user, path);
  if (fs.active.of(key, user.name).length > 0 || (await fs.objects.look(storedKey)) || (await fs.folders.unknownAt(fs, key)))
    return undefined;
  return transact(fs, async (tx) => {
    const { entry, claim, uploads } = await readPath(tx, key);
    const mine = uploads.find((upload) => upload.token === token);
    if (mine) return mine;
    if (entry || isHeld(claim) || uploads.length > 0) return undefined;
    const begun = nextTime(fs.clock.now(), entry, claim, uploads);
    const record = { ...newRecord(fs, { key, storedKey, user: user.name, client, home: user.home, begun }), token };
    await takeClaim(tx, fs, key, { token, owner: fs.task, purpose: 'commit' });
    await tx.get(uploadKey(placeOf(key), token));
    tx.put(uploadKey(placeOf(key), token), record);
    return record;
  });
}

/** The record is visible now; only after it are the ancestors read for good. */
async function requireAncestorsOrDrop(fs: Filesystem, record: UploadRecord): Promise<void> {
  try {
    await requireAncestors(fs, record.key, record.home);
  } catch (error) {
    await dropUpload(fs, record);
    throw error;
  }
}

function maxBytesOf(fs: Filesystem, user: User, announced: number | undefined): number {
  const { largestObject = Number.MAX_SAFE_INTEGER } = fs.objects;
  const maxBytes = Math.min(user.maxFileBytes ?? largestObject, largestObject);
  if (announced !== undefined && announced > maxBytes) {
    throw new Failure('too-large', `File too large: at most ${maxBytes} bytes a file can be stored here.`);
  }
  return maxBytes;
}
