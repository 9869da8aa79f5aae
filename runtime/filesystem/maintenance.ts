import type { EventSink } from '../ports/event-sink';
import type { Filesystem } from './filesystem';
import { compareFolders } from './folder-pass';
import { deliverOutbox } from './outbox';
import { sweep } from './sweeper';

/** What goes on beside the sessions: the sweeper, the outbox, and the pass over the folders, each by itself, each again when it has ended. */
export interface MaintenanceOptions {
  /** Milliseconds between two sweeps. */
  readonly every: number;
  readonly homes: () => Promise<readonly string[]>;
  /** The stores' own housekeeping, before each sweep. */
  readonly upkeep: () => void;
  readonly sink?: EventSink;
  /** Whose work may be taken over; embedded, nobody's but one's own leftovers, for there is one process. */
  readonly isDead?: (owner: string) => boolean;
}

const betweenPasses = 60_000;

export class Maintenance {
  private readonly stopped = new AbortController();
  private running: Promise<unknown>[] = [];

  constructor(
    private readonly fs: Filesystem,
    private readonly options: MaintenanceOptions,
  ) {}

  start(): void {
    const { every, homes, upkeep, sink, isDead = () => false } = this.options;
    this.running = [
      this.repeat(every, async () => {
        upkeep();
        await sweep(this.fs, { isDead });
        await deliverOutbox(this.fs, sink);
      }),
      this.repeat(betweenPasses, async () => compareFolders(this.fs, await homes(), this.stopped.signal)),
    ];
  }

  private async repeat(pause: number, work: () => Promise<unknown>): Promise<void> {
    const { signal } = this.stopped;
    while (!signal.aborted) {
      try {
        await work();
      } catch (error) {
        if (signal.aborted) return;
        this.fs.log.warn('store.error', { text: 'maintenance failed; it is tried again', cause: error });
      }
      try {
        await this.fs.clock.sleep(pause, signal);
      } catch {
        // Stopped.
        return;
      }
    }
  }

  async stop(): Promise<void> {
    this.stopped.abort(new Error('the server stops'));
    await Promise.all(this.running);
  }
}
