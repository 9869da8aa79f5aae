import { Failure } from '../../model/failure';
import type { Clock, Timer } from '../../ports/clock';
import type { Admission, PartBuffers } from '../../ports/part-buffers';

/** Smallest part that S3 takes, and so the least that an admitted upload must be able to get. */
export const smallestPart = 5 * 1024 * 1024;

/**
 * The budget, in bytes allocated. Buffers are kept for the next upload, and most of them let go when none has come for a while: at once, each burst of uploads would
 * make the collector run for as much memory again. Where another size is wanted the spare ones go first. No partner holds more than half while another one waits,
 * except that every upload can have the least that it needs to go on: else all could wait for each other.
 */
export class BudgetedPartBuffers implements PartBuffers {
  used = 0;
  private admitted = 0;
  private readonly held = new Map<string, number>();
  private readonly spare = new Map<number, Buffer[]>();
  private spareBytes = 0;
  private readonly waiting = new Map<object, Waiter>();
  private letGo: Timer | undefined;

  constructor(
    readonly budget: number,
    private readonly clock: Pick<Clock, 'timer'>,
    private readonly smallest = smallestPart,
  ) {}

  admit(partner: string): Admission {
    const most = Math.max(1, Math.floor(this.budget / this.smallest));
    if (this.admitted >= most) {
      throw new Failure('too-many-uploads', `Too many uploads at once: the server takes ${most}. Try again in a moment.`);
    }
    this.admitted++;
    this.letGo?.cancel();
    let open = true;
    let own = 0;
    const self = {};
    return {
      take: (wanted) => {
        const buffer = this.take(partner, wanted, own + wanted <= this.smallest);
        own += buffer?.length ?? 0;
        return buffer;
      },
      available: () => this.available(self, partner),
      give: (buffer) => {
        own -= buffer.length;
        this.give(partner, buffer);
      },
      end: () => {
        if (!open) return;
        open = false;
        this.waiting.delete(self);
        if (--this.admitted === 0) this.letGoLater();
      },
    };
  }

  private take(partner: string, wanted: number, needed: boolean): Buffer | undefined {
    const mine = this.held.get(partner) ?? 0;
    if (!needed && mine + wanted > this.budget / 2 && this.othersWait(partner)) return undefined;
    const pooled = this.spare.get(wanted)?.pop();
    if (pooled) {
      this.spareBytes -= pooled.length;
    } else {
      if (this.used + wanted > this.budget) return undefined;
      if (this.used + this.spareBytes + wanted > this.budget) this.keepSpare(0);
    }
    this.note(partner, wanted);
    return pooled ?? Buffer.allocUnsafeSlow(wanted);
  }

  private othersWait(partner: string): boolean {
    for (const waiter of this.waiting.values()) if (waiter.partner !== partner) return true;
    return false;
  }

  /** The same promise until it resolves: who goes on for another reason leaves nothing behind that would look like somebody who waits. */
  private available(self: object, partner: string): Promise<void> {
    const before = this.waiting.get(self);
    if (before) return before.promise;
    let wake: () => void = () => undefined;
    const promise = new Promise<void>((resolve) => {
      wake = resolve;
    });
    this.waiting.set(self, { partner, promise, wake });
    return promise;
  }

  private give(partner: string, buffer: Buffer): void {
    this.note(partner, -buffer.length);
    const pool = this.spare.get(buffer.length) ?? [];
    pool.push(buffer);
    this.spare.set(buffer.length, pool);
    this.spareBytes += buffer.length;
    // A part that was still on its way when its upload ended.
    if (this.admitted === 0) this.letGoLater();
    const waiting = [...this.waiting.values()];
    this.waiting.clear();
    for (const { wake } of waiting) wake();
  }

  private note(partner: string, bytes: number): void {
    this.used += bytes;
    const held = (this.held.get(partner) ?? 0) + bytes;
    if (held > 0) this.held.set(partner, held);
    else this.held.delete(partner);
  }

  /** Nothing waits any more, and nothing is kept. */
  close(): void {
    this.letGo?.cancel();
    this.keepSpare(0);
  }

  private letGoLater(): void {
    this.letGo?.cancel();
    this.letGo = this.clock.timer(keptFor, () => this.keepSpare(this.budget / shareKept));
  }

  private keepSpare(most: number): void {
    for (const [size, pool] of this.spare) {
      while (this.spareBytes > most && pool.pop()) this.spareBytes -= size;
      if (pool.length === 0) this.spare.delete(size);
    }
  }
}

interface Waiter {
  readonly partner: string;
  readonly promise: Promise<void>;
  readonly wake: () => void;
}

/** Milliseconds without any upload, after which this part of the budget is kept. */
const keptFor = 60_000;
const shareKept = 8;
