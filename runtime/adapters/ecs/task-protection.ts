import type { Clock, Timer } from '../../ports/clock';
import type { Log } from '../../ports/log';
import { askAgent } from './agent-request';

/**
 * Keeps the service from stopping this task while transfers run. It is a courtesy that ends by itself: a failure is told and tried again before long, for a
 * deployment may be waiting for just this moment, but it is never fatal, and a transfer waits for none of it. The protection is taken back a while after the last
 * transfer, so that many small files are not many requests.
 */
export interface TaskProtectionOptions {
  /** What the container finds as ECS_AGENT_URI. */
  readonly agent: string;
  readonly clock: Clock;
  readonly log: Log;
  /** After this a task that cannot take it back may be stopped again. */
  readonly expiresMinutes?: number;
  /** Milliseconds without a transfer. */
  readonly releaseAfter?: number;
}

/** Milliseconds after a request that failed. */
const againAfter = 30_000;
/** Milliseconds. The task ends, and its protection with it: for a deaf agent it does not stay until it is killed. */
const lastPatience = 2_000;

export class TaskProtection {
  private wanted = false;
  /** As the service last confirmed it; monotonic. */
  private heldUntil = Number.NEGATIVE_INFINITY;
  private closed = false;
  private renewal: Timer | undefined;
  private release: Timer | undefined;
  /** One request at a time, in the order of what is wanted. */
  private running: Promise<void> | undefined;

  constructor(private readonly options: TaskProtectionOptions) {}

  /** Called whenever a transfer or relay begins or ends. */
  update(active: number): void {
    const { clock, releaseAfter = 10_000 } = this.options;
    if (active > 0) {
      this.release?.cancel();
      this.release = undefined;
      if (!this.wanted) this.want(true);
    } else if (this.wanted && !this.release) {
      this.release = clock.timer(releaseAfter, () => {
        this.release = undefined;
        this.want(false);
      });
    }
  }

  private want(wanted: boolean): void {
    this.wanted = wanted;
    this.renewal?.cancel();
    this.renewal = undefined;
    this.running ??= this.settle().finally(() => {
      this.running = undefined;
    });
  }

  private async settle(): Promise<void> {
    const { clock } = this.options;
    for (let asked: boolean | undefined; asked !== this.wanted && !this.closed; ) {
      asked = this.wanted;
      await this.put(asked);
    }
    if (this.closed || (!this.wanted && !this.isHeld)) return;
    // Renewed at a third of its time.
    this.renewal = clock.timer(this.wanted === this.isHeld ? this.minutes * 20_000 : againAfter, () => this.want(this.wanted));
  }

  private async put(protect: boolean): Promise<void> {
    const body = protect ? { ProtectionEnabled: true, ExpiresInMinutes: this.minutes } : { ProtectionEnabled: false };
    try {
      const answer = await askAgent({ method: 'PUT', url: `${this.options.agent}/task-protection/v1/state`, body });
      const failure = failureIn(answer);
      if (failure !== undefined) throw new Error(failure);
      this.heldUntil = protect ? this.options.clock.monotonic() + this.minutes * 60_000 : Number.NEGATIVE_INFINITY;
    } catch (cause) {
      const text = protect
        ? 'the task is not protected from being stopped while transfers run'
        : 'the protection of the task was not taken back';
      this.options.log.warn('server.warning', { text, cause });
    }
  }

  private get minutes(): number {
    return this.options.expiresMinutes ?? 15;
  }

  get isHeld(): boolean {
    return this.options.clock.monotonic() < this.heldUntil;
  }

  /** Takes it back at once, if it is held. */
  async close(): Promise<void> {
    this.release?.cancel();
    this.release = undefined;
    if (this.wanted) this.want(false);
    const done = new AbortController();
    // Cut short when the agent has answered.
    const patience = this.options.clock.sleep(lastPatience, done.signal).catch(() => undefined);
    await Promise.race([this.running, patience]);
    done.abort();
    this.closed = true;
    this.renewal?.cancel();
  }
}

/** The agent answers 200 and tells a refusal inside. */
function failureIn(answer: unknown): string | undefined {
  const { failure, error } = (answer ?? {}) as { failure?: { Reason?: string }; error?: { Message?: string } };
  if (failure) return failure.Reason ?? 'refused';
  return error ? (error.Message ?? 'an error') : undefined;
}
