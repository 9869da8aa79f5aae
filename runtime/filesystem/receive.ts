import type { FileEntry } from '../model/entry';
import { placeOf } from '../model/entry';
import { Failure, type FailureKind } from '../model/failure';
import type { Progress, UploadRecord } from '../model/upload-record';
import type { ByteSource } from '../ports/byte-source';
import type { ObjectWriter } from '../ports/object-store';
import type { ActiveUpload } from './active-uploads';
import { commitUpload } from './commit';
import type { Filesystem } from './filesystem';
import { dropUpload, parkUpload } from './park';
import { requireAncestors } from './path-state';
import { endedKey, uploadKey } from './rows';
import { transact } from './transaction';

/**
 * The bytes of one upload, from their source into the store, up to the commit. Whatever goes wrong before the claim, what is durable is parked for its
 * owner; only a refusal by a rule drops it.
 */

export interface Receiving {
  readonly record: UploadRecord;
  /** The record lies in the store already; otherwise it is written before the first part, with the first durable bytes, at park, or with the claim. */
  readonly recorded: boolean;
  readonly active: ActiveUpload;
  readonly open: () => Promise<ObjectWriter>;
  /** Bytes there before the first one of this connection. */
  readonly offset: number;
  readonly mayOverwrite: boolean;
  /** Largest whole file in bytes. */
  readonly maxBytes: number;
}

export async function receiveUpload(
  fs: Filesystem,
  receiving: Receiving,
  source: ByteSource,
  verdict: (received: number) => void,
  signal: AbortSignal,
): Promise<FileEntry> {
  const { active } = receiving;
  const cut = AbortSignal.any([signal, active.signal]);
  let writer: ObjectWriter | undefined;
  let recorder: Recorder | undefined;
  try {
    writer = await receiving.open();
    active.progress = () => (writer as ObjectWriter).progress();
    active.flush = () => (writer as ObjectWriter).flush();
    recorder = new Recorder(fs, receiving, writer);
    await pour(receiving, recorder, writer, source, cut);
    const check = () => {
      cut.throwIfAborted();
      verdict((writer as ObjectWriter).received);
    };
    check();
    const settled = await writer.settle();
    await recorder.stop();
    return await commitUpload(fs, {
      record: { ...receiving.record, progress: writer.progress() },
      settled,
      writer,
      mayOverwrite: receiving.mayOverwrite,
      verdict: check,
      signal: cut,
      onClaimed: () => {
        active.committing = true;
      },
    });
  } catch (error) {
    active.lost = true;
    await recorder?.stop().catch((cause: unknown) => fs.log.warn('store.error', { path: active.key, cause }));
    throw await endCut(fs, receiving, writer, active.signal.aborted ? active.signal.reason : error);
  } finally {
    active.end();
  }
}

/** Pushes every piece into the writer, within the size limit, noting when bytes come and when we make the client wait. */
async function pour(receiving: Receiving, recorder: Recorder, writer: ObjectWriter, source: ByteSource, cut: AbortSignal): Promise<void> {
  const { active, maxBytes } = receiving;
  // Set by a refusal or the cut; afterwards the source may still hold bytes, and none of them may reach a writer that is being parked.
  let refusal: unknown;
  cut.throwIfAborted();
  let stop: () => void = () => undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = () => {
      refusal ??= cut.reason;
      reject(cut.reason);
    };
  });
  cut.addEventListener('abort', stop, { once: true });
  stopped.catch(() => undefined); // Raced below; when nothing waits there is nobody to tell.
  const accept = (bytes: Buffer): boolean => {
    active.sawBytes();
    refusal ??= recorder.failure;
    if (refusal === undefined && writer.received + bytes.length > maxBytes) {
      refusal = new Failure('too-large', `File too large: at most ${maxBytes} bytes can be stored.`);
    }
    return refusal === undefined && writer.accept(bytes);
  };
  const ready = async (): Promise<void> => {
    if (refusal !== undefined) throw refusal;
    active.setWaiting(true);
    try {
      await Promise.race([writer.ready(), stopped]);
    } finally {
      active.setWaiting(false);
    }
    if (refusal !== undefined) throw refusal;
  };
  const delivered = source.deliver(accept, ready);
  delivered.catch(() => undefined); // When the cut wins the race, its reason is what is reported.
  try {
    await Promise.race([delivered, stopped]);
  } finally {
    // Node keeps a joined signal for as long as somebody listens to it, and with it the whole session.
    cut.removeEventListener('abort', stop);
  }
  if (refusal !== undefined) throw refusal;
  if (recorder.failure) throw recorder.failure;
}

