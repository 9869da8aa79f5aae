import type { Clock } from '../ports/clock';
import type { LeaseStore, SessionRow } from '../ports/lease-store';
import type { Log } from '../ports/log';
import { inTurns } from './in-turns';

/**
 * What an operator sees of this process's sessions, and his way to end one. Rows are written with the heartbeat and only where something has changed, so
 * a command costs no write, and a session that was shorter than a beat none at all.
 */
export interface BoardedSession {
  readonly shown: Omit<SessionRow, 'task'>;
  kick(): void;
  readonly finished: Promise<void>;
}

export interface SessionBoardOptions {
  readonly leases: Pick<LeaseStore, 'show' | 'hide' | 'takeKicks'>;
  readonly task: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** A client that stays deaf to the end is cut off by its connection; a list that still shows it helps nobody. */
const lastHidesFor = 5_000;
/** In place of what the store shows: it may show nothing. */
const unsure = '';

export class SessionBoard {
  private readonly sessions = new Map<string, BoardedSession>();
  /** What the store shows, as text, to be compared. */
  private readonly written = new Map<string, string>();
  private refreshing: Promise<void> | undefined;

  constructor(private readonly options: SessionBoardOptions) {}

  add(session: BoardedSession): void {
    const { id } = session.shown;
    this.sessions.set(id, session);
    void session.finished.then(() => {
      this.sessions.delete(id);
      // One that is just being written is taken down behind that.
      if (this.written.has(id) && !this.refreshing) void this.hide(id);
    });
  }

  /**
   * With each heartbeat; does not wait, and one that is still at work is enough: a slow store must not make this process look dead. `doubted`: what was written
   * may have been taken away by others, who thought this task dead.
   */
  refresh(doubted = false): void {
    if (doubted) for (const id of this.written.keys()) this.written.set(id, unsure);
    this.refreshing ??= this.exchange()
      .catch((cause: unknown) => this.options.log.warn('store.error', { text: 'the list of sessions was not brought up to date', cause }))
      .finally(() => {
        this.refreshing = undefined;
      });
  }

  private async exchange(): Promise<void> {
    const { leases, task } = this.options;
    for (const id of await leases.takeKicks(task)) {
      this.sessions.get(id)?.kick();
    }
    const changed = [...this.sessions.values()].map(({ shown }) => shown).filter((shown) => this.written.get(shown.id) !== textOf(shown));
    await inTurns(changed, async (shown) => {
      this.written.set(shown.id, textOf(shown));
      try {
        await leases.show({ ...shown, task });
      } catch (error) {
        // Written again with the next beat; until then it may be there or not.
        this.written.set(shown.id, unsure);
        throw error;
      }
    });
    await this.hideEnded();
  }

  /** Ended while rows were written, or not taken down because the store was away. */
  private hideEnded(): Promise<void> {
    return inTurns(
      [...this.written.keys()].filter((id) => !this.sessions.has(id)),
      (id) => this.hide(id),
    );
  }

  private async hide(id: string): Promise<void> {
    const { leases, task, log } = this.options;
    try {
      await leases.hide({ task, id });
      this.written.delete(id);
    } catch (cause) {
      log.warn('store.error', { text: 'an ended session is still listed; the next beat takes it down', cause });
    }
  }

  /** Takes down what is still shown. Bounded: rows that stay go with their task. */
  async close(): Promise<void> {
    this.sessions.clear();
    const hidden = (this.refreshing ?? Promise.resolve()).then(() => this.hideEnded());
    const bell = new AbortController();
    // Aborted when all rows are down before the time.
    const late = this.options.clock.sleep(lastHidesFor, bell.signal).catch(() => undefined);
    await Promise.race([hidden, late]);
    bell.abort();
  }
}

function textOf(shown: BoardedSession['shown']): string {
  return JSON.stringify(shown);
}
