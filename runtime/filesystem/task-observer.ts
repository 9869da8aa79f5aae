import type { Clock } from '../ports/clock';
import type { LeaseStore, TaskStatus } from '../ports/lease-store';
import type { Fleet } from './filesystem';

/**
 * Who is dead, and which uploads of the others are silent. A task counts a heartbeat; an observer that read successfully all along and saw the same value
 * for long enough on its own monotonic clock may call it dead. No wall clock is compared with another. A read that fails, or that comes late because
 * this process was stopped for a while, begins the observation anew: an outage of the store kills nobody, and who wakes up knows nothing yet.
 */
export class TaskObserver implements Fleet {
  private readonly seen = new Map<string, { counter: number | 'absent'; since: number }>();
  private statuses = new Map<string, TaskStatus>();
  /** Of the last successful read, monotonic. */
  private readAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly leases: Pick<LeaseStore, 'tasks'>,
    private readonly clock: Clock,
    /** Milliseconds without a beat. */
    private readonly deadAfter = 30_000,
  ) {}

  /** Reads all heartbeats once. */
  async observe(): Promise<void> {
    let tasks: Awaited<ReturnType<LeaseStore['tasks']>>;
    try {
      tasks = await this.leases.tasks();
    } catch (error) {
      this.seen.clear();
      this.readAt = Number.NEGATIVE_INFINITY;
      throw error;
    }
    if (!this.isUpToDate() || this.seen.size > mostObserved) this.seen.clear();
    const now = this.clock.monotonic();
    this.readAt = now;
    this.statuses = new Map(tasks.map((status) => [status.task, status]));
    for (const { task, counter } of tasks) {
      if (this.seen.get(task)?.counter !== counter) this.seen.set(task, { counter, since: now });
    }
    // A row that was taken away: if anybody still asks, it is observed as a task without one.
    for (const [task, { counter }] of this.seen) if (counter !== 'absent' && !this.statuses.has(task)) this.seen.delete(task);
  }

  /** Reads come every few seconds; after a longer gap nothing has been observed all along. */
  private isUpToDate(): boolean {
    return this.clock.monotonic() - this.readAt < this.deadAfter / 2;
  }

  /** A task without a row is dead when it had none for long enough: its first write is its heartbeat. */
  isDead(task: string): boolean {
    if (!this.isUpToDate()) return false;
    const seen = this.seen.get(task);
    if (!seen) this.seen.set(task, { counter: 'absent', since: this.clock.monotonic() });
    return seen !== undefined && this.clock.monotonic() - seen.since >= this.deadAfter;
  }

  isSilent(task: string, token: string): boolean {
    return this.isUpToDate() && this.statuses.get(task)?.silent[token] !== undefined;
  }

  /** Tasks whose rows are still there, though they are dead. */
  dead(): string[] {
    return [...this.statuses.keys()].filter((task) => this.isDead(task));
  }
}

/** More rows and owners than any fleet has: what is remembered begins anew. */
const mostObserved = 10_000;
