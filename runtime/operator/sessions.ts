import { Failure } from '../model/failure';
import type { Clock } from '../ports/clock';
import type { LeaseStore, SessionRow } from '../ports/lease-store';
import { OperatorError } from './operator-error';

/**
 * The sessions of all tasks, as their operator sees and ends them. Rows of a task that died are still there for a while, so a row counts only when its task's
 * heartbeat has been seen to move; that is waited for, two beats at the longest.
 */
export interface SessionsOptions {
  readonly leases: Pick<LeaseStore, 'tasks' | 'sessions' | 'kick'>;
  readonly clock: Clock;
  /** Milliseconds between two beats of a task. */
  readonly beatEvery: number;
}

/** A cut upload is being put aside, and a client that does not close is waited for. */
const longestEnd = 15_000;

export class Sessions {
  /** Heartbeats as read, and when they were last seen to move, monotonic. */
  private seen = new Map<string, { readonly counter: number; readonly moved: number | undefined }>();

  constructor(private readonly options: SessionsOptions) {}

  /** By the time they began. */
  async list(): Promise<readonly SessionRow[]> {
    const { clock, beatEvery } = this.options;
    const deadline = clock.monotonic() + this.patience;
    await this.observe();
    const crowded = await this.tasksWithSessions();
    while (crowded.some((task) => !this.isAlive(task)) && clock.monotonic() < deadline) {
      await clock.sleep(beatEvery / 4);
      await this.observe();
    }
    const rows = await this.rowsOf([...this.seen.keys()].filter((task) => this.isAlive(task)));
    return rows.sort((left, right) => left.begun - right.begun || (left.id < right.id ? -1 : 1));
  }

  /** For ever. Once a look has gone through, a store that does not answer (undefined) ends nothing: that is when somebody watches. */
  async *watch(every: number): AsyncGenerator<readonly SessionRow[] | undefined> {
    for (let looked = false; ; await this.options.clock.sleep(every)) {
      try {
        yield await this.list();
        looked = true;
      } catch (error) {
        if (!looked || !(error instanceof Failure && error.kind === 'store-unavailable')) throw error;
        yield undefined;
      }
    }
  }

  /** Resolves when it has ended. Throws `OperatorError` when there is no such session, or it does not end. */
  async kick(id: string): Promise<SessionRow> {
    const { leases, clock, beatEvery } = this.options;
    const found = (await this.list()).find((row) => row.id === id);
    if (!found) throw new OperatorError(`there is no session ${id}: "causeway sessions" lists them, new ones after a few seconds`);
    await leases.kick(found);
    const longest = this.patience + longestEnd;
    const deadline = clock.monotonic() + longest;
    while (clock.monotonic() < deadline) {
      await clock.sleep(beatEvery / 4);
      if (!(await leases.sessions(found.task)).some((row) => row.id === id)) return found;
    }
    throw new OperatorError(`session ${id} was told to end and has not within ${Math.round(longest / 1_000)} seconds`);
  }

  private get patience(): number {
    return this.options.beatEvery * 2 + 500;
  }

  private async observe(): Promise<void> {
    const now = this.options.clock.monotonic();
    const before = this.seen;
    this.seen = new Map(
      (await this.options.leases.tasks()).map(({ task, counter }) => {
        const known = before.get(task);
        return [task, { counter, moved: known && known.counter !== counter ? now : known?.moved }];
      }),
    );
  }

  private isAlive(task: string): boolean {
    const moved = this.seen.get(task)?.moved;
    return moved !== undefined && this.options.clock.monotonic() - moved < this.patience;
  }

  private async tasksWithSessions(): Promise<string[]> {
    const tasks: string[] = [];
    for (const task of this.seen.keys()) if ((await this.options.leases.sessions(task)).length > 0) tasks.push(task);
    return tasks;
  }

  private async rowsOf(tasks: readonly string[]): Promise<SessionRow[]> {
    const rows: SessionRow[] = [];
    for (const task of tasks) rows.push(...(await this.options.leases.sessions(task)));
    return rows;
  }
}
