import type { Socket } from 'node:net';
import type { Clock, Timer } from '../ports/clock';
import type { Log } from '../ports/log';

/**
 * How an unwanted connection ends: with FIN. A load balancer counts resets against the task that sent them, and closing a socket with bytes unread is a reset;
 * so what still comes is read away for a moment, within bounds. And how it is told: in the log, but not once for each of ten thousand.
 */
const lingersFor = 2_000;
const mostLingering = 256;
const mostDiscarded = 64 * 1024;
const mostToldAMinute = 10;

export class Refusals {
  private readonly lingering = new Map<Socket, Timer>();
  private counted = 0;
  private told = { since: 0, count: 0 };

  constructor(
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  /** `why` is told; without one the end is nothing unusual, such as that of a health probe. */
  refuse(socket: Socket, why?: string): void {
    if (why !== undefined) this.tell(socket, why);
    if (socket.destroyed) return;
    if (this.lingering.size >= mostLingering) {
      socket.destroy();
      return;
    }
    this.lingering.set(
      socket,
      this.clock.timer(lingersFor, () => socket.destroy()),
    );
    socket.once('close', () => {
      this.lingering.get(socket)?.cancel();
      this.lingering.delete(socket);
    });
    let discarded = 0;
    socket.on('data', (bytes) => {
      discarded += bytes.length;
      if (discarded > mostDiscarded) socket.destroy();
    });
    socket.end();
    socket.resume();
  }

  private tell(socket: Socket, text: string): void {
    this.counted++;
    const now = this.clock.monotonic();
    if (now - this.told.since >= 60_000) this.told = { since: now, count: 0 };
    if (++this.told.count > mostToldAMinute) return;
    const last = this.told.count === mostToldAMinute;
    this.log.warn('data.refused', { peer: socket.remoteAddress, text: last ? `${text}; more of them are not told for a minute` : text });
  }

  /** Refused for a reason, since the start. */
  get count(): number {
    return this.counted;
  }

  close(): void {
    for (const [socket, timer] of this.lingering) {
      timer.cancel();
      socket.destroy();
    }
  }
}
