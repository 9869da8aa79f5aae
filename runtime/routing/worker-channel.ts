import type { Socket } from 'node:net';
import type { LeaseStore } from '../ports/lease-store';

/**
 * What the primary and one worker say to each other, and the channel for it. The primary owns the ports and the leases; a worker owns sessions. Sockets go over
 * whole, before a byte has been read, so nothing is relayed.
 */
export type ToWorker =
  | { readonly kind: 'session'; readonly implicit: boolean; readonly address: string }
  | { readonly kind: 'data'; readonly reservation: number; readonly address: string }
  | { readonly kind: 'stranger'; readonly reservation: number; readonly address: string }
  | { readonly kind: 'expired'; readonly reservation: number }
  | { readonly kind: 'answer'; readonly id: number; readonly value?: unknown; readonly failure?: ToldFailure }
  /** Another worker's session goes on with this upload. */
  | { readonly kind: 'park'; readonly id: number; readonly token: string; readonly durable: number }
  /** Which uploads it is receiving, by token. */
  | { readonly kind: 'uploads'; readonly id: number }
  | { readonly kind: 'drain' };

export type ToPrimary =
  | { readonly kind: 'ready' }
  /** A session's connection is closed. */
  | { readonly kind: 'closed'; readonly address: string }
  | { readonly kind: 'lease'; readonly id: number; readonly method: keyof LeaseStore; readonly given: readonly unknown[] }
  | {
      readonly kind: 'reserve';
      readonly id: number;
      readonly reservation: number;
      readonly client: string;
      readonly user: string;
      readonly anyAddress: boolean;
    }
  | { readonly kind: 'release'; readonly reservation: number }
  | { readonly kind: 'park'; readonly id: number; readonly task: string; readonly token: string; readonly durable: number }
  | { readonly kind: 'said'; readonly id: number; readonly value: unknown };

/** Kind and message are what a session acts on; a cause stays in the log of the process where it happened. */
export interface ToldFailure {
  readonly kind: string | undefined;
  readonly message: string;
}

/** One end of the pipe between two processes: a forked child as its parent sees it, or the child's own process. */
export interface PipeEnd {
  send(message: unknown, handle?: Socket, options?: { keepOpen?: boolean }, sent?: (error: Error | null) => void): boolean;
  on(event: 'message', listener: (message: unknown, handle?: unknown) => void): unknown;
  on(event: 'disconnect', listener: () => void): unknown;
}

/** Messages that the other side has not taken: it hangs, and what is sent to it would only fill our memory. */
const mostUnsent = 4_096;

export class WorkerChannel<Out, In> {
  private unsent = 0;
  private open = true;

  constructor(
    private readonly end: PipeEnd,
    onMessage: (message: In, socket: Socket | undefined) => void,
    onClose: () => void,
  ) {
    end.on('message', (message, handle) => onMessage(message as In, handle as Socket | undefined));
    end.on('disconnect', () => {
      this.open = false;
      onClose();
    });
  }

  /** False: not sent. A socket that cannot be handed over is closed here. */
  post(message: Out, socket?: Socket): boolean {
    if (!this.open || this.unsent >= mostUnsent) {
      socket?.destroy();
      return false;
    }
    this.unsent++;
    this.end.send(message, socket, { keepOpen: false }, (error) => {
      this.unsent--;
      // The other process is gone; its end of the pipe says so to all who need to know.
      if (error) socket?.destroy();
    });
    return true;
  }
}
