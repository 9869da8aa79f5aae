/**
 * Things that are true only for a while and only while somebody keeps saying so: passive reservations, heartbeats of tasks, who is logged in where. In
 * memory for one process, shared for a fleet. Every read is strong, every write on which two tasks can race is one conditional write, and everything is
 * judged by its own expiry or by the heartbeat of its task: what is left over by a crash misleads nobody, and its removal is only tidiness.
 * All times are milliseconds since the epoch. Throws `Failure('store-unavailable')`.
 */
export interface LeaseStore {
  /**
   * On condition that nobody else has (client, port) now, nor had it until a moment ago (`cool`). True again for the same nonce: an answer may have been lost.
   * `instead`: nonce of an earlier lease of the same session, which this one replaces.
   */
  reserve(lease: Lease, instead?: string): Promise<boolean>;
  /** Undefined when there is none, or it has been released or has expired. */
  find(client: string, port: number): Promise<Lease | undefined>;
  /** Frees it if it is still this one. With `cool`, nobody finds it any more, and nobody gets the port for this client until then. */
  release(lease: Pick<Lease, 'client' | 'port' | 'nonce'>, cool?: number): Promise<void>;

  /** Adds one to the task's counter and stores what it says of itself. */
  beat(status: TaskStatus): Promise<void>;
  /** Every task's counter and status, as last written. */
  tasks(): Promise<readonly (TaskStatus & { readonly counter: number })[]>;
  /** Takes a dead task's row away, the kicks that it will not read, its sessions, and the seats of those. */
  forget(task: string): Promise<void>;

  /**
   * What one task is enough for: true for the task that has the duty until `until`, which is the one that had it already or the first to ask after the last
   * one's time was over.
   */
  takeDuty(task: string, until: number): Promise<boolean>;

  /** Written before the seats are counted: of two that take the last one at once, each sees the other. Twice is once. */
  sit(seat: Seat): Promise<void>;
  rise(seat: Seat): Promise<void>;
  /** At most 10,000, in byte order of session ids. Whoever counts leaves out those of dead tasks. */
  seats(of: Pick<Seat, 'kind' | 'name'>): Promise<readonly Seat[]>;

  /** For the fleet's list of sessions: replaces the row of this id. Only the session's own task writes it. */
  show(session: SessionRow): Promise<void>;
  hide(session: Pick<SessionRow, 'task' | 'id'>): Promise<void>;
  /** Of one task, in byte order of ids, at most 10,000. */
  sessions(task: string): Promise<readonly SessionRow[]>;

  /** Asks the task to end a session; it reads such requests with its heartbeat. */
  kick(session: Pick<SessionRow, 'task' | 'id'>): Promise<void>;
  /** The sessions to end, each told once. */
  takeKicks(task: string): Promise<readonly string[]>;

  /**
   * One more failed login. Returns how many there are now; none of them counts once `window` milliseconds have gone without another. Atomic: failures on
   * several tasks at once are all counted.
   */
  addFailure(login: LoginPair, window: number): Promise<number>;
  failures(login: LoginPair): Promise<number>;
  clearFailures(login: LoginPair): Promise<void>;
}

export interface Lease {
  /** Address of the client without `::ffff:`; `*`: a connection from any address on this port that has no lease of its own. */
  readonly client: string;
  readonly port: number;
  /** Task that owns the session. */
  readonly task: string;
  /** Where that task takes in connections that arrived elsewhere, `host:port`. Absent where they cannot. */
  readonly relay?: string;
  /** Proves that a connection handed over is meant for this lease. */
  readonly nonce: string;
  /** After it the lease is not found any more. */
  readonly expires: number;
  /** Until then nobody else gets the port for this client: what was sent for this lease may still arrive. Never before `expires`. */
  readonly cool: number;
}

export interface TaskStatus {
  readonly task: string;
  /** `host:port`, as in its leases. */
  readonly relay?: string;
  /** Its uploads from which no byte came for a while, by token; at most 100. */
  readonly silent: Readonly<Record<string, SilentStatus>>;
}

/** What another task needs to tell the size of a silent upload to its owner. */
export interface SilentStatus {
  readonly key: string;
  readonly user: string;
  /** Bytes. */
  readonly durable: number;
}

/** One of the sessions that a partner, or an address, may have at once over all tasks. */
export interface Seat {
  readonly kind: 'partner' | 'address';
  readonly name: string;
  readonly session: string;
  readonly task: string;
}

export interface SessionRow {
  readonly id: string;
  readonly task: string;
  readonly client: string;
  /** Absent before login. */
  readonly user?: string;
  readonly begun: number;
  readonly transfer?: { readonly verb: string; readonly path: string; readonly bytes: number; readonly begun: number };
}

export interface LoginPair {
  /** As it was sent, at most 64 characters. */
  readonly user: string;
  readonly address: string;
}
