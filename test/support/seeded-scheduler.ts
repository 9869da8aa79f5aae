import { Failure } from '../../runtime/model/failure';
import type { Clock, Timer } from '../../runtime/ports/clock';
import type { TestStores } from './filesystem';
import { seededRandom } from './seeded-random';
import { wrapPorts } from './wrapped-ports';

/**
 * Runs several sessions, sweepers and outsiders in one order out of the many that are possible, chosen by a seed: every call of a port waits until it is its
 * turn, and then its effect happens alone. The same seed gives the same order, so what was found once can be looked at again.
 */
export interface SchedulerOptions {
  readonly seed: number;
  /** Share of calls that fail, or whose answer is lost though their effect happened. */
  readonly faults?: number;
  /** Share of turns at which time goes on although somebody could do something. */
  readonly haste?: number;
  /** Share of turns at which whoever had the last one has the next. */
  readonly stickiness?: number;
  /** After each effect: what must always hold. */
  readonly onStep?: () => void;
  /** More steps than any run needs: somebody waits for something that never comes. */
  readonly most?: number;
}

interface Point {
  readonly process: SimulatedProcess;
  /** Who asks: a session, a sweeper. */
  readonly actor: string;
  readonly name: string;
  /** Undefined: only a turn is waited for. */
  readonly effect: (() => Promise<unknown>) | undefined;
  readonly answer: (value: unknown) => void;
  readonly fail: (error: unknown) => void;
}

export class SeededScheduler {
  readonly random: () => number;
  steps = 0;
  readonly trace: string[] = [];
  private readonly waiting: Point[] = [];
  private readonly time = new Timeline();
  private last = '';

  private faults: number;
  private crashing = false;

  constructor(private readonly options: SchedulerOptions) {
    this.faults = options.faults ?? 0;
    this.random = seededRandom(options.seed);
  }

  stopFaults(): void {
    this.faults = 0;
  }

  /** A whole number below `below`. */
  pick(below: number): number {
    return Math.floor(this.random() * below);
  }

  chance(share: number): boolean {
    return this.random() < share;
  }

  process(name: string, faulty = true): SimulatedProcess {
    return new SimulatedProcess(name, this, this.time, faulty);
  }

  wait(point: Point): void {
    this.waiting.push(point);
  }

  /** Calls of a dead process are never answered; an effect that was on its way may still have happened. */
  async crash(process: SimulatedProcess): Promise<void> {
    process.alive = false;
    this.crashing = true;
    this.time.forget(process);
    const lost = this.waiting.filter((point) => point.process === process);
    for (const point of lost) {
      this.waiting.splice(this.waiting.indexOf(point), 1);
      if (!this.chance(0.5)) continue;
      this.trace.push(`${point.actor}: ${point.name} (crashed after)`);
      // Its caller is dead: whether it was refused concerns nobody.
      await point.effect?.().catch(() => undefined);
      this.options.onStep?.();
    }
    this.crashing = false;
    process.died();
  }

  /** Until all of this is done. */
  async run(work: readonly Promise<unknown>[]): Promise<void> {
    let done = 0;
    let failed: unknown;
    for (const one of work)
      one.then(
        () => done++,
        (error: unknown) => {
          failed ??= error;
          done++;
        },
      );
    await turn();
    while (done < work.length && failed === undefined) await this.step();
    if (failed !== undefined) throw failed;
  }

  /** Lets time pass, and whatever falls due happen. */
  async pass(milliseconds: number): Promise<void> {
    const until = this.time.elapsed + milliseconds;
    await turn();
    while (this.waiting.length > 0 || this.time.hasDue(until)) await this.step();
    this.time.skip(until);
  }

