import type { Clock } from '../../ports/clock';
import type { Lease, LeaseStore, TaskStatus } from '../../ports/lease-store';

/** With more leases than this, those that have expired unasked are thrown away. */
const purgeAbove = 1_000;

/** Leases of one process: the passive reservations of a single server need no other. */
export class MemoryLeaseStore implements LeaseStore {
  private readonly leases = new Map<string, Lease>();
  private readonly statuses = new Map<string, TaskStatus & { counter: number }>();

  constructor(private readonly clock: Clock) {}

  async reserve(lease: Lease): Promise<boolean> {
    // Look and write in one turn: of two sessions that ask at once, one gets the port.
    const held = this.valid(nameOf(lease));
    if (held && held.nonce !== lease.nonce) return false;
    if (this.leases.size >= purgeAbove) for (const name of this.leases.keys()) this.valid(name);
    this.leases.set(nameOf(lease), lease);
    return true;
  }

  async find(client: string, port: number): Promise<Lease | undefined> {
    return this.valid(nameOf({ client, port }));
  }

  private valid(name: string): Lease | undefined {
    const lease = this.leases.get(name);
    if (lease && lease.expires <= this.clock.now()) {
      this.leases.delete(name);
      return undefined;
    }
    return lease;
  }

  async release(lease: Pick<Lease, 'client' | 'port' | 'nonce'>): Promise<void> {
    if (this.leases.get(nameOf(lease))?.nonce === lease.nonce) this.leases.delete(nameOf(lease));
  }

  async beat(task: TaskStatus): Promise<void> {
    this.statuses.set(task.task, { ...task, counter: (this.statuses.get(task.task)?.counter ?? 0) + 1 });
  }

  async tasks(): Promise<readonly (TaskStatus & { readonly counter: number })[]> {
    return [...this.statuses.values()];
  }

  async forget(task: string): Promise<void> {
    this.statuses.delete(task);
  }
}

function nameOf({ client, port }: Pick<Lease, 'client' | 'port'>): string {
  return `${client} ${port}`;
}
