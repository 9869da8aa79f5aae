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

/** The channel's own words: a socket goes under a number, and the other side says that it has it. */
interface HandOver {
  readonly handover?: number;
}

interface OnTheWay {
  readonly socket: Socket;
  readonly onLost: () => void;
}

export class WorkerChannel<Out extends { readonly kind: string }, In extends { readonly kind: string }> {
  private unsent = 0;
  private open = true;
  /**
   * In order, open here too until the other side has them: of a process that dies, or hangs and is ended, what it had not taken would be nobody's, and its
   * client would wait for ever.
   */
  private readonly onTheWay = new Map<number, OnTheWay>();
  private last = 0;

  constructor(
    private readonly end: PipeEnd,
    private readonly onMessage: (message: In, socket: Socket | undefined) => void,
    onClose: () => void,
  ) {
    end.on('message', (message, handle) => this.hear(message as (In | { kind: 'taken' }) & HandOver, handle as Socket | undefined));
    end.on('disconnect', () => {
      this.open = false;
      for (const { socket } of this.onTheWay.values()) socket.destroy();
      this.onTheWay.clear();
      onClose();
    });
  }

  /** False: not sent, and a socket is closed. `onLost`: the message has not arrived, nor has its socket, though the other side goes on. */
  post(message: Out, socket?: Socket, onLost: () => void = () => undefined): boolean {
    if (!this.open || this.unsent >= mostUnsent) {
      socket?.destroy();
      return false;
    }
    if (!socket) {
      this.send(message);
      return true;
    }
    const handover = ++this.last;
    this.onTheWay.set(handover, { socket, onLost });
    this.send({ ...message, handover }, socket);
    return true;
  }

  private send(message: { readonly kind: string } & HandOver, socket?: Socket): void {
    this.unsent++;
    this.end.send(message, socket, { keepOpen: true }, (error) => {
      this.unsent--;
      // The other process is gone; its end of the pipe says so to all who need to know.
      if (error) socket?.destroy();
    });
  }

  private hear(message: (In | { kind: 'taken' }) & HandOver, socket: Socket | undefined): void {
    const { handover } = message;
    if (message.kind === 'taken') this.taken(handover as number);
    else {
      if (handover !== undefined && this.open) this.send({ kind: 'taken', handover });
      this.onMessage(message as In, socket);
    }
  }

  private taken(handover: number): void {
    for (const [number, { socket, onLost }] of this.onTheWay) {
      if (number > handover) return;
      this.onTheWay.delete(number);
      socket.destroy();
      // They arrive in order: a process without a free descriptor drops what comes with one.
      if (number < handover) onLost();
    }
  }
}
