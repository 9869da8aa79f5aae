import type { Socket } from 'node:net';
import { Failure } from '../model/failure';
import type { UserSwitches } from '../model/user';
import type { Clock } from '../ports/clock';
import type { DataSockets, Reservation } from '../ports/data-sockets';
import type { Log } from '../ports/log';
import type { Metrics } from '../ports/metrics';
import type { DataChannel, DataTransfer, Protection } from '../session/channels';
import { DataConnection } from './data-connection';
import { receive, type TransferLoad } from './data-receive';
import { send } from './data-send';
import type { TlsIdentity } from './tls';

/** The data connections of one session: one reservation at a time, one connection from it, one transfer on that. */
export interface DataChannelOptions {
  readonly sockets: DataSockets;
  readonly identity: TlsIdentity;
  readonly peerAddress: string;
  /** What PASV names. */
  readonly passiveAddress: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly load: TransferLoad;
  readonly probe: boolean;
  /** Milliseconds. */
  readonly acceptTimeout: number;
  readonly handshakeTimeout: number;
  readonly stallTimeout: number;
}

/** One reservation and what came of it. */
interface Slot {
  readonly protection: Protection;
  readonly arrived: Promise<DataConnection>;
  reservation: Reservation | undefined;
  connection: DataConnection | undefined;
}

export class SessionDataChannel implements DataChannel {
  private slot: Slot | undefined;

  constructor(private readonly options: DataChannelOptions) {}

  async prepare({ user, protection, switches }: Parameters<DataChannel['prepare']>[0]): Promise<{ port: number; address: string }> {
    this.close();
    const { sockets, peerAddress, log } = this.options;
    let arrive: (connection: DataConnection) => void = () => undefined;
    let giveUp: (failure: Failure) => void = () => undefined;
    const slot: Slot = {
      protection,
      arrived: new Promise((resolve, reject) => {
        arrive = resolve;
        giveUp = reject;
      }),
      reservation: undefined,
      connection: undefined,
    };
    slot.arrived.catch(() => undefined); // Nobody may be waiting for it yet.
    slot.reservation = await sockets.reserve({
      client: peerAddress,
      user,
      anyAddress: switches.dataPeer === 'session',
      onSocket: (raw, address) => {
        slot.reservation = undefined;
        slot.connection = this.connect(raw, address, protection);
        arrive(slot.connection);
      },
      onStranger: (address) =>
        log.warn('data.refused', { peer: address, text: `a data connection for ${peerAddress} came from another address` }),
      onExpired: () => {
        slot.reservation = undefined;
        giveUp(new Failure('no-data-connection', 'The client did not open the data connection in time.'));
        if (this.slot === slot) this.slot = undefined;
      },
    });
    this.slot = slot;
    return { port: slot.reservation?.port ?? 0, address: this.options.passiveAddress };
  }

  private connect(raw: Socket, address: string, protection: Protection): DataConnection {
    const { identity, clock, probe, handshakeTimeout } = this.options;
    const connection = new DataConnection({ raw, address, identity, clock, probe, handshakeTimeout });
    // An early ClientHello is served before any command has come.
    if (protection === 'private') connection.startTls();
    return connection;
  }

  get prepared(): boolean {
    return this.slot !== undefined;
  }

  open(transfer: Parameters<DataChannel['open']>[0]): DataTransfer {
    const { slot } = this;
    if (!slot) throw new Failure('no-data-connection', 'Use PASV or EPSV first.');
    this.slot = undefined;
    return new Transfer(this.options, slot, transfer);
  }

  refuse(): void {
    if (!this.slot?.connection) return;
    this.slot.connection.raw.destroy();
    this.slot = undefined;
  }

  close(): void {
    const { slot } = this;
    this.slot = undefined;
    slot?.reservation?.release();
    slot?.connection?.raw.destroy();
  }
}

class Transfer implements DataTransfer {
  bytes = 0;
  end: DataTransfer['end'] = 'open';
  private readonly switches: UserSwitches;

  constructor(
    private readonly options: DataChannelOptions,
    private readonly slot: Slot,
    private readonly transfer: Parameters<DataChannel['open']>[0],
  ) {
    this.switches = transfer.switches;
    transfer.signal.addEventListener('abort', () => this.reset(), { once: true });
  }

  readonly source = {
    deliver: async (accept: (bytes: Buffer) => boolean, ready: () => Promise<void>): Promise<void> => {
      await this.run(async (connection) => {
        const socket = await this.secured(connection);
        if (!socket) {
          this.end = 'verified';
          return;
        }
        const { clock, stallTimeout, load } = this.options;
        const { switches } = this;
        this.end = await receive(
          { connection, socket, switches, clock, stallTimeout, load, onBytes: (count) => this.note(count) },
          accept,
          ready,
        );
        if (this.end === 'unverified') {
          this.options.metrics.count('data.truncated');
          this.options.log.warn('data.unverified-end', {
            bytes: this.bytes,
            text: `the TLS stream ended without close_notify; let through by endOfData ${switches.endOfData}`,
          });
        }
      });
    },
  };

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
    const { load } = this.options;
    const { signal } = this.transfer;
    const aborted = new Promise<never>((_, reject) => {
      if (signal.aborted) reject(signal.reason);
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    aborted.catch(() => undefined); // Raced below.
    load.running++;
    try {
      const connection = await Promise.race([this.arrival(), aborted]);
      await Promise.race([work(connection), aborted]);
    } catch (error) {
      this.reset();
      throw signal.aborted ? signal.reason : error;
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
        clock.sleep(acceptTimeout, done.signal).then(() => {
          throw new Failure('no-data-connection', `The client did not open the data connection within ${acceptTimeout / 1000} seconds.`);
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
      if (error instanceof Failure && error.kind === 'cut' && allowEmptyWithoutTls && this.transfer.direction === 'receive')
        return undefined;
      throw error instanceof Failure && error.kind === 'cut' ? new Failure('data-tls', error.message, { cause: error }) : error;
    }
    if (protection === 'private') {
      this.options.metrics.count(connection.resumed ? 'data.reused' : 'data.full-handshake');
      if (dataTlsReuse === 'require' && !connection.resumed) {
        throw new Failure('data-not-resumed', 'Data connection must reuse the TLS session of the control connection.');
      }
    }
    const elsewhere = connection.address !== this.options.peerAddress;
    if (elsewhere && !(dataPeer === 'session' && connection.resumed)) {
      throw new Failure('wrong-peer', 'The data connection came from another address and did not prove that it belongs to this session.');
    }
    return socket;
  }

  private reset(): void {
    this.slot.reservation?.release();
    this.slot.reservation = undefined;
    const { connection } = this.slot;
    if (connection) connection.reset();
    else this.slot.arrived.then((late) => late.reset()).catch(() => undefined); // It never came: nothing to reset.
  }
}
