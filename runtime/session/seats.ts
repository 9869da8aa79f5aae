import type { Fleet } from '../filesystem/filesystem';
import type { LeaseStore, Seat } from '../ports/lease-store';
import type { Log } from '../ports/log';
import { inTurns } from './in-turns';

/**
 * How many sessions a partner, or an address, has at once over all tasks. A seat is written before the seats are counted, so of two that take the last
 * one at the same moment each sees the other and neither exceeds the limit. Seats of dead tasks do not count, and of this task's only those of the sessions that
 * it has: an outage of the store is when clients leave, and what they could not give back must shut nobody out.
 */
export interface SeatsOptions {
  readonly leases: Pick<LeaseStore, 'sit' | 'rise' | 'seats'>;
  readonly task: string;
  readonly fleet: Pick<Fleet, 'isDead'>;
  readonly log: Log;
}

/** Seats of dead tasks that one login takes away; the next takes more. */
const mostCleared = 50;

export class Seats {
  /** Of the sessions of this process. */
  private readonly taken = new Map<string, Seat>();
  /** Given back, and not known to be gone from the store, where the other tasks still count them. No more than there were sessions. */
  private readonly left = new Map<string, Seat>();
  private readonly rising = new Map<string, Promise<void>>();
  /** Taken, and perhaps not in the store any more. */
  private readonly doubted = new Map<string, Seat>();
  private readonly sitting = new Map<string, Promise<void>>();
  private refreshing: Promise<void> | undefined;

  constructor(private readonly options: SeatsOptions) {}

  /** False: as many as may be are there, and this one is not. Throws `Failure('store-unavailable')`. */
  async take(of: Pick<Seat, 'kind' | 'name' | 'session'>, most: number): Promise<boolean> {
    const { leases, task } = this.options;
    const seat: Seat = { ...of, task };
    const key = keyOf(seat);
    // A session that begins anew (REIN) must not lose the seat it takes to the removal of the one it had; whether that went through is told where it began.
    await this.rising.get(key)?.catch(() => undefined);
    this.left.delete(key);
    this.taken.set(key, seat);
    try {
      await leases.sit(seat);
      if (this.count(await leases.seats(seat)) <= most) return true;
    } catch (error) {
      // Not taken back at once: what was sent without an answer may still arrive.
      this.leave(seat);
      throw error;
    }
    this.give(of);
    return false;
  }

  private count(seats: readonly Seat[]): number {
    const { task, fleet } = this.options;
    const dead = seats.filter((seat) => seat.task !== task && fleet.isDead(seat.task));
    this.clear(dead.slice(0, mostCleared));
    const leftHere = seats.filter((seat) => seat.task === task && !this.taken.has(keyOf(seat)));
    return seats.length - dead.length - leftHere.length;
  }

  /** So that a task which starts, and cannot know yet who is dead, does not count them. */
  private clear(dead: readonly Seat[]): void {
    const { leases, log } = this.options;
    void inTurns(dead, (seat) => leases.rise(seat)).catch((cause: unknown) =>
      log.warn('store.error', { text: 'the seats of a dead task are still there; the next login takes them away', cause }),
    );
  }

  /** In the background: nobody waits for it. */
  give(of: Pick<Seat, 'kind' | 'name' | 'session'>): void {
    const seat: Seat = { ...of, task: this.options.task };
    this.leave(seat);
    void this.rise(seat).catch((cause: unknown) => this.tell(cause));
  }

  private leave(seat: Seat): void {
    this.taken.delete(keyOf(seat));
    this.doubted.delete(keyOf(seat));
    this.left.set(keyOf(seat), seat);
  }

  /**
   * With each heartbeat that went through: what could not be given back is given back now. `doubted`: others may have thought this task dead and taken its seats
   * away, so they are taken again; its sessions are still there.
   */
  refresh(doubted = false): void {
    if (doubted) for (const [key, seat] of this.taken) this.doubted.set(key, seat);
    this.refreshing ??= inTurns([...this.left.values()], (seat) => this.rise(seat))
      .then(() => inTurns([...this.doubted.values()], (seat) => this.sitAgain(seat)))
      .catch((cause: unknown) => this.tell(cause))
      .finally(() => {
        this.refreshing = undefined;
      });
  }

  private async sitAgain(seat: Seat): Promise<void> {
    const key = keyOf(seat);
    // Its session has ended meanwhile.
    if (!this.doubted.has(key)) return;
    const sitting = this.options.leases
      .sit(seat)
      .then(() => void this.doubted.delete(key))
      .finally(() => this.sitting.delete(key));
    this.sitting.set(key, sitting);
    await sitting;
  }

  private rise(seat: Seat): Promise<void> {
    const key = keyOf(seat);
    // Its session has taken it again meanwhile.
    if (!this.left.has(key)) return Promise.resolve();
    const begun = this.rising.get(key);
    if (begun) return begun;
    const { leases } = this.options;
    // One that is just being taken again is given back behind that.
    const sat = this.sitting.get(key)?.catch(() => undefined);
    const rising = (sat ? sat.then(() => leases.rise(seat)) : leases.rise(seat))
      .then(() => void this.left.delete(key))
      .finally(() => this.rising.delete(key));
    this.rising.set(key, rising);
    return rising;
  }

  private tell(cause: unknown): void {
    this.options.log.warn('store.error', { text: 'a seat was not given back, or not taken again; the next heartbeat tries again', cause });
  }
}

function keyOf({ kind, name, session }: Pick<Seat, 'kind' | 'name' | 'session'>): string {
  return `${kind} ${name} ${session}`;
}
