import type { Socket } from 'node:net';
import { stripMapped } from '../model/client-address';
import type { Clock, Timer } from '../ports/clock';
import { type ProxyHeader, ProxyHeaderParser } from './proxy-header';

/**
 * Where connections wait whose PROXY header has not come. Behind a load balancer that is normal for as long as the client says nothing, and it costs an attacker
 * nothing: so their number is bounded, and when it is full, the one that has waited longest makes room. A client that means it sends its first bytes soon
 * after it has connected.
 */
export interface HeaderDoorOptions {
  readonly clock: Clock;
  /** Milliseconds. */
  readonly headerTimeout: number;
  readonly mostWaiting: number;
  /** From one address; behind a load balancer that is one of its nodes. */
  readonly mostFromOne: number;
  /** What stood behind the header is in the socket again, paused. */
  readonly onHeader: (socket: Socket, header: ProxyHeader) => void;
  /** Undefined: it ended by itself, or the one in front of us only looked whether we are there. */
  readonly onNoHeader: (socket: Socket, why: string | undefined) => void;
}

interface Waiting {
  readonly source: string;
  readonly stop: () => void;
}

export class HeaderDoor {
  /** In order of arrival. */
  private readonly waiting = new Map<Socket, Waiting>();
  private readonly bySource = new Map<string, number>();

  constructor(private readonly options: HeaderDoorOptions) {}

  /** A socket from which nothing has been read. */
  take(socket: Socket): void {
    const source = stripMapped(socket.remoteAddress ?? '');
    if ((this.bySource.get(source) ?? 0) >= this.options.mostFromOne) this.evict((other) => other.source === source);
    else if (this.waiting.size >= this.options.mostWaiting) this.evict(() => true);
    const parser = new ProxyHeaderParser();
    const end = (why?: string) => {
      this.leave(socket);
      this.options.onNoHeader(socket, why);
    };
    const read = () => {
      for (let bytes = socket.read() as Buffer | null; bytes !== null; bytes = socket.read() as Buffer | null) {
        const result = parser.push(bytes);
        if (!result) continue;
        if ('fault' in result) return end(`a connection began with something else than a PROXY header: ${result.fault}`);
        this.leave(socket);
        socket.pause();
        if (result.rest.length > 0) socket.unshift(result.rest);
        return this.options.onHeader(socket, result.header);
      }
    };
    const gone = () => end();
    const timer: Timer = this.options.clock.timer(this.options.headerTimeout, () => end('no PROXY header came'));
    const stop = () => {
      timer.cancel();
      socket.off('readable', read);
      socket.off('end', gone);
      socket.off('close', gone);
    };
    this.waiting.set(socket, { source, stop });
    this.bySource.set(source, (this.bySource.get(source) ?? 0) + 1);
    socket.on('end', gone);
    socket.on('close', gone);
    socket.on('readable', read);
  }

  private evict(which: (waiting: Waiting) => boolean): void {
    for (const [socket, waiting] of this.waiting) {
      if (!which(waiting)) continue;
      this.leave(socket);
      this.options.onNoHeader(socket, 'too many connections wait for their first bytes');
      return;
    }
  }

  private leave(socket: Socket): void {
    const waiting = this.waiting.get(socket);
    if (!waiting) return;
    waiting.stop();
    this.waiting.delete(socket);
    const others = (this.bySource.get(waiting.source) ?? 1) - 1;
    if (others > 0) this.bySource.set(waiting.source, others);
    else this.bySource.delete(waiting.source);
  }

  get size(): number {
    return this.waiting.size;
  }

  close(): void {
    for (const socket of [...this.waiting.keys()]) {
      this.leave(socket);
      socket.destroy();
    }
  }
}
