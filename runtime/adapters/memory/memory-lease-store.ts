import type { Clock } from '../../ports/clock';
import type { Lease, LeaseStore, LoginPair, Seat, SessionRow, TaskStatus } from '../../ports/lease-store';

/** With more rows than this, those whose time is over are thrown away. */
const purgeAbove = 1_000;
/** Failed logins come from strangers: of more pairs than this, the one that failed longest ago is forgotten. */
const mostPairs = 50_000;
const mostListed = 10_000;

/** Leases of one process, or of a primary and its workers. */
export class MemoryLeaseStore implements LeaseStore {
  private readonly leases = new Map<string, Lease>();
  private readonly statuses = new Map<string, TaskStatus & { counter: number }>();
  /** By kind and name, then by session and task. */
  private readonly taken = new Map<string, Map<string, Seat>>();
  /** By task, then by id. */
  private readonly shown = new Map<string, Map<string, SessionRow>>();
  private readonly kicks = new Map<string, Set<string>>();
  private duty: { readonly task: string; readonly until: number } | undefined;
  private readonly failed = new Map<string, { count: number; until: number }>();

  constructor(private readonly clock: Clock) {}

  async reserve(lease: Lease, instead?: string): Promise<boolean> {
    // Look and write in one turn: of two sessions that ask at once, one gets the port.
    const held = this.leases.get(leaseName(lease));
    if (held && held.nonce !== lease.nonce && held.nonce !== instead && held.cool > this.clock.now()) return false;
    if (this.leases.size >= purgeAbove) for (const [name, { cool }] of this.leases) if (cool <= this.clock.now()) this.leases.delete(name);
    this.leases.set(leaseName(lease), lease);
    return true;
  }

  async find(client: string, port: number): Promise<Lease | undefined> {
    const lease = this.leases.get(leaseName({ client, port }));
    return lease && lease.expires > this.clock.now() ? lease : undefined;
  }

  async release(lease: Pick<Lease, 'client' | 'port' | 'nonce'>, cool = 0): Promise<void> {
    const held = this.leases.get(leaseName(lease));
    if (held?.nonce !== lease.nonce) return;
    if (cool > this.clock.now()) this.leases.set(leaseName(lease), { ...held, expires: 0, cool });
    else this.leases.delete(leaseName(lease));
  }

  async beat(status: TaskStatus): Promise<void> {
    this.statuses.set(status.task, { ...status, counter: (this.statuses.get(status.task)?.counter ?? 0) + 1 });
  }

  async tasks(): Promise<readonly (TaskStatus & { readonly counter: number })[]> {
    return [...this.statuses.values()];
  }

  async forget(task: string): Promise<void> {
    this.statuses.delete(task);
    this.kicks.delete(task);
    this.shown.delete(task);
    for (const [name, seats] of this.taken) {
      for (const [id, seat] of seats) if (seat.task === task) seats.delete(id);
      if (seats.size === 0) this.taken.delete(name);
    }
  }

  async takeDuty(task: string, until: number): Promise<boolean> {
    if (this.duty && this.duty.task !== task && this.duty.until > this.clock.now()) return false;
    this.duty = { task, until };
    return true;
  }

  async sit(seat: Seat): Promise<void> {
    nested(this.taken, `${seat.kind} ${seat.name}`).set(`${seat.session} ${seat.task}`, seat);
  }

  async rise(seat: Seat): Promise<void> {
    removeNested(this.taken, `${seat.kind} ${seat.name}`, `${seat.session} ${seat.task}`);
  }

  async seats({ kind, name }: Pick<Seat, 'kind' | 'name'>): Promise<readonly Seat[]> {
    return inOrder(this.taken.get(`${kind} ${name}`));
  }

  async show(session: SessionRow): Promise<void> {
    nested(this.shown, session.task).set(session.id, session);
  }

  async hide({ task, id }: Pick<SessionRow, 'task' | 'id'>): Promise<void> {
    removeNested(this.shown, task, id);
  }

  async sessions(task: string): Promise<readonly SessionRow[]> {
    return inOrder(this.shown.get(task));
  }

  async kick({ task, id }: Pick<SessionRow, 'task' | 'id'>): Promise<void> {
    this.kicks.set(task, (this.kicks.get(task) ?? new Set()).add(id));
  }

  async takeKicks(task: string): Promise<readonly string[]> {
    const asked = [...(this.kicks.get(task) ?? [])];
    this.kicks.delete(task);
    return asked;
  }

  async addFailure(login: LoginPair, window: number): Promise<number> {
    const count = this.countOf(login) + 1;
    const name = pairName(login);
    this.failed.delete(name);
    this.failed.set(name, { count, until: this.clock.now() + window });
    if (this.failed.size > mostPairs) this.failed.delete(this.failed.keys().next().value as string);
    return count;
  }

  async failures(login: LoginPair): Promise<number> {
    return this.countOf(login);
  }

  private countOf(login: LoginPair): number {
    const known = this.failed.get(pairName(login));
    return known && known.until > this.clock.now() ? known.count : 0;
  }

  async clearFailures(login: LoginPair): Promise<void> {
    this.failed.delete(pairName(login));
  }
}

function leaseName({ client, port }: Pick<Lease, 'client' | 'port'>): string {
  return `${client} ${port}`;
}

function pairName({ user, address }: LoginPair): string {
  return `${user}\u0000${address}`;
}

function nested<T>(groups: Map<string, Map<string, T>>, name: string): Map<string, T> {
  const group = groups.get(name) ?? new Map<string, T>();
  groups.set(name, group);
  return group;
}

function removeNested<T>(groups: Map<string, Map<string, T>>, name: string, id: string): void {
  const group = groups.get(name);
  group?.delete(id);
  if (group?.size === 0) groups.delete(name);
}

function inOrder<T>(group: Map<string, T> | undefined): T[] {
  const rows = [...(group ?? [])].sort(([left], [right]) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
  return rows.slice(0, mostListed).map(([, row]) => row);
}
