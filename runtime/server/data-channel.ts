import type { Socket } from 'node:net';
import { Failure } from '../model/failure';
import type { DataSockets } from '../ports/data-sockets';
import type { DataChannel, DataTransfer, Protection } from '../session/channels';
import { DataConnection } from './data-connection';
import { neverCame, type Slot, Transfer, type TransferOptions } from './data-transfer';
import type { TlsIdentity } from './tls';

/** The data connections of one session: one reservation at a time, one connection from it, one transfer on that. */
export interface DataChannelOptions extends TransferOptions {
  readonly sockets: DataSockets;
  readonly identity: TlsIdentity;
  /** What PASV names. */
  readonly passiveAddress: string;
  /** Judge ends by the probe; see `end-of-data.ts`. */
  readonly probe: boolean;
  /** Milliseconds. */
  readonly keepAlive: number;
}

export class SessionDataChannel implements DataChannel {
  private slot: Slot | undefined;
  /** Taken by a transfer that has not begun: its command failed in between. */
  private taken: Transfer | undefined;
  private closes = 0;

  constructor(private readonly options: DataChannelOptions) {}

  async prepare({ user, protection, switches }: Parameters<DataChannel['prepare']>[0]): Promise<{ port: number; address: string }> {
    this.close();
    const { closes } = this;
    const { sockets, peerAddress, log } = this.options;
    let arrive: (connection: DataConnection) => void = () => undefined;
    let giveUp: (failure: Failure) => void = () => undefined;
    const slot: Slot = {
      stranger: undefined,
      arrived: new Promise((resolve, reject) => {
        arrive = resolve;
        giveUp = reject;
      }),
      reservation: undefined,
      connection: undefined,
      inVain: false,
    };
    slot.arrived.catch(() => undefined); // Nobody may be waiting for it yet.
    const reservation = await sockets.reserve({
      client: peerAddress,
      user,
      anyAddress: switches.dataPeer === 'session',
      session: this,
      onSocket: (raw, address, relayed = false) => {
        slot.reservation = undefined;
        if (slot.inVain) {
          raw.destroy();
          if (this.slot === slot) this.slot = undefined;
          return;
        }
        slot.connection = this.connect(raw, address, relayed, protection);
        arrive(slot.connection);
      },
      onStranger: (address) => {
        slot.stranger = address;
        log.warn('data.refused', { peer: address, text: `a data connection for ${peerAddress} came from another address` });
      },
      onExpired: () => {
        slot.reservation = undefined;
        giveUp(neverCame(slot, this.options));
        if (this.slot === slot) this.slot = undefined;
      },
    });
    if (!slot.connection) slot.reservation = reservation;
    this.slot = slot;
    // The session ended while the port was being reserved.
    if (this.closes !== closes) this.close();
    return { port: reservation.port, address: this.options.passiveAddress };
  }

  private connect(raw: Socket, address: string, relayed: boolean, protection: Protection): DataConnection {
    const { identity, clock, probe, handshakeTimeout, keepAlive } = this.options;
    const connection = new DataConnection({ raw, address, relayed, identity, clock, probe, handshakeTimeout, keepAlive });
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
    slot.inVain = false;
    this.taken = new Transfer(this.options, slot, transfer);
    return this.taken;
  }

  refuse(): void {
    const { slot } = this;
    if (!slot) return;
    // Its client may have made the connection before it sent the command, and we hear of the command first.
    slot.inVain = true;
    if (!slot.connection) return;
    slot.connection.raw.destroy();
    this.slot = undefined;
  }

  close(): void {
    const { slot, taken } = this;
    this.closes++;
    this.slot = undefined;
    this.taken = undefined;
    taken?.forsake();
    slot?.reservation?.release();
    slot?.connection?.raw.destroy();
  }
}
