import { Failure } from '../model/failure';
import type { UserSwitches } from '../model/user';
import type { Clock } from '../ports/clock';
import type { Reservation } from '../ports/data-sockets';
import type { Log } from '../ports/log';
import type { Metrics } from '../ports/metrics';
import type { DataChannel, DataTransfer } from '../session/channels';
import type { DataConnection } from './data-connection';
import { discard, receive, type TransferLoad } from './data-receive';
import { send } from './data-send';

/** One transfer: waits for its connection and handshake, asks who is there, moves the bytes, and lets nothing of it outlive a failure or an abort. */
export interface TransferOptions {
  readonly peerAddress: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly load: TransferLoad;
  /** Milliseconds. */
  readonly acceptTimeout: number;
  readonly handshakeTimeout: number;
  readonly stallTimeout: number;
}

/** One reservation and what came of it. */
export interface Slot {
  /** Address of a connection that was turned away meanwhile: what a client behind an address pool needs to be told. */
  stranger: string | undefined;
  readonly arrived: Promise<DataConnection>;
  reservation: Reservation | undefined;
  connection: DataConnection | undefined;
  /** The command it was for has been refused, and no other transfer has been asked for since. */
  inVain: boolean;
}

export function neverCame({ stranger }: Slot, { peerAddress, acceptTimeout }: TransferOptions): Failure {
  if (stranger) return new Failure('wrong-peer', `Data connection came from ${stranger}, control from ${peerAddress}.`);
  return new Failure('no-data-connection', `The client did not open the data connection within ${acceptTimeout / 1000} seconds.`);
}

export class Transfer implements DataTransfer {
  bytes = 0;
  end: DataTransfer['end'] = 'open';
  private readonly switches: UserSwitches;
  private begun = false;
  /** What we refused while the client was sending it. */
  private refused: Awaited<ReturnType<DataConnection['ready']>> | undefined;

  constructor(
    private readonly options: TransferOptions,
    private readonly slot: Slot,
    private readonly transfer: Parameters<DataChannel['open']>[0],
  ) {
    this.switches = transfer.switches;
    const { signal } = transfer;
    // Aborted already, the rules and the store refuse before they ask for a byte, and nothing below would ever run.
    if (signal.aborted) this.reset();
    else signal.addEventListener('abort', () => this.refused ?? this.reset(), { once: true });
  }

  readonly source = {
    deliver: async (accept: (bytes: Buffer) => boolean, ready: () => Promise<void>): Promise<void> => {
      await this.run(async (connection) => {
        const socket = await this.secured(connection);
        const { clock, stallTimeout, load, metrics } = this.options;
        const { switches } = this;
        const { signal } = this.transfer;
        const onBytes = (count: number) => this.note(count);
        const onTruncated = () => metrics.count('data.truncated');
        const orRefused = async () => {
          try {
            await ready();
          } catch (error) {
            if (!signal.aborted) this.refused = socket;
            throw error;
          }
        };
        this.end = socket
          ? await receive({ connection, socket, switches, clock, stallTimeout, load, signal, onBytes, onTruncated }, accept, orRefused)
          : 'unverified';
        if (this.end === 'unverified' && switches.endOfData !== 'off') this.warnOfEnd();
      });
    },
  };

  private warnOfEnd(): void {
    this.options.log.warn('data.unverified-end', {
      bytes: this.bytes,
      text: "the TLS stream ended without close_notify; let through by the partner's switches",
    });
  }

  async send(chunks: AsyncIterable<Buffer>): Promise<void> {
    await this.run(async (connection) => {
      connection.releaseTickets();
      const socket = await this.secured(connection);
      if (!socket) throw new Failure('cut', 'The data connection was closed before its TLS handshake.');
      const { clock, stallTimeout } = this.options;
      await send({ connection, socket, clock, stallTimeout, onBytes: (count) => this.note(count) }, chunks);
      this.end = 'verified';
    });
  }

  private note(count: number): void {
    this.bytes += count;
  }

  /** Waits for the connection, runs the transfer on it, and lets nothing of it outlive a failure or an abort. */
  private async run(work: (connection: DataConnection) => Promise<void>): Promise<void> {
    const { signal } = this.transfer;
    this.begun = true;
    const aborted = new Promise<never>((_, reject) => {
      if (signal.aborted) reject(signal.reason);
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    aborted.catch(() => undefined); // Raced below.
    try {
      const connection = await Promise.race([this.arrival(), aborted]);
      await Promise.race([this.count(work(connection)), aborted]);
    } catch (error) {
      if (this.refused && this.slot.connection) discard(this.slot.connection, this.refused, this.options.clock);
      else this.reset();
      throw signal.aborted ? signal.reason : error;
    }
  }

  private async count(work: Promise<void>): Promise<void> {
    const { load } = this.options;
    load.running++;
    try {
      await work;
    } finally {
      load.running--;
    }
  }

  private async arrival(): Promise<DataConnection> {
    const { clock, acceptTimeout } = this.options;
    const done = new AbortController();
    try {
      return await Promise.race([
        this.slot.arrived,
        // An abort wins elsewhere; this wait must not outlive it.
        clock.sleep(acceptTimeout, AbortSignal.any([done.signal, this.transfer.signal])).then(() => {
          throw neverCame(this.slot, this.options);
        }),
      ]);
    } finally {
      done.abort();
    }
  }

  /** The socket with its handshake done and its peer proven; undefined: an empty file from a client that never began TLS, where that is allowed. */
  private async secured(connection: DataConnection): Promise<Awaited<ReturnType<DataConnection['ready']>> | undefined> {
    const { protection, signal } = this.transfer;
    const { allowEmptyWithoutTls, dataTlsReuse, dataPeer } = this.switches;
    let socket: Awaited<ReturnType<DataConnection['ready']>>;
    try {
      socket = await connection.ready(protection === 'private', signal);
    } catch (error) {
      if (!(error instanceof Failure) || error.kind !== 'cut') throw error;
      const receiving = this.transfer.direction === 'receive';
      if (allowEmptyWithoutTls && receiving) return undefined;
      const remedy = ' If this client sends empty files so, set allowEmptyWithoutTls for this account.';
      // A task that is killed while it relays ends the connection just like that: the client shall try again.
      const kind = connection.relayed ? 'no-data-connection' : 'data-tls';
      throw new Failure(kind, error.message + (receiving ? remedy : ''), { cause: error });
    }
    if (protection === 'private') {
      this.options.metrics.count(connection.resumed ? 'data.reused' : 'data.full-handshake');
      if (dataTlsReuse === 'require' && !connection.resumed) {
        throw new Failure('data-not-resumed', 'Data connection must reuse the TLS session of the control connection.');
      }
    }
    const elsewhere = connection.address !== this.options.peerAddress;
    if (elsewhere && !(dataPeer === 'session' && connection.resumed)) {
      throw new Failure('wrong-peer', `Data connection came from ${connection.address}, control from ${this.options.peerAddress}.`);
    }
    return socket;
  }

  /** Its client would wait on a connection that nobody serves. */
  forsake(): void {
    if (!this.begun) this.reset();
  }

  private reset(): void {
    this.slot.reservation?.release();
    this.slot.reservation = undefined;
    const { connection } = this.slot;
    if (connection) connection.reset();
    else this.slot.arrived.then((late) => late.reset()).catch(() => undefined); // It never came: nothing to reset.
  }
}
