import type { Socket } from 'node:net';
import type { Clock } from '../ports/clock';
import type { DataSockets, Reservation } from '../ports/data-sockets';
import type { LeaseStore } from '../ports/lease-store';
import { tellFailure } from './worker-calls';
import { type PipeEnd, type ToPrimary, type ToWorker, WorkerChannel } from './worker-channel';
import { answerLease } from './worker-leases';

/** The primary's side of one worker: what it has been given, and what is asked for it. */
export interface WorkerSlotOptions {
  readonly pipe: WorkerPipe;
  readonly clock: Clock;
  readonly dataSockets: DataSockets;
  readonly leases: LeaseStore;
  /** A control connection that it was given is closed, or it is gone with it. */
  readonly onClosed: (address: string) => void;
  /** It asks for an upload of another worker to be put aside. */
  readonly park: (task: string, token: string, durable: number) => Promise<boolean>;
  readonly onExit: () => void;
}

/** The process of a worker, as its parent holds it. */
export interface WorkerPipe extends PipeEnd {
  /** Under which it owns records; unlike any other process's, also of the same worker before. */
  readonly task: string;
  /** At once. */
  kill(): unknown;
}

/** Milliseconds. Whoever cannot put an upload aside in this time hangs, and its file is safe to go on with only when it is dead. */
const questionTimeout = 2_000;

export class WorkerSlot {
  readonly ready: Promise<void>;
  private becomeReady: () => void = () => undefined;
  private failReady: (error: Error) => void = () => undefined;
  private readonly channel: WorkerChannel<ToWorker, ToPrimary>;
  /** By the worker's own number; `released`: given back before the port was found. */
  private readonly reservations = new Map<number, Reservation | 'searching' | 'released'>();
  /** Control connections that it has, by address. */
  private readonly connections = new Map<string, number>();
  private readonly questions = new Map<number, (value: unknown) => void>();
  private lastQuestion = 0;
  private ours = 0;
  private started = false;
  private heard: number;

  constructor(private readonly options: WorkerSlotOptions) {
    this.ready = new Promise((resolve, reject) => {
      this.becomeReady = resolve;
      this.failReady = reject;
    });
    this.heard = options.clock.monotonic();
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

  get task(): string {
    return this.options.pipe.task;
  }

  /** When it last said anything, monotonic. */
  get heardAt(): number {
    return this.heard;
  }

  kill(): void {
    this.options.pipe.kill();
  }

  accept(socket: Socket, implicit: boolean, address: string): void {
    if (!this.channel.post({ kind: 'session', implicit, address }, socket, () => this.closed(address))) {
      this.options.onClosed(address);
      return;
    }
    this.ours++;
    this.connections.set(address, (this.connections.get(address) ?? 0) + 1);
  }

  private closed(address: string): void {
    const left = (this.connections.get(address) ?? 0) - 1;
    if (left < 0) return;
    if (left > 0) this.connections.set(address, left);
    else this.connections.delete(address);
    this.ours--;
    this.options.onClosed(address);
  }

  /** Resolves when this upload is put aside, or has moved on (false). A worker that does not answer is ended. */
  async park(token: string, durable: number): Promise<boolean> {
    return (
      (await this.question(
        (id) => ({ kind: 'park', id, token, durable }),
        () => this.kill(),
      )) === true
    );
  }

  /** Tokens of the uploads that it is receiving; undefined: it does not answer. */
  async uploads(): Promise<readonly string[] | undefined> {
    const said = await this.question((id) => ({ kind: 'uploads', id }));
    return Array.isArray(said) ? said : undefined;
  }

  private question(message: (id: number) => ToWorker, onLate: () => void = () => undefined): Promise<unknown> {
    return new Promise((resolve) => {
      const id = ++this.lastQuestion;
      const timer = this.options.clock.timer(questionTimeout, () => {
        this.questions.delete(id);
        onLate();
        resolve(undefined);
      });
      this.questions.set(id, (value) => {
        this.questions.delete(id);
        timer.cancel();
        resolve(value);
      });
      this.channel.post(message(id));
    });
  }

  drain(): void {
    this.channel.post({ kind: 'drain' });
  }

  private hear(message: ToPrimary): void {
    this.heard = this.options.clock.monotonic();
    switch (message.kind) {
      case 'ready':
        this.started = true;
        this.becomeReady();
        return;
      case 'closed':
        this.closed(message.address);
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
      case 'park':
        this.answer(message.id, this.options.park(message.task, message.token, message.durable));
        return;
      case 'said':
        this.questions.get(message.id)?.(message.value);
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
          this.channel.post({ kind: 'data', reservation, address }, socket, () => this.channel.post({ kind: 'expired', reservation }));
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
    for (const [address, count] of [...this.connections]) for (let each = 0; each < count; each++) this.closed(address);
    for (const settle of [...this.questions.values()]) settle(undefined);
    this.options.onExit();
  }
}
