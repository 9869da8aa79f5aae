import type { CommandLine } from '../protocol/command-line';

/**
 * Commands that wait for the one before them. When too many wait the session stops reading, so TCP makes the client wait; what was read already is kept, for
 * a dropped command would shift every reply behind it.
 */
const mostLines = 16;
const mostBytes = 8 * 1024;

export type Queued =
  | { readonly kind: 'command'; readonly command: CommandLine }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'too-long' };

export class CommandQueue {
  private waiting: Queued[] = [];
  private bytes = 0;

  add(queued: Queued): void {
    this.waiting.push(queued);
    this.bytes += sizeOf(queued);
  }

  take(): Queued | undefined {
    const next = this.waiting.shift();
    if (next) this.bytes -= sizeOf(next);
    return next;
  }

  /**
   * Before the next of them everybody else has a turn: most commands need nothing that takes time, and a thousand of them in one read would keep all other
   * sessions waiting, and their own replies, which the client would seem not to read.
   */
  async turn(): Promise<void> {
    if (!this.isEmpty) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Takes a waiting command out of its turn; false when there is none. */
  remove(verb: string): boolean {
    const index = this.waiting.findIndex((queued) => queued.kind === 'command' && queued.command.verb === verb);
    const [removed] = index < 0 ? [] : this.waiting.splice(index, 1);
    if (removed) this.bytes -= sizeOf(removed);
    return removed !== undefined;
  }

  get isFull(): boolean {
    return this.waiting.length >= mostLines || this.bytes >= mostBytes;
  }

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }

  clear(): void {
    this.waiting = [];
    this.bytes = 0;
  }
}

function sizeOf(queued: Queued): number {
  return queued.kind === 'command' ? queued.command.verb.length + (queued.command.argument?.length ?? 0) : 0;
}
