import { type ObjectKey, placeOf } from '../model/entry';
import { Failure } from '../model/failure';
import type { UploadRecord } from '../model/upload-record';
import type { User } from '../model/user';
import type { ActiveUpload } from './active-uploads';
import type { Filesystem } from './filesystem';
import { lastBegun } from './logical-time';
import { parkAbandoned, parkSilent } from './park';
import { lookAtPath, type PathState } from './path-state';
import { uploadKey } from './rows';
import type { ToldSizes } from './told';
import { transact } from './transaction';

/**
 * A parked upload shadows its path for its owner, and only for him, while it began later than the version that is there. Of several the one that began
 * last counts.
 */
export function shadowOf(state: PathState, user: User): UploadRecord | undefined {
  const since = lastBegun(state.entry, state.claim);
  let shadow: UploadRecord | undefined;
  for (const upload of state.uploads) {
    if (upload.user !== user.name || upload.state !== 'parked' || upload.begun <= since) continue;
    if (!shadow || upload.begun > shadow.begun) shadow = upload;
  }
  return shadow;
}

/** Longest that a question about a size waits to learn whether an upload still moves. */
const undecidedFor = 12_000;

/** An upload from which no byte comes, though nothing has cut it: it may be told its durable size, and continued from there. */
export interface SilentUpload {
  readonly token: string;
  readonly durable: number;
  /** Notes that a session is told this size. */
  tell(): Promise<void>;
  /** Parks it at exactly this size, for who was told it. False: it has moved on. */
  takeOver(): Promise<boolean>;
}

/**
 * An upload of the partner's own that nothing has cut yet, asked about by him: his client may have come back before its earlier connection was seen to
 * break. Lost, or its task dead: waits until it is parked. Silent: it is given back, without being touched. Moving, or not decided within 12 s: undefined,
 * the path is shown as others see it.
 */
export async function silentUpload(fs: Filesystem, key: ObjectKey, user: User): Promise<SilentUpload | undefined> {
  const [upload] = fs.active.of(key, user.name);
  return upload ? silentHere(fs, upload) : silentElsewhere(fs, key, user);
}

async function silentHere(fs: Filesystem, upload: ActiveUpload): Promise<SilentUpload | undefined> {
  const asked = fs.clock.monotonic();
  const bytesBefore = upload.lastByteAt;
  while (fs.active.get(upload.token) === upload && !upload.committing) {
    if (upload.lost) {
      await upload.ended;
      return undefined;
    }
    if (upload.silent) {
      const flushed = upload.lastByteAt;
      await upload.flush();
      // Bytes that came meanwhile say that it moves after all.
      if (upload.lastByteAt !== flushed || !upload.silent) return undefined;
      const { durable } = upload.progress();
      return {
        token: upload.token,
        durable,
        tell: async () => {
          upload.told = durable;
        },
        takeOver: async () => {
          await upload.takeOver();
          return true;
        },
      };
    }
    if (upload.lastByteAt !== bytesBefore) return undefined;
    if (fs.clock.monotonic() - asked >= undecidedFor) return undefined;
    await fs.clock.sleep(100);
  }
  return undefined;
}

/** How often another task's upload is looked at: its task says with its heartbeat, every few seconds, whether it is silent. */
const betweenLooks = 500;

async function silentElsewhere(fs: Filesystem, key: ObjectKey, user: User): Promise<SilentUpload | undefined> {
  const asked = fs.clock.monotonic();
  let before: UploadRecord | undefined;
  for (;;) {
    const { uploads } = await settledState(fs, key, user);
    const record = receivingElsewhere(fs, uploads, user);
    // A part that arrived since says that it moves.
    if (!record || (before && (record.token !== before.token || record.acknowledged !== before.acknowledged))) return undefined;
    if (fs.fleet.isSilent(record.owner, record.token)) {
      const { durable } = record.progress;
      const takeOver = () => fs.fleet.park?.(record.owner, record.token, durable) ?? parkSilent(fs, record);
      return { token: record.token, durable, tell: () => markTold(fs, record, durable), takeOver };
    }
    if (fs.clock.monotonic() - asked >= undecidedFor) return undefined;
    before = record;
    await fs.clock.sleep(betweenLooks);
  }
}

/** The partner's upload of this path that another task is receiving, the one that began last. */
export function receivingElsewhere(fs: Filesystem, uploads: readonly UploadRecord[], user: User): UploadRecord | undefined {
  const others = uploads.filter(({ state, owner, user: sender }) => state === 'receiving' && sender === user.name && owner !== fs.task);
  return others.sort((left, right) => right.begun - left.begun)[0];
}

/** Writes down that some session was told this size; a resume in another session of the partner goes by it. */
export async function markTold(fs: Filesystem, record: UploadRecord, size: number): Promise<void> {
  if (record.told === size) return;
  await transact(fs, async (tx) => {
    const open = uploadKey(placeOf(record.key), record.token);
    const current = await tx.get(open);
    if (!current || (current.state !== 'parked' && current.state !== 'receiving')) return;
    if (current.told !== size) tx.put(open, { ...current, told: size });
  });
}

/** The state of a path as its owner may ask about it: an upload of his that is on its way to being parked, or that a dead task has left, has arrived there. */
export async function settledState(fs: Filesystem, key: ObjectKey, user: User): Promise<PathState> {
  for (const upload of fs.active.of(key, user.name)) {
    if (upload.lost) await Promise.race([upload.ended, fs.clock.sleep(undecidedFor)]);
  }
  const state = await lookAtPath(fs, key);
  const left = receivingElsewhere(fs, state.uploads, user);
  if (!left || !fs.fleet.isDead(left.owner)) return state;
  await parkAbandoned(fs, left);
  return lookAtPath(fs, key);
}

export async function tellShadow(fs: Filesystem, shadow: UploadRecord, sizes: ToldSizes): Promise<void> {
  const { durable } = shadow.progress;
  await markTold(fs, shadow, durable);
  sizes.tell(shadow.key, { of: 'upload', token: shadow.token, size: durable });
}

/** A cut upload can be continued, replaced or deleted, and nothing else. "Try again later" would be obeyed for ever. */
export function refuseShadow(shadow: UploadRecord | undefined): void {
  if (!shadow) return;
  throw new Failure(
    'parked',
    `This upload was interrupted after ${shadow.progress.durable} bytes: continue it from there, send the file again, or delete it.`,
  );
}
