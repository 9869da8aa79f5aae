import type { Clock, Timer } from '../ports/clock';
import { LineFramer } from '../protocol/line-framer';

/**
 * Bytes of the control connection to lines, over the life of a session: framers come and go with TLS, and a lone `ABOR` and CR is waited on, for sent as
 * urgent data its LF is lost (Python's `abort`) and the command would never end.
 */
const abortWait = 300;

export class CommandInput {
  private framer: LineFramer;
  private timer: Timer | undefined;

  constructor(
    private readonly clock: Clock,
    /** Bytes. */
    private readonly longest: number,
    /** Undefined: it was too long. */
    private readonly onLine: (line: Buffer | undefined) => void,
    /** Bytes that refuse a Telnet option. */
    private readonly onAnswer: (bytes: Buffer) => void,
  ) {
    this.framer = new LineFramer(longest);
  }

  push(chunk: Buffer): void {
    this.stop();
    this.hand(this.framer.push(chunk));
    if (this.framer.pendingAbort) this.timer = this.clock.timer(abortWait, () => this.hand(this.framer.flushAbort()));
  }

  private hand(framed: ReturnType<LineFramer['push']>): void {
    for (const piece of framed) {
      if (piece.kind === 'answer') this.onAnswer(piece.bytes);
      else this.onLine(piece.kind === 'line' ? piece.bytes : undefined);
    }
  }

  /** Part of a line is here already. */
  get hasPartial(): boolean {
    return this.framer.hasPartial;
  }

  /** TLS begins or ends: nothing of before may be joined to what comes after. */
  renew(): void {
    this.stop();
    this.framer = new LineFramer(this.longest);
  }

  stop(): void {
    this.timer?.cancel();
  }
}