const recordEvery = 1_000;
const recordAgain = 5_000;

/**
 * Writes the record's progress, at most once a second, and learns from a refused write that somebody else has taken the upload over. The first write
 * makes the record, and only then are the ancestors read: whoever removes the directory sees the record, or we see the removal.
 */
class Recorder {
  failure: Failure | undefined;
  private running: Promise<void> | undefined;
  private dirty = false;
  private stopped = false;
  /** There is a record, and its ancestors were there after it. */
  private anchored: boolean;
  private lastWrite = Number.NEGATIVE_INFINITY;
  private readonly wake = new AbortController();

  constructor(
    private readonly fs: Filesystem,
    private readonly receiving: Receiving,
    private readonly writer: ObjectWriter,
  ) {
    this.anchored = receiving.recorded;
    writer.onProgress = () => this.note();
    writer.beforeBegin = () => this.announce();
  }

  /** Intent before effect: a task that dies now leaves a record by which what it has begun is found. An index that is away is waited for, as long as at the end. */
  private async announce(): Promise<void> {
    const { clock, limits } = this.fs;
    const deadline = clock.monotonic() + limits.giveUpAfter;
    while (!this.anchored && !(await this.write())) {
      if (clock.monotonic() >= deadline) throw new Failure('store-unavailable', 'The index is not available; try again later.');
      await clock.sleep(recordAgain, this.wake.signal);
    }
  }

  private note(): void {
    this.dirty = true;
    if (this.stopped || this.running) return;
    this.running = this.run().finally(() => {
      this.running = undefined;
    });
  }

  private async run(): Promise<void> {
    const { fs } = this;
    try {
      while (this.dirty && !this.stopped) {
        const pause = this.lastWrite + recordEvery - fs.clock.monotonic();
        if (pause > 0) await fs.clock.sleep(pause, this.wake.signal);
        if (this.stopped) return;
        this.dirty = false;
        this.lastWrite = fs.clock.monotonic();
        if (!(await this.write())) {
          // The bytes do not depend on it: they come in while the index is away, and their end waits for it.
          this.dirty = true;
          this.lastWrite += recordAgain - recordEvery;
        }
      }
    } catch (error) {
      if (this.stopped) return;
      this.failure = error instanceof Failure ? error : new Failure('store-unavailable', 'Storage is not available.', { cause: error });
    }
  }

  /** False: the index is away. */
  private async write(): Promise<boolean> {
    const { record } = this.receiving;
    try {
      await recordProgress(this.fs, record, this.writer.progress());
      if (!this.anchored) await requireAncestors(this.fs, record.key, record.home);
      this.anchored = true;
      return true;
    } catch (error) {
      if (!(error instanceof Failure) || error.kind !== 'store-unavailable') throw error;
      this.fs.log.warn('store.error', {
        path: record.key,
        text: 'how far an upload is could not be written down; it is tried again',
        cause: error,
      });
      return false;
    }
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.writer.onProgress = undefined;
    this.wake.abort(new Error('recording has stopped'));
    await this.running;
  }
}

async function recordProgress(fs: Filesystem, record: UploadRecord, progress: Progress): Promise<void> {
  await transact(fs, async (tx) => {
    const open = uploadKey(placeOf(record.key), record.token);
    await tx.load([open, endedKey(record.token)]);
    const current = await tx.get(open);
    const ended = await tx.get(endedKey(record.token));
    if (ended || (current && (current.state !== 'receiving' || current.owner !== fs.task))) {
      throw takenOver();
    }
    tx.put(open, { ...(current ?? record), progress, acknowledged: fs.clock.now() });
  });
}

/** After these nothing is kept: the same bytes would be refused again, or belong to somebody else now. */
const dropping: ReadonlySet<FailureKind> = new Set([
  'quota',
  'too-large',
  'may-not-overwrite',
  'not-allowed',
  'name-not-allowed',
  'is-a-directory',
  'not-a-directory',
  'not-found',
  'base-changed',
  'overtaken',
  'not-stored',
  // What it was to continue is gone from the store: told again, its size would lead into the same refusal.
  'restart-not-possible',
]);

/** The client never got as far as sending: nothing was cut, and what lay at the path before stays what its owner sees. */
const neverBegan: ReadonlySet<FailureKind> = new Set(['no-data-connection', 'wrong-peer', 'data-tls', 'data-not-resumed']);

