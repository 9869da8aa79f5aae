import { Failure } from '../../model/failure';
import type { Admission, PartBuffers } from '../../ports/part-buffers';

/** Smallest part that S3 takes, and so the least that an admitted upload must be able to get. */
export const smallestPart = 5 * 1024 * 1024;

/**
 * The budget, in bytes allocated. Buffers of a common size are kept for the next upload, as far as the budget allows; when it is short the spare ones go
 * first. No partner holds more than half while another one waits.
 */
export class BudgetedPartBuffers implements PartBuffers {
  used = 0;
  private admitted = 0;
  private readonly held = new Map<string, number>();
  private readonly spare = new Map<number, Buffer[]>();
  private spareBytes = 0;
  private waiting: (() => void)[] = [];

  constructor(
    readonly budget: number,
    private readonly smallest = smallestPart,
  ) {}

  admit(partner: string): Admission {
    const most = Math.max(1, Math.floor(this.budget / this.smallest));
    if (this.admitted >= most) {
      throw new Failure('too-many-uploads', `Too many uploads at once: the server takes ${most}. Try again in a moment.`);
    }
    this.admitted++;
    let open = true;
    return {
      take: (wanted) => this.take(partner, wanted),
      available: () =>
        new Promise((resolve) => {
          this.waiting.push(resolve);
        }),
      exchange: (buffer, wanted) => this.exchange(partner, buffer, wanted),
      give: (buffer) => this.give(partner, buffer),
      end: () => {
        if (open) this.admitted--;
        open = false;
      },
    };
  }

  private take(partner: string, wanted: number): Buffer | undefined {
    const mine = this.held.get(partner) ?? 0;
    const short = this.waiting.length > 0 || this.used + wanted > this.budget;
    if (short && mine > 0 && mine + wanted > this.budget / 2) return undefined;
    const pooled = this.spare.get(wanted)?.pop();
    if (pooled) {
      this.spareBytes -= pooled.length;
    } else {
      if (this.used + this.spareBytes + wanted > this.budget) this.dropSpare();
      if (this.used + wanted > this.budget) return undefined;
    }
    this.note(partner, wanted);
    return pooled ?? Buffer.allocUnsafeSlow(wanted);
  }

  private exchange(partner: string, buffer: Buffer, wanted: number): Buffer | undefined {
    this.note(partner, -buffer.length);
    const next = this.take(partner, wanted);
    if (next) this.keepSpare(buffer);
    else this.note(partner, buffer.length);
    return next;
  }

  private give(partner: string, buffer: Buffer): void {
    this.note(partner, -buffer.length);
    this.keepSpare(buffer);
    const waiting = this.waiting;
    this.waiting = [];
    for (const wake of waiting) wake();
  }

  private note(partner: string, bytes: number): void {
    this.used += bytes;
    const held = (this.held.get(partner) ?? 0) + bytes;
    if (held > 0) this.held.set(partner, held);
    else this.held.delete(partner);
  }

  private keepSpare(buffer: Buffer): void {
    if (this.used + this.spareBytes + buffer.length <= this.budget / 2) {
      const pool = this.spare.get(buffer.length) ?? [];
      pool.push(buffer);
      this.spare.set(buffer.length, pool);
      this.spareBytes += buffer.length;
    }
  }

  private dropSpare(): void {
    this.spare.clear();
    this.spareBytes = 0;
  }
}
