import type { Socket } from 'node:net';
import { stripMapped } from '../model/client-address';
import type { Clock, Timer } from '../ports/clock';
import type { DataSockets } from '../ports/data-sockets';
import type { LeaseStore } from '../ports/lease-store';
import type { Log } from '../ports/log';
import { type WorkerPipe, WorkerSlot } from './worker-slot';

/**
 * Many cores on one server: the primary accepts and the workers work. Each control connection goes to the worker with the fewest, each data connection to the
 * one whose session reserved it. A worker that dies takes its sessions with it and is started again.
 */
export interface WorkersOptions {
  readonly count: number;
  /** Starts the process of one worker. */
  readonly start: (index: number) => WorkerPipe;
  /** Those of the primary: its passive ports. */
  readonly dataSockets: DataSockets;
  readonly leases: LeaseStore;
  readonly clock: Clock;
  readonly log: Log;
  /** It is dead for certain: what it left can be carried on at once. Not called for one that was told to stop. */
  readonly onLost: (index: number, task: string) => void;
  /** Once for each connection that was handed over, or could not be. */
  readonly onClosed?: (address: string) => void;
  /** Milliseconds without a word after which a worker hangs, and is ended. */
  readonly deadAfter: number;
}

const startTimeout = 30_000;
const shortestPause = 1_000;
const longestPause = 30_000;
/** Milliseconds. A worker beats every second; one that has missed some may hang, and what it is given then waits until it is ended. */
const lately = 3_000;
/** A worker that ran this long was not broken from the start. */
const goodRun = 60_000;

export class Workers {
  private readonly slots: (WorkerSlot | undefined)[] = [];
  private readonly restarts = new Set<Timer>();
  private pauses: number[] = [];
  private stopping = false;
  private onGone: (() => void) | undefined;
  private watch: Timer | undefined;

  constructor(private readonly options: WorkersOptions) {}

  /** Resolves when all are ready; throws when one is not within half a minute. */
  async start(): Promise<void> {
    const { count, clock } = this.options;
    this.pauses = Array<number>(count).fill(shortestPause);
    const timeout = new AbortController();
    const late = clock.sleep(startTimeout, timeout.signal).then(() => {
      throw new Error(`The workers were not ready within ${startTimeout / 1_000} seconds.`);
    });
    late.catch(() => undefined); // Ended below: all were ready.
    try {
      await Promise.race([Promise.all(Array.from({ length: count }, (_, index) => this.open(index).ready)), late]);
    } finally {
      timeout.abort(new Error('all are ready'));
    }
    this.watchOver();
  }

  /** A process that hangs answers nobody and holds its clients; one that is dead is started again. */
  private watchOver(): void {
    const { clock, log, deadAfter } = this.options;
    this.watch = clock.timer(deadAfter / 4, () => {
      for (const slot of this.running) {
        if (!slot.isReady || clock.monotonic() - slot.heardAt < deadAfter) continue;
        log.error('server.warning', { text: `a worker has said nothing for ${deadAfter / 1_000} seconds and is ended` });
        slot.kill();
      }
      if (!this.stopping) this.watchOver();
    });
  }

  private open(index: number): WorkerSlot {
    const { start, dataSockets, leases, clock } = this.options;
    const since = clock.monotonic();
    const pipe = start(index);
    const slot = new WorkerSlot({
      pipe,
      clock,
      dataSockets,
      leases,
      onClosed: (address) => this.options.onClosed?.(address),
      park: (task, token, durable) => this.park(task, token, durable),
      onExit: () => this.lose(index, pipe.task, clock.monotonic() - since),
    });
    this.slots[index] = slot;
    return slot;
  }

  /** One that is gone has nothing open any more, and its records are being put aside: whoever asks has to ask again. */
  private async park(task: string, token: string, durable: number): Promise<boolean> {
    return (await this.running.find((slot) => slot.task === task)?.park(token, durable)) ?? false;
  }

  /** Tokens of all uploads that workers are receiving; undefined: not all of them answer. */
  async uploads(): Promise<ReadonlySet<string> | undefined> {
    const all = await Promise.all(this.running.map((slot) => slot.uploads()));
    return all.every((tokens) => tokens !== undefined) ? new Set(all.flat()) : undefined;
  }

  private lose(index: number, task: string, ranFor: number): void {
    const { clock, log, onLost } = this.options;
    this.slots[index] = undefined;
    if (this.stopping) {
      if (this.running.length === 0) this.onGone?.();
      return;
    }
    const pause = ranFor >= goodRun ? shortestPause : (this.pauses[index] as number);
    this.pauses[index] = Math.min(longestPause, pause * 2);
    log.error('server.warning', { text: `worker ${index} is gone; it is started again in ${pause / 1_000} s` });
    onLost(index, task);
    const timer = clock.timer(pause, () => {
      this.restarts.delete(timer);
      // Not ready in time or gone again: told when it is lost.
      this.open(index).ready.catch(() => undefined);
    });
    this.restarts.add(timer);
  }

  /** Hands over a control connection from which nothing has been read. */
  accept(socket: Socket, implicit: boolean, address = stripMapped(socket.remoteAddress ?? '')): void {
    const ready = this.running.filter(({ isReady }) => isReady);
    const lively = ready.filter(({ heardAt }) => this.options.clock.monotonic() - heardAt < lately);
    const least = (lively.length > 0 ? lively : ready).reduce<WorkerSlot | undefined>(
      (best, slot) => (best && best.sessions <= slot.sessions ? best : slot),
      undefined,
    );
    if (!least) {
      this.options.log.warn('session.refused', { peer: address, text: 'no worker is ready' });
      socket.destroy();
      this.options.onClosed?.(address);
      return;
    }
    least.accept(socket, implicit, address);
  }

  private get running(): WorkerSlot[] {
    return this.slots.filter((slot) => slot !== undefined);
  }

  /** Sessions by worker; undefined: it is not running. */
  get load(): readonly (number | undefined)[] {
    return this.slots.map((slot) => slot?.sessions);
  }

  /** Tells all to finish what they do, and resolves when they have ended; rejects with the signal's reason. */
  drain(signal: AbortSignal): Promise<void> {
    this.stopping = true;
    this.watch?.cancel();
    for (const timer of this.restarts) timer.cancel();
    for (const slot of this.running) slot.drain();
    return new Promise((resolve, reject) => {
      if (this.running.length === 0) return resolve();
      this.onGone = resolve;
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  }
}
