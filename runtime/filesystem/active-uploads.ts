import type { ObjectKey } from '../model/entry';
import { Failure } from '../model/failure';
import type { Progress } from '../model/upload-record';
import type { Filesystem } from './filesystem';

/**
 * The uploads that this process is receiving. A client whose connection broke comes back before any timer has run, asks for the size and continues, while
 * its earlier upload still looks alive; whoever asks finds it here and learns whether bytes still come.
 */
export class ActiveUploads {
  private readonly byToken = new Map<string, ActiveUpload>();
  private readonly changes = new Set<string>();
  /** A handler of this process failed, or an upload was cut: there may be something that only our own sweep knows to be abandoned. */
  mayHaveLeft = false;

  /** Runs a delete or rename; its journal counts as worked on until it returns. */
  async during<T>(token: string, work: () => Promise<T>): Promise<T> {
    this.changes.add(token);
    try {
      return await work();
    } catch (error) {
      this.mayHaveLeft = true;
      throw error;
    } finally {
      this.changes.delete(token);
    }
  }

  /**
   * Somebody in this process works on it. A record, journal or claim of ours that nobody works on was left by a handler that failed or could not hand
   * it over: the sweeper carries it on.
   */
  worksOn(token: string): boolean {
    return this.byToken.has(token) || this.changes.has(token);
  }

  add(upload: ActiveUpload): void {
    this.byToken.set(upload.token, upload);
  }

  remove(upload: ActiveUpload): void {
    this.byToken.delete(upload.token);
    if (upload.lost) this.mayHaveLeft = true;
  }

  get(token: string): ActiveUpload | undefined {
    return this.byToken.get(token);
  }

  /** Asked by another process for one of its sessions: puts a silent upload aside, at exactly this size. False: it has moved on. */
  async yield(token: string, durable: number): Promise<boolean> {
    const upload = this.byToken.get(token);
    if (!upload || upload.lost) {
      await upload?.ended;
      return true;
    }
    if (!upload.silent || upload.committing || upload.progress().durable !== durable) return false;
    await upload.takeOver();
    return true;
  }

  /** The partner's uploads of this path, the one that began last first. */
  of(key: ObjectKey, user: string): ActiveUpload[] {
    return [...this.byToken.values()].filter((upload) => upload.key === key && upload.user === user).sort((a, b) => b.begun - a.begun);
  }

  below(directory: ObjectKey): boolean {
    return [...this.byToken.values()].some((upload) => upload.key.startsWith(`${directory}/`));
  }

  all(): Iterable<ActiveUpload> {
    return this.byToken.values();
  }

  get size(): number {
    return this.byToken.size;
  }
}

export class ActiveUpload {
  private lastByte: number;
  private waiting = false;
  private takenAt: number | undefined;
  private finish: () => void = () => undefined;
  /** Resolves when the upload has ended one way or the other: committed, parked, dropped. */
  readonly ended: Promise<void>;
  private readonly taken = new AbortController();
  /** Its data or control connection has ended; it is being parked. */
  lost = false;
  committing = false;
  /** Durable size that a session was told while it was silent. */
  told: number | undefined;
  /** Makes durable what it can while it goes on. */
  flush: () => Promise<void> = async () => undefined;
  progress: () => Progress = () => ({ parts: [], durable: 0, reserved: 0 });

  constructor(
    private readonly fs: Filesystem,
    readonly token: string,
    readonly key: ObjectKey,
    readonly user: string,
    readonly begun: number,
  ) {
    this.lastByte = fs.clock.monotonic();
    this.ended = new Promise((resolve) => {
      this.finish = resolve;
    });
  }

  /** Aborts when another session of the partner takes the upload over. */
  get signal(): AbortSignal {
    return this.taken.signal;
  }

  sawBytes(): void {
    this.lastByte = this.fs.clock.monotonic();
  }

  /** We are not reading: the silence is ours. */
  setWaiting(waiting: boolean): void {
    this.waiting = waiting;
    this.lastByte = this.fs.clock.monotonic();
  }

  get lastByteAt(): number {
    return this.lastByte;
  }

  get silent(): boolean {
    return !this.waiting && this.fs.clock.monotonic() - this.lastByte >= this.fs.limits.silentAfter;
  }

  /** Parks it at exactly what is durable now, for the session that was told that size. Resolves when it is parked. */
  async takeOver(): Promise<void> {
    this.takenAt = this.progress().durable;
    this.taken.abort(new Failure('taken-over', 'Another session of this account continues this upload.'));
    await this.ended;
  }

  /** The size at which it was taken over, if it was. */
  get takenOverAt(): number | undefined {
    return this.takenAt;
  }

  end(): void {
    this.fs.active.remove(this);
    this.finish();
  }
}
