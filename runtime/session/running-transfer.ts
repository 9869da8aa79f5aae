import { Failure } from '../model/failure';
import type { Clock } from '../ports/clock';
import type { SessionRow } from '../ports/lease-store';
import type { Log } from '../ports/log';
import type { Metrics } from '../ports/metrics';
import * as replies from '../protocol/replies';
import type { Reply } from '../protocol/reply';
import type { Transfer } from './command';
import { failureReply } from './failure-reply';
import { type Fault, faultOf } from './fault-of';

/** A transfer between its 150 and its final reply. */
export interface RunningOptions {
  /** The command that it carries out. */
  readonly verb: string;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Log;
}

export class RunningTransfer {
  private readonly controller = new AbortController();
  private readonly began: number;
  private readonly begun: number;
  private abortsAsked = 0;
  private fault: Fault | undefined;
  /** How the client or its network broke it. */
  private cause: unknown;
  /** What was thrown and is no failure: it costs the session. */
  bug: unknown;

  constructor(
    private readonly transfer: Transfer,
    private readonly options: RunningOptions,
  ) {
    this.began = options.clock.monotonic();
    this.begun = options.clock.now();
  }

  /** Once the commit has begun it finishes: what the client reads then is the truth, 226 and 226. */
  abort(reason: Failure): void {
    if (reason.kind === 'aborted') this.abortsAsked++;
    if (!this.transfer.committing()) this.controller.abort(reason);
  }

  /** The final reply, and one more for each ABOR that came meanwhile. Never rejects. */
  async run(): Promise<readonly Reply[]> {
    const { transfer, options } = this;
    const { log, metrics } = options;
    const { direction, path } = transfer;
    log.info('transfer.start', { path, direction });
    const final = await this.outcome();
    const bytes = transfer.bytes();
    const failed = final.code >= 400;
    const now = options.clock.monotonic();
    const lastByteAt = failed ? undefined : transfer.lastByteAt?.();
    if (lastByteAt !== undefined) metrics.observe('uploads.seconds-to-226', (now - lastByteAt) / 1_000);
    if (direction === 'up') {
      metrics.count('bytes.in', bytes);
      if (failed) metrics.count('uploads.failed');
    } else {
      metrics.count('bytes.out', bytes);
      if (direction === 'down') metrics.count(failed ? 'downloads.failed' : 'downloads.done');
    }
    log.info('transfer.end', {
      path,
      direction,
      bytes,
      code: final.code,
      ...(this.fault && { fault: this.fault }),
      ...(this.cause !== undefined && { cause: this.cause }),
      ms: now - this.began,
      ...(lastByteAt !== undefined && { receiptMs: now - lastByteAt }),
      text: final.lines[0],
    });
    return [final, ...Array.from({ length: this.abortsAsked }, () => replies.abortDone)];
  }

  private async outcome(): Promise<Reply> {
    try {
      return await this.transfer.run(this.controller.signal);
    } catch (error) {
      this.fault = faultOf(error);
      this.options.metrics.count(`failures.${this.fault}`);
      const reply = failureReply(error);
      if (!reply) {
        this.bug = error;
        return replies.transferBug;
      }
      // It may have failed before it touched its data connection, and the client would wait on that for ever.
      this.controller.abort(new Failure('aborted', 'The transfer has failed.'));
      const cause = error instanceof Failure ? error.cause : undefined;
      if (cause === undefined || cause instanceof Failure) return reply;
      // Whoever is woken for the store must not be woken for a reset of somebody's connection.
      if (this.fault === 'client') this.cause = cause;
      else this.options.log.warn('store.error', { path: this.transfer.path, cause });
      return reply;
    }
  }

  /** For the operator's list. */
  get shown(): NonNullable<SessionRow['transfer']> {
    const { path, bytes } = this.transfer;
    return { verb: this.options.verb, path, bytes: bytes(), begun: this.begun };
  }

  /** For STAT. */
  describe(): readonly string[] {
    const { direction, path, bytes } = this.transfer;
    const seconds = Math.round((this.options.clock.monotonic() - this.began) / 1000);
    const what = direction === 'up' ? 'Receiving' : direction === 'down' ? 'Sending' : 'Listing';
    return [`${what} ${path}: ${bytes()} bytes in ${seconds} seconds`];
  }
}
