import type { Socket } from 'node:net';

/** How a session gets its data connection, wherever it arrives. `routing` implements it; it hands over raw sockets before any byte is read. */
export interface DataSockets {
  /**
   * Reserves a passive port for one connection from `client`. `onSocket` gets it, paused, nothing read. Throws `Failure('no-data-connection')` when no
   * port is free for this client, or the user holds too many reservations at once.
   */
  reserve(request: DataRequest): Promise<Reservation>;
}

export interface DataRequest {
  /** Address of the control connection's peer. */
  readonly client: string;
  readonly user: string;
  /** A connection from another address is handed over too: the session proves it by TLS resumption (`dataPeer: session`). */
  readonly anyAddress: boolean;
  /** The session, by identity: what it has reserved in vain it may reserve again. */
  readonly session?: object;
  /** `relayed`: another task took it in; that task's death ends it without a word. */
  readonly onSocket: (socket: Socket, address: string, relayed?: boolean) => void;
  /** A connection from a wrong address was dropped. */
  readonly onStranger: (address: string) => void;
  readonly onExpired: () => void;
}

export interface Reservation {
  readonly port: number;
  release(): void;
}
