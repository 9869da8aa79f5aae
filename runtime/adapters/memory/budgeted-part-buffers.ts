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
    this.used += wanted;
    this.held.set(partner, mine + wanted);
    return pooled ?? Buffer.allocUnsafeSlow(wanted);
  }

  private give(partner: string, buffer: Buffer): void {
    this.used -= buffer.length;
    const left = (this.held.get(partner) ?? 0) - buffer.length;
    if (left > 0) this.held.set(partner, left);
    else this.held.delete(partner);
    if (this.used + this.spareBytes + buffer.length <= this.budget / 2) {
      const pool = this.spare.get(buffer.length) ?? [];
      pool.push(buffer);
      this.spare.set(buffer.length, pool);
      this.spareBytes += buffer.length;
    }
    const waiting = this.waiting;
    this.waiting = [];
    for (const wake of waiting) wake();
  }

  private dropSpare(): void {
    this.spare.clear();
    this.spareBytes = 0;
  }
}
