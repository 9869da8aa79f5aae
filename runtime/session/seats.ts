import type { Fleet } from '../filesystem/filesystem';
import type { LeaseStore, Seat } from '../ports/lease-store';
import type { Log } from '../ports/log';

/**
 * How many sessions a partner, or an address, has at once over all tasks. A seat is written before the seats are counted, so of two that take the last
 * one at the same moment each sees the other and neither exceeds the limit; seats of dead tasks do not count.
 */
export interface SeatsOptions {
  readonly leases: Pick<LeaseStore, 'sit' | 'rise' | 'seats'>;
  readonly task: string;
  readonly fleet: Pick<Fleet, 'isDead'>;
  readonly log: Log;
}

export class Seats {
  constructor(private readonly options: SeatsOptions) {}

  /** False: as many as may be are there, and this one is not. Throws `Failure('store-unavailable')`. */
  async take(of: Pick<Seat, 'kind' | 'name' | 'session'>, most: number): Promise<boolean> {
    const { leases, task, fleet } = this.options;
    const seat: Seat = { ...of, task };
    await leases.sit(seat);
    const taken = (await leases.seats(seat)).filter((other) => other.task === task || !fleet.isDead(other.task));
    if (taken.length <= most) return true;
    this.give(of);
    return false;
  }

  /** In the background: nobody waits for it, and a seat that could not be given back goes with its task. */
  give(of: Pick<Seat, 'kind' | 'name' | 'session'>): void {
    const { leases, task, log } = this.options;
    leases.rise({ ...of, task }).catch((cause: unknown) => log.warn('store.error', { text: 'a seat was not given back', cause }));
  }
}
