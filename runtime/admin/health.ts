import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../ports/clock';

/**
 * `GET /healthz` for load balancers and container hosts: 200 while new connections are wanted, 503 while they are not. Not on `node:http`, because the checks
 * of a target group with PROXY headers begin with one, and those of the others do not; here the answer is four lines and everything that comes in is bounded.
 */
export interface HealthOptions {
  readonly clock: Clock;
  /** Undefined: ready. Else why not, in a word or two, such as `draining`. */
  readonly notReady: () => string | undefined;
}

const mostBytes = 8 * 1024;
/** When there are more, the one that has waited longest makes room: a check speaks at once, and a port scanner that never does must not make a task look sick. */
const mostConnections = 64;
const timeout = 5_000;
/** The first bytes of a PROXY v2 header, which no request begins with, and the length in it. */
const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const fixedLength = 16;

export class HealthEndpoint {
  private readonly server: Server;
  /** In order of arrival. */
  private readonly sockets = new Set<Socket>();

  constructor(private readonly options: HealthOptions) {
    this.server = createServer((socket) => this.serve(socket));
  }

  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen({ host, port, exclusive: true }, () => {
        this.server.off('error', reject);
        resolve((this.server.address() as AddressInfo).port);
      });
    });
  }

  private serve(socket: Socket): void {
    let received: Buffer = Buffer.alloc(0);
    let answered = false;
    const timer = this.options.clock.timer(timeout, () => socket.destroy());
    this.makeRoom();
    this.sockets.add(socket);
    socket.on('close', () => {
      timer.cancel();
      this.sockets.delete(socket);
    });
    // A checker may leave in any way.
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes) => {
      // What comes behind the question is read away, so that the end is no reset; the timer bounds it.
      if (answered) return;
      received = Buffer.concat([received, bytes]);
      const answer = received.length > mostBytes ? respond(400) : this.answer(received);
      if (answer === undefined) return;
      answered = true;
      socket.end(answer);
    });
  }

  private makeRoom(): void {
    const [oldest] = this.sockets;
    if (!oldest || this.sockets.size < mostConnections) return;
    oldest.destroy();
    this.sockets.delete(oldest);
  }

  /** Undefined until the whole head of the request is here. */
  private answer(received: Buffer): string | undefined {
    const request = behindHeader(received);
    if (request === undefined) return undefined;
    const text = request.toString('latin1');
    if (!/\r?\n\r?\n/.test(text)) return undefined;
    const [, method, target = ''] = /^(GET|HEAD) (\S+) HTTP\/1\.[01]\r?\n/.exec(text) ?? [];
    if (method === undefined) return respond(400);
    const withBody = method === 'GET';
    if (target.split('?')[0] !== '/healthz') return respond(404, undefined, withBody);
    const why = this.options.notReady();
    return why === undefined ? respond(200, 'ready', withBody) : respond(503, why, withBody);
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}

/** What it says is of no use here: its length is skipped. Undefined: more of it must come. */
function behindHeader(received: Buffer): Buffer | undefined {
  const compared = Math.min(received.length, signature.length);
  if (received.compare(signature, 0, compared, 0, compared) !== 0) return received;
  if (received.length < fixedLength) return undefined;
  const length = fixedLength + received.readUInt16BE(14);
  return received.length < length ? undefined : received.subarray(length);
}

const reasons: Readonly<Record<number, string>> = { 200: 'OK', 400: 'Bad Request', 404: 'Not Found', 503: 'Service Unavailable' };

function respond(status: number, text = reasons[status] as string, withBody = true): string {
  const body = `${text}\n`;
  const head = `HTTP/1.1 ${status} ${reasons[status]}\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n`;
  return withBody ? head + body : head;
}
