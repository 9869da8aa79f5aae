import { Failure, type FailureKind } from '../model/failure';
import type { Clock, Timer } from '../ports/clock';
import type { ToldFailure } from './worker-channel';

/** Questions of a worker that wait for the primary's answer. */
const answerTimeout = 10_000;
const mostOpen = 2_048;

export class WorkerCalls {
  private readonly open = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void; timer: Timer }>();
  private last = 0;

  constructor(private readonly clock: Clock) {}

  /** `post` sends the question under the number it is given, and says whether it could. */
  ask(post: (id: number) => boolean): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = ++this.last;
      if (this.open.size >= mostOpen || !post(id)) return reject(noAnswer());
      const timer = this.clock.timer(answerTimeout, () => {
        this.open.delete(id);
        reject(noAnswer());
      });
      this.open.set(id, { resolve, reject, timer });
    });
  }

  /** An answer that comes too late finds nobody. */
  settle(id: number, value: unknown, failure: ToldFailure | undefined): void {
    const call = this.open.get(id);
    if (!call) return;
    this.open.delete(id);
    call.timer.cancel();
    if (failure) call.reject(errorOf(failure));
    else call.resolve(value);
  }

  /** The primary is gone. */
  close(): void {
    for (const { reject, timer } of this.open.values()) {
      timer.cancel();
      reject(noAnswer());
    }
    this.open.clear();
  }
}

function noAnswer(): Failure {
  return new Failure('store-unavailable', 'The server is busy: try again in a moment.');
}

export function tellFailure(error: unknown): ToldFailure {
  return { kind: error instanceof Failure ? error.kind : undefined, message: error instanceof Error ? error.message : String(error) };
}

function errorOf({ kind, message }: ToldFailure): Error {
  return kind === undefined ? new Error(message) : new Failure(kind as FailureKind, message);
}
