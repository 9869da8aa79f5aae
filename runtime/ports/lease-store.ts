/**
 * Things that are true only for a while and only while somebody keeps saying so: passive reservations, heartbeats of tasks. In memory for one process,
 * shared for a fleet. A lease is valid by its own expiry.
 */
export interface LeaseStore {
  /** Conditional on nobody else holding (client, port) now. */
  reserve(lease: Lease): Promise<boolean>;
  /** Strong. Undefined when there is none or it has expired. */
  find(client: string, port: number): Promise<Lease | undefined>;
  /** Frees it if it is still this one. */
  release(lease: Pick<Lease, 'client' | 'port' | 'nonce'>): Promise<void>;

  /** Adds one to the task's counter and stores what it says of itself. */
  beat(task: TaskStatus): Promise<void>;
  /** Every task's counter and status, as last written. */
  tasks(): Promise<readonly (TaskStatus & { readonly counter: number })[]>;
  /** Takes a dead task's row away. */
  forget(task: string): Promise<void>;
}

export interface Lease {
  /** Address of the client without `::ffff:`. */
  readonly client: string;
  readonly port: number;
  /** Task that owns the session. */
  readonly task: string;
  /** Proves that a connection handed over is meant for this lease. */
  readonly nonce: string;
  /** Milliseconds since the epoch. */
  readonly expires: number;
}

export interface TaskStatus {
  readonly task: string;
  /** Tokens of its uploads from which no byte came for a while. */
  readonly silent: readonly string[];
}