/** After these the record is still being committed. */
const carriedOn: ReadonlySet<FailureKind> = new Set(['store-unavailable', 'taken-over']);

/** Parks or drops what a failed upload has received, and says in the failure which. */
async function endCut(fs: Filesystem, receiving: Receiving, writer: ObjectWriter | undefined, error: unknown): Promise<unknown> {
  const { active } = receiving;
  const record: UploadRecord = { ...receiving.record, told: active.told ?? receiving.record.told };
  const failure = error instanceof Failure ? error : undefined;
  // The commit had begun and nobody took it back: whoever sweeps carries it on, with what the store has. Parking would write those bytes once more.
  if (failure?.kind === 'unconfirmed' || (active.committing && (!failure || carriedOn.has(failure.kind)))) {
    await writer?.release().catch((cause: unknown) => fs.log.warn('store.error', { path: record.key, cause }));
    if (failure?.kind !== 'store-unavailable') return error;
    return new Failure('unconfirmed', 'Storage did not confirm. The change may still appear; sending it again is safe.', { cause: error });
  }
  try {
    const nothingSent = failure && neverBegan.has(failure.kind) && (writer?.received ?? 0) <= receiving.offset && receiving.offset === 0;
    if (failure && (nothingSent || dropping.has(failure.kind))) {
      await writer?.abort();
      const progress = writer?.progress() ?? record.progress;
      await parkOrDrop(fs, { ...record, progress }, undefined);
      return nothingSent ? new Failure(failure.kind, `${failure.message} Nothing was kept.`, { cause: failure.cause }) : failure;
    }
    const takenOverAt = active.takenOverAt;
    // The session that takes it over was told what was durable then, not what parking can still save.
    const told = takenOverAt === undefined ? undefined : writer?.progress();
    const saved = (await writer?.park()) ?? record.progress;
    const progress = told ?? saved;
    const parked = await parkOrDrop(fs, record, {
      progress,
      // Brought by this connection, or by one before it that this one continues.
      own: progress.durable > (record.base?.size ?? 0),
    });
    if (!failure) return error;
    // A task that was paused wakes up to find its parts gone from the store: what it received was carried on meanwhile, and is not lost.
    if (!parked && failure.kind === 'store-unavailable' && (await isCarriedOn(fs, record))) return takenOver(failure);
    const kept = parked ? keptText(parked.progress.durable) : 'Nothing was kept.';
    if (parked) {
      fs.metrics.count('uploads.parked');
      fs.log.info('upload.parked', { partner: record.user, path: record.key, bytes: parked.progress.durable, text: failure.message });
    }
    return new Failure(failure.kind, failure.kind === 'taken-over' ? failure.message : `${failure.message} ${kept}`, {
      cause: failure.cause,
    });
  } catch (cause) {
    fs.log.error('store.error', {
      partner: record.user,
      path: record.key,
      text: 'a cut upload could not be parked; the sweeper will',
      cause,
    });
    return failure ?? error;
  }
}

async function isCarriedOn(fs: Filesystem, { token }: UploadRecord): Promise<boolean> {
  const [ended] = await fs.metadata.get([endedKey(token)]);
  return ended !== undefined && ended.value.state !== 'dropped';
}

function takenOver(cause?: Failure): Failure {
  return new Failure('taken-over', 'This upload was taken over; what it received is kept there.', { cause });
}

function keptText(durable: number): string {
  if (durable > 0) return `${durable} bytes are kept for resume.`;
  return 'Nothing was kept; the version before it is hidden from this account until the file is sent again or deleted.';
}

async function parkOrDrop(
  fs: Filesystem,
  record: UploadRecord,
  keep: { progress: Progress; own: boolean } | undefined,
): Promise<UploadRecord | undefined> {
  if (keep) {
    const parked = await parkUpload(fs, record, keep.progress, keep.own);
    if (!parked) return undefined;
    // Parking may have written the record: only now are the ancestors read.
    const orphaned = await requireAncestors(fs, record.key, record.home).then(
      () => false,
      (error: unknown) => error instanceof Failure && error.kind === 'not-found',
    );
    if (!orphaned) return parked;
    await dropParked(fs, parked);
    return undefined;
  }
  await dropParked(fs, record);
  return undefined;
}

async function dropParked(fs: Filesystem, record: UploadRecord): Promise<void> {
  await dropUpload(fs, record);
  fs.log.info('upload.dropped', { partner: record.user, path: record.key, bytes: record.progress.durable });
}
