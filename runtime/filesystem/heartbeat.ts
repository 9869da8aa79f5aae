import type { LeaseStore, SilentStatus } from '../ports/lease-store';
import type { Filesystem } from './filesystem';
import type { TaskObserver } from './task-observer';

/**
 * Says every few seconds that this task lives and which of its uploads are silent, and reads the same of the others. The first beat comes before the task
 * does anything that another could find.
 */
export interface HeartbeatOptions {
  readonly leases: LeaseStore;
  /** Where there are other tasks. */
  readonly observer?: TaskObserver;
  /** Milliseconds between two beats. */
  readonly every: number;
  /** Where this task takes in connections that arrived elsewhere. */
  readonly relay?: string;
  /** Milliseconds without a beat after which the others call a task dead; undefined: nobody does. */
  readonly deadAfter?: number;
  /** After each beat that went through. `doubted`: the others may have taken this task for dead, and its rows away, or may yet do so. */
  readonly onBeat?: (doubted: boolean) => Promise<void>;
}

/** A status row has a size; a client that comes back for one that is left out waits until that upload is cut. */
const mostSilent = 100;

export class Heartbeat {
  private readonly stopped = new AbortController();
  private running: Promise<void> | undefined;
  /** When the last beat that went through began, monotonic. */
  private last: number | undefined;
  /** Monotonic. */
  private doubtedUntil = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly fs: Pick<Filesystem, 'task' | 'active' | 'clock' | 'log'>,
    private readonly options: HeartbeatOptions,
  ) {}

  /** Resolves when the first beat is written. Throws `Failure('store-unavailable')`. */
  async start(): Promise<void> {
    await this.beat();
    this.running = this.repeat();
  }

  /** One beat, now. Throws `Failure('store-unavailable')`. */
  async beat(): Promise<void> {
    const { leases, observer, relay, onBeat } = this.options;
    const begun = this.fs.clock.monotonic();
    await leases.beat({ task: this.fs.task, relay, silent: this.silent() });
    const doubted = this.isDoubted(begun);
    await observer?.observe();
    await onBeat?.(doubted);
  }

  /** What an observer has read holds for half the time, before a beat that it has not seen and after it. */
  private isDoubted(begun: number): boolean {
    const { deadAfter = Number.POSITIVE_INFINITY } = this.options;
    const now = this.fs.clock.monotonic();
    if (this.last !== undefined && now - this.last >= deadAfter / 2) this.doubtedUntil = now + deadAfter / 2;
    this.last = begun;
    return now <= this.doubtedUntil;
  }

  private silent(): Record<string, SilentStatus> {
    const silent: Record<string, SilentStatus> = {};
    let room = mostSilent;
    for (const upload of this.fs.active.all()) {
      if (!upload.silent || upload.committing || room-- <= 0) continue;
      silent[upload.token] = { key: upload.key, user: upload.user, durable: upload.progress().durable };
    }
    return silent;
  }

  private async repeat(): Promise<void> {
    const { clock, log } = this.fs;
    const { signal } = this.stopped;
    for (;;) {
      try {
        await clock.sleep(this.options.every, signal);
      } catch {
        // Stopped.
        return;
      }
      try {
        await this.beat();
      } catch (cause) {
        log.warn('store.error', { text: 'the heartbeat did not go through; it is tried again', cause });
      }
    }
  }

  /** The last beat has been sent. The row stays: others forget it when nothing is left under it. */
  async stop(): Promise<void> {
    this.stopped.abort(new Error('the server stops'));
    await this.running;
  }
}
