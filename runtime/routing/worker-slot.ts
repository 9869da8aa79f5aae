import type { Socket } from 'node:net';
import type { DataSockets, Reservation } from '../ports/data-sockets';
import type { LeaseStore } from '../ports/lease-store';
import { tellFailure } from './worker-calls';
import { type PipeEnd, type ToPrimary, type ToWorker, WorkerChannel } from './worker-channel';
import { answerLease } from './worker-leases';

/** The primary's side of one worker: what it has been given, and what is asked for it. */
export interface WorkerSlotOptions {
  readonly pipe: PipeEnd;
  readonly dataSockets: DataSockets;
  readonly leases: LeaseStore;
  readonly onExit: () => void;
}

export class WorkerSlot {
  readonly ready: Promise<void>;
  private becomeReady: () => void = () => undefined;
  private failReady: (error: Error) => void = () => undefined;
  private readonly channel: WorkerChannel<ToWorker, ToPrimary>;
  /** By the worker's own number; `released`: given back before the port was found. */
  private readonly reservations = new Map<number, Reservation | 'searching' | 'released'>();
  private ours = 0;
  private started = false;

  constructor(private readonly options: WorkerSlotOptions) {
    this.ready = new Promise((resolve, reject) => {
      this.becomeReady = resolve;
      this.failReady = reject;
    });
    this.channel = new WorkerChannel(
      options.pipe,
      (message) => this.hear(message),
      () => this.exit(),
    );
  }

  get sessions(): number {
    return this.ours;
  }

  get isReady(): boolean {
    return this.started;
  }

  accept(socket: Socket, implicit: boolean, address: string): void {
    if (this.channel.post({ kind: 'session', implicit, address }, socket)) this.ours++;
  }

  drain(): void {
    this.channel.post({ kind: 'drain' });
  }

  private hear(message: ToPrimary): void {
    switch (message.kind) {
      case 'ready':
        this.started = true;
        this.becomeReady();
        return;
      case 'closed':
        this.ours = Math.max(0, this.ours - 1);
        return;
      case 'lease':
        this.answer(message.id, answerLease(this.options.leases, message.method, message.given));
        return;
      case 'reserve':
        this.answer(message.id, this.reserve(message));
        return;
      case 'release':
        this.release(message.reservation);
        return;
    }
  }

  private answer(id: number, work: Promise<unknown>): void {
    work.then(
      (value) => this.channel.post({ kind: 'answer', id, value }),
      (error: unknown) => this.channel.post({ kind: 'answer', id, failure: tellFailure(error) }),
    );
  }

  private async reserve({ reservation, client, user, anyAddress }: Extract<ToPrimary, { kind: 'reserve' }>): Promise<number> {
    this.reservations.set(reservation, 'searching');
    try {
      const got = await this.options.dataSockets.reserve({
        client,
        user,
        anyAddress,
        onSocket: (socket, address) => {
          this.reservations.delete(reservation);
          this.channel.post({ kind: 'data', reservation, address }, socket);
        },
        onStranger: (address) => this.channel.post({ kind: 'stranger', reservation, address }),
        onExpired: () => {
          this.reservations.delete(reservation);
          this.channel.post({ kind: 'expired', reservation });
        },
      });
      const state = this.reservations.get(reservation);
      if (state === 'searching') this.reservations.set(reservation, got);
      if (state === 'released') {
        this.reservations.delete(reservation);
        got.release();
      }
      return got.port;
    } catch (error) {
      this.reservations.delete(reservation);
      throw error;
    }
  }

  private release(reservation: number): void {
    const held = this.reservations.get(reservation);
    if (held === undefined) return;
    if (typeof held === 'string') this.reservations.set(reservation, 'released');
    else {
      this.reservations.delete(reservation);
      held.release();
    }
  }

  private exit(): void {
    this.started = false;
    this.failReady(new Error('A worker ended before it was ready.'));
    for (const reservation of [...this.reservations.keys()]) this.release(reservation);
    this.options.onExit();
  }
}
