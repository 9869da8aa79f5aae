import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Failure } from '../../model/failure';
import type { LeaseStore, SessionRow, TaskStatus } from '../../ports/lease-store';
import { damageOf } from './damage';
import { Environment, type Headroom } from './environment';

/**
 * Leases of a server whose command line runs beside it, in a process of its own. What that one reads and writes (heartbeats, sessions, kicks) lies in an
 * LMDB environment; what only the server itself asks (reservations, seats, failed logins) stays in its memory, so that a passive port costs no write and
 * a seat can outlive nobody.
 *
 * The environment is never flushed: its rows are true only while the server runs. After a crash of the machine it may be torn, so it is thrown away when the
 * machine has started since.
 */
type Local = Pick<
  LeaseStore,
  'reserve' | 'find' | 'release' | 'takeDuty' | 'sit' | 'rise' | 'seats' | 'addFailure' | 'failures' | 'clearFailures' | 'forget'
>;

const leasesHeadroom: Headroom = { wanted: 4 * 1024 * 1024, low: 1024 * 1024, least: 512 * 1024 };
const mostListed = 10_000;
const mostKicks = 1_000;

/** @param bootId Changes when the machine starts; undefined where the system does not tell, and then every start of the server counts as one. */
export function openLeases(folder: string, origin: string, owner: 'server' | 'beside it', bootId: string | undefined): Environment {
  const note = path.join(folder, 'boot-id');
  const unknown = bootId === undefined;
  const worthless = unknown ? owner === 'server' : readNote(note) !== bootId;
  if (worthless || (owner === 'server' && damageOf(folder) !== undefined)) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // Before the environment is there: whoever comes next must not throw away one that is in use.
    writeFileSync(note, bootId ?? '', { mode: 0o600 });
  }
  const environment = new Environment(folder, origin, leasesHeadroom, false);
  // The folder is one server's: what is in it was left by one that is gone.
  if (owner === 'server') environment.db.clearSync();
  return environment;
}

function readNote(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export class LmdbLeaseStore implements LeaseStore {
  readonly reserve: LeaseStore['reserve'];
  readonly find: LeaseStore['find'];
  readonly release: LeaseStore['release'];
  readonly takeDuty: LeaseStore['takeDuty'];
  readonly sit: LeaseStore['sit'];
  readonly rise: LeaseStore['rise'];
  readonly seats: LeaseStore['seats'];
  readonly addFailure: LeaseStore['addFailure'];
  readonly failures: LeaseStore['failures'];
  readonly clearFailures: LeaseStore['clearFailures'];

  constructor(
    private readonly environment: Environment,
    private readonly local: Local,
  ) {
    this.reserve = (lease, instead) => local.reserve(lease, instead);
    this.find = (client, port) => local.find(client, port);
    this.release = (lease, cool) => local.release(lease, cool);
    this.takeDuty = (task, until) => local.takeDuty(task, until);
    this.sit = (seat) => local.sit(seat);
    this.rise = (seat) => local.rise(seat);
    this.seats = (of) => local.seats(of);
    this.addFailure = (login, window) => local.addFailure(login, window);
    this.failures = (login) => local.failures(login);
    this.clearFailures = (login) => local.clearFailures(login);
  }

  beat(status: TaskStatus): Promise<void> {
    return this.change(() => {
      const { db } = this.environment;
      const key = taskKey(status.task);
      const counter = (db.get(key)?.v as { counter: number } | undefined)?.counter ?? 0;
      this.put(key, { ...status, counter: counter + 1 });
    });
  }

  async tasks(): Promise<readonly (TaskStatus & { readonly counter: number })[]> {
    return this.values(prefixes.task, mostListed);
  }

  async forget(task: string): Promise<void> {
    await this.local.forget(task);
    await this.change(() => {
      this.removeBelow(sessionsOf(task));
      this.removeBelow(kicksOf(task));
      this.environment.db.removeSync(taskKey(task));
    });
  }

  show(session: SessionRow): Promise<void> {
    return this.change(() => this.put(sessionKey(session), session));
  }

  hide(session: Pick<SessionRow, 'task' | 'id'>): Promise<void> {
    return this.change(() => void this.environment.db.removeSync(sessionKey(session)));
  }

  async sessions(task: string): Promise<readonly SessionRow[]> {
    return this.values(sessionsOf(task), mostListed);
  }

  kick({ task, id }: Pick<SessionRow, 'task' | 'id'>): Promise<void> {
    return this.change(() => this.put(Buffer.concat([kicksOf(task), Buffer.from(id)]), id));
  }

  /** Most of the time there is none, and then nothing is written. */
  async takeKicks(task: string): Promise<readonly string[]> {
    if (this.values(kicksOf(task), 1).length === 0) return [];
    let taken: readonly string[] = [];
    await this.change(() => {
      taken = this.values(kicksOf(task), mostKicks);
      for (const id of taken) this.environment.db.removeSync(Buffer.concat([kicksOf(task), Buffer.from(id)]));
    });
    return taken;
  }

  private put(key: Buffer, value: unknown): void {
    this.environment.db.putSync(key, { r: '', v: value });
  }

  private values<T>(prefix: Buffer, limit: number): T[] {
    const range = this.environment.db.getRange({ start: prefix, end: endOf(prefix), limit });
    return [...range].map(({ value }) => value.v as T);
  }

  private removeBelow(prefix: Buffer): void {
    const { db } = this.environment;
    for (const key of [...db.getKeys({ start: prefix, end: endOf(prefix) })]) db.removeSync(key);
  }

  /** Read and written in one transaction: the other process may write at the same time. */
  private async change(work: () => void): Promise<void> {
    try {
      await this.environment.write(1, true, () => this.environment.db.childTransaction(work));
    } catch (cause) {
      throw new Failure('store-unavailable', 'The list of sessions is not available.', { cause });
    }
  }
}

const prefixes = { task: Buffer.from('t'), session: Buffer.from('s'), kick: Buffer.from('k') } as const;
const separator = Buffer.from([0]);
const taskKey = (task: string): Buffer => Buffer.concat([prefixes.task, Buffer.from(task)]);
const sessionsOf = (task: string): Buffer => Buffer.concat([prefixes.session, Buffer.from(task), separator]);
const kicksOf = (task: string): Buffer => Buffer.concat([prefixes.kick, Buffer.from(task), separator]);
const sessionKey = ({ task, id }: Pick<SessionRow, 'task' | 'id'>): Buffer => Buffer.concat([sessionsOf(task), Buffer.from(id)]);

/** Behind all keys that begin so: no prefix ends with 0xff. */
function endOf(prefix: Buffer): Buffer {
  const end = Buffer.from(prefix);
  end[end.length - 1] = (end[end.length - 1] as number) + 1;
  return end;
}
