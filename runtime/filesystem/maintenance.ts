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
  /** The tasks beside this one; embedded there is none, and nobody's work is taken over but one's own leftovers. */
  readonly others?: OtherTasks;
}

export interface OtherTasks {
  isDead(task: string): boolean;
  /** One task's sweep is enough. False: another task does it. */
  takeDuty(): Promise<boolean>;
  /** Tasks that are dead, but whose rows are still there. */
  dead(): string[];
  forget(task: string): Promise<void>;
}

const betweenPasses = 60_000;
/** A dead task's row goes only after so many sweeps found nothing under it. */
const emptySweeps = 2;

export class Maintenance {
  private readonly stopped = new AbortController();
  private running: Promise<unknown>[] = [];
  private readonly foundNothing = new Map<string, number>();

  constructor(
    private readonly fs: Filesystem,
    private readonly options: MaintenanceOptions,
  ) {}

  start(): void {
    const { every, homes, upkeep, sink } = this.options;
    this.running = [
      this.repeat(every, async () => {
        upkeep();
        await this.sweep();
        await deliverOutbox(this.fs, sink);
      }),
      this.repeat(betweenPasses, async () => compareFolders(this.fs, await homes(), this.stopped.signal)),
    ];
  }

  private async sweep(): Promise<void> {
    const { others } = this.options;
    // Two at once do no harm; the duty saves the fleet the same reads from every task. What a handler of ours has left, nobody else can tell from its work.
    if (others && !(await others.takeDuty()) && !this.fs.active.mayHaveLeft) {
      this.foundNothing.clear();
      return;
    }
    const owners = new Set<string>();
    await sweep(this.fs, { isDead: (owner) => others?.isDead(owner) ?? false, onOwner: (owner) => owners.add(owner) });
    if (!others) return;
    const dead = others.dead();
    for (const task of this.foundNothing.keys()) if (!dead.includes(task)) this.foundNothing.delete(task);
    for (const task of dead) {
      const times = owners.has(task) ? 0 : (this.foundNothing.get(task) ?? 0) + 1;
      this.foundNothing.set(task, times);
      if (times >= emptySweeps) await others.forget(task);
    }
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