  private async step(): Promise<void> {
    if (++this.steps > (this.options.most ?? 20_000)) throw new Error(`not done after ${this.steps} steps: ${this.trace.slice(-20)}`);
    while (this.crashing) await turn();
    const { haste = 0.02 } = this.options;
    if (this.waiting.length === 0 || this.chance(haste)) {
      if (!this.time.next() && this.waiting.length === 0) throw new Error(`everybody waits: ${this.trace.slice(-20)}`);
      await turn();
      return;
    }
    const point = this.choose();
    this.last = point.actor;
    const fault =
      point.effect && point.process.faulty && this.chance(this.faults) ? (this.chance(0.5) ? 'error' : 'answer lost') : undefined;
    this.trace.push(`${point.actor}: ${point.name}${fault ? ` (${fault})` : ''}`);
    const unknown = () => new Failure('store-unavailable', 'Storage is not available; try again later.');
    try {
      const answer = fault === 'error' ? undefined : await point.effect?.();
      if (fault) point.fail(unknown());
      else point.answer(answer);
    } catch (error) {
      point.fail(fault ? unknown() : error);
    }
    this.options.onStep?.();
    await turn();
  }

  private choose(): Point {
    const mine = this.waiting.filter((point) => point.actor === this.last);
    const among = mine.length > 0 && this.chance(this.options.stickiness ?? 0) ? mine : this.waiting;
    const point = among[this.pick(among.length)] as Point;
    this.waiting.splice(this.waiting.indexOf(point), 1);
    return point;
  }
}

/** Everybody who dies together: sessions, sweepers. */
export class SimulatedProcess {
  alive = true;
  died: () => void = () => undefined;
  readonly death: Promise<void>;
  readonly clock: Clock;

  constructor(
    readonly name: string,
    private readonly scheduler: SeededScheduler,
    time: Timeline,
    readonly faulty: boolean,
  ) {
    this.death = new Promise((resolve) => {
      this.died = resolve;
    });
    this.clock = time.clockOf(this);
  }

  /** The stores as this actor sees them. */
  wrap(stores: TestStores, actor: string): TestStores {
    return wrapPorts(stores, (name, effect) => this.point(actor, name, effect));
  }

  /** Resolves when the effect has had its turn; never, when the process has died. */
  point(actor: string, name: string, effect?: () => Promise<unknown>): Promise<unknown> {
    if (!this.alive) return new Promise(() => undefined);
    return new Promise((answer, fail) => this.scheduler.wait({ process: this, actor, name, effect, answer, fail }));
  }
}

/** One time for all; it moves when nobody has anything else to do, or when the scheduler is in haste. */
class Timeline {
  private readonly start = Date.UTC(2025, 10, 22, 21, 57, 0);
  elapsed = 0;
  private due: { at: number; action: () => void; process: SimulatedProcess }[] = [];

  clockOf(process: SimulatedProcess): Clock {
    const timer = (milliseconds: number, action: () => void): Timer => {
      const entry = { at: this.elapsed + Math.max(0, milliseconds), action, process };
      if (process.alive) this.due.push(entry);
      return {
        cancel: () => {
          this.due = this.due.filter((other) => other !== entry);
        },
      };
    };
    return {
      now: () => this.start + this.elapsed,
      monotonic: () => this.elapsed,
      timer,
      sleep: (milliseconds, signal) =>
        new Promise((resolve, reject) => {
          if (signal?.aborted) return reject(signal.reason);
          const { cancel } = timer(milliseconds, () => {
            signal?.removeEventListener('abort', abort);
            resolve();
          });
          const abort = () => {
            cancel();
            reject(signal?.reason);
          };
          signal?.addEventListener('abort', abort, { once: true });
        }),
    };
  }

  next(): boolean {
    const first = this.due.reduce<(typeof this.due)[number] | undefined>((a, b) => (a && a.at <= b.at ? a : b), undefined);
    if (!first) return false;
    this.due = this.due.filter((other) => other !== first);
    this.elapsed = Math.max(this.elapsed, first.at);
    first.action();
    return true;
  }

  hasDue(until: number): boolean {
    return this.due.some(({ at }) => at <= until);
  }

  skip(until: number): void {
    this.elapsed = Math.max(this.elapsed, until);
  }

  forget(process: SimulatedProcess): void {
    this.due = this.due.filter((entry) => entry.process !== process);
  }
}

/** Whatever can go on without a port has gone on. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
