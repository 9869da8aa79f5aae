import type { Clock } from '../ports/clock';
import type { LeaseStore } from '../ports/lease-store';

/**
 * Who is dead. A task counts a heartbeat; an observer that read successfully all along and saw the same value for long enough on its own monotonic clock
 * may call it dead. No wall clock is compared with another, and a read that fails begins the observation anew, so an outage of the store kills nobody.
 */
export class TaskObserver {
  private readonly seen = new Map<string, { counter: number | 'absent'; since: number }>();

  /** The last read succeeded. */
  private observing = false;

  constructor(
    private readonly leases: LeaseStore,
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
      this.observing = false;
      throw error;
    }
    const now = this.clock.monotonic();
    const present = new Set<string>();
    for (const { task, counter } of tasks) {
      present.add(task);
      if (this.seen.get(task)?.counter !== counter) this.seen.set(task, { counter, since: now });
    }
    for (const [task, { counter }] of this.seen) {
      if (present.has(task)) continue;
      // Its row was taken away: nobody asks again, or it is observed as a task without one.
      if (counter !== 'absent') this.seen.delete(task);
    }
    if (this.seen.size > mostObserved) this.seen.clear();
    this.observing = true;
  }

  /** A task without a row is dead when it had none for long enough: its first write is its heartbeat. */
  isDead(task: string): boolean {
    const seen = this.seen.get(task);
    if (!seen && this.observing) this.seen.set(task, { counter: 'absent', since: this.clock.monotonic() });
    return seen !== undefined && this.clock.monotonic() - seen.since >= this.deadAfter;
  }
}

/** More rows and owners than any fleet has: what is remembered begins anew. */
const mostObserved = 10_000;
