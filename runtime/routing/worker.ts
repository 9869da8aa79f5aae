import type { Socket } from 'node:net';
import type { Clock } from '../ports/clock';
import type { DataRequest, DataSockets, Reservation } from '../ports/data-sockets';
import type { LeaseStore } from '../ports/lease-store';
import { WorkerCalls } from './worker-calls';
import { type PipeEnd, type ToPrimary, type ToWorker, WorkerChannel } from './worker-channel';
import { workerLeases } from './worker-leases';

/** A worker's side of the pipe: control connections come in, data connections are asked for, and both arrive as if this process had accepted them. */
export interface WorkerOptions {
  readonly pipe: PipeEnd;
  readonly clock: Clock;
  readonly onSession: (socket: Socket, implicit: boolean, address: string) => void;
  /** Another worker's session goes on with an upload of ours: puts it aside at exactly this size, or says that it has moved on. */
  readonly onPark: (token: string, durable: number) => Promise<boolean>;
  /** Tokens of the uploads that this worker is receiving. */
  readonly uploads: () => readonly string[];
  /** The primary wants to go down, or is gone: nothing new will come. */
  readonly onDrain: () => void;
}

export class Worker implements DataSockets {
  readonly leases: LeaseStore;
  private readonly channel: WorkerChannel<ToPrimary, ToWorker>;
  private readonly calls: WorkerCalls;
  private readonly requests = new Map<number, DataRequest>();
  private last = 0;

  constructor(private readonly options: WorkerOptions) {
    this.calls = new WorkerCalls(options.clock);
    this.channel = new WorkerChannel(
      options.pipe,
      (message, socket) => this.hear(message, socket),
      () => {
        this.calls.close();
        options.onDrain();
      },
    );
    this.leases = workerLeases((method, given) => this.calls.ask((id) => this.channel.post({ kind: 'lease', id, method, given })));
  }

  /** Everything is open: connections may come. */
  ready(): void {
    this.channel.post({ kind: 'ready' });
  }

  /** Has another worker put aside an upload of its own. Throws `Failure('store-unavailable')`. */
  async park(task: string, token: string, durable: number): Promise<boolean> {
    return (await this.calls.ask((id) => this.channel.post({ kind: 'park', id, task, token, durable }))) === true;
  }

  async reserve(request: DataRequest): Promise<Reservation> {
    // Numbered here, because the connection may be there before the answer is.
    const reservation = ++this.last;
    this.requests.set(reservation, request);
    const { client, user, anyAddress } = request;
    const asked = this.calls.ask((id) => this.channel.post({ kind: 'reserve', id, reservation, client, user, anyAddress }));
    try {
      return { port: (await asked) as number, release: () => this.release(reservation) };
    } catch (error) {
      this.release(reservation);
      throw error;
    }
  }

  private release(reservation: number): void {
    if (this.requests.delete(reservation)) this.channel.post({ kind: 'release', reservation });
  }

  private hear(message: ToWorker, socket: Socket | undefined): void {
    if (socket) {
      // A socket that comes over a pipe reads by itself; its owner decides when.
      socket.pause();
      socket.on('error', () => socket.destroy());
    }
    switch (message.kind) {
      case 'session':
        this.acceptSession(socket, message.implicit, message.address);
        return;
      case 'data':
        this.acceptData(socket, message.reservation, message.address);
        return;
      case 'stranger':
        this.requests.get(message.reservation)?.onStranger(message.address);
        return;
      case 'expired':
        this.take(message.reservation)?.onExpired();
        return;
      case 'answer':
        this.calls.settle(message.id, message.value, message.failure);
        return;
      case 'park':
        this.answerPark(message.id, this.options.onPark(message.token, message.durable));
        return;
      case 'uploads':
        this.channel.post({ kind: 'said', id: message.id, value: this.options.uploads() });
        return;
      case 'drain':
        this.options.onDrain();
        return;
    }
  }

  private answerPark(id: number, parked: Promise<boolean>): void {
    // One that fails to is no different from one that moves on: whoever asked is told to ask for the size again.
    void parked.catch(() => false).then((done) => this.channel.post({ kind: 'said', id, value: done }));
  }

  private acceptSession(socket: Socket | undefined, implicit: boolean, address: string): void {
    const closed = () => {
      this.channel.post({ kind: 'closed', address });
    };
    // Its client may have gone while it was handed over: then there is no socket, and the primary still counts it.
    if (!socket) {
      closed();
      return;
    }
    socket.once('close', closed);
    this.options.onSession(socket, implicit, address);
  }

  private acceptData(socket: Socket | undefined, reservation: number, address: string): void {
    const request = this.take(reservation);
    // Released while it was on its way.
    if (!request) socket?.destroy();
    else if (socket) request.onSocket(socket, address);
    // Its client has gone: for the session it never came.
    else request.onExpired();
  }

  private take(reservation: number): DataRequest | undefined {
    const request = this.requests.get(reservation);
    this.requests.delete(reservation);
    return request;
  }
}
