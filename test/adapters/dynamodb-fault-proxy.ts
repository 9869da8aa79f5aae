import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * Between SDK and table: what becomes of a request, in the order of the requests of one operation. Real sockets and real answers, so that what the SDK makes
 * of them is part of the test.
 */
export type Fault =
  | 'pass'
  /** The connection is lost before the table sees the request, or after it has been applied. */
  | 'drop-before'
  | 'drop-after'
  /** Nobody answers: before the table sees it, or after. */
  | 'stall-before'
  | 'stall-after'
  /** The answer is cut in the middle. */
  | 'cut-answer'
  /** An answer that is not the table's. */
  | Answer
  /** Something happens first. */
  | { readonly first: () => Promise<unknown> | unknown; readonly fault: Fault };

export interface Answer {
  readonly status: number;
  readonly body: object;
  readonly headers?: Readonly<Record<string, string>>;
}

export const errorAnswer = (type: string, more: object = {}, status = 400): Answer => ({
  status,
  body: { __type: `com.amazonaws.dynamodb.v20120810#${type}`, message: type, ...more },
});

export const cancelled = (...codes: string[]): Fault =>
  errorAnswer('TransactionCanceledException', {
    Message: `Transaction cancelled, please refer cancellation reasons for specific reasons [${codes.join(', ')}]`,
    CancellationReasons: codes.map((Code) => ({ Code })),
  });

export interface Seen {
  readonly operation: string;
  readonly bytes: number;
  readonly body: Record<string, unknown>;
  readonly headers: IncomingMessage['headers'];
}

export class FaultProxy {
  readonly seen: Seen[] = [];
  private readonly planned = new Map<string, Fault[]>();
  private readonly lasting = new Map<string, Fault>();
  private awaited: { write: number; fault: Fault } | undefined;
  /** What the answers say of the time. */
  date: string | undefined;

  private constructor(
    private readonly server: ReturnType<typeof createServer>,
    private readonly target: URL,
  ) {}

  static async open(target: string): Promise<FaultProxy> {
    const server = createServer();
    const proxy = new FaultProxy(server, new URL(target));
    server.on('request', (incoming, answer) => void proxy.handle(incoming, answer).catch(() => answer.destroy()));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** For the next requests of the operation, one each. */
  plan(operation: string, ...faults: Fault[]): void {
    this.planned.set(operation, faults);
  }

  /** For every request of the operation, `*` for all, until it is taken back. */
  keep(operation: string, fault: Fault | undefined): void {
    if (fault) this.lasting.set(operation, fault);
    else this.lasting.delete(operation);
  }

  /** For one write that is still to come, whichever operation it is: the first is 1. */
  planWrite(write: number, fault: Fault): void {
    this.awaited = { write, fault };
  }

  private faultOfWrite(operation: string): Fault | undefined {
    if (!this.awaited || !isWrite(operation) || --this.awaited.write > 0) return undefined;
    const { fault } = this.awaited;
    this.awaited = undefined;
    return fault;
  }

  get writes(): number {
    return this.seen.filter(({ operation }) => isWrite(operation)).length;
  }

  of(operation: string): Seen[] {
    return this.seen.filter((seen) => seen.operation === operation);
  }

  forget(): void {
    this.seen.length = 0;
  }

  /** Once more is fine. */
  async close(): Promise<void> {
    if (!this.server.listening) return;
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  private async handle(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const operation = String(incoming.headers['x-amz-target']).split('.')[1] as string;
    this.seen.push({ operation, bytes: body.length, body: JSON.parse(body.toString()), headers: incoming.headers });
    let fault =
      this.faultOfWrite(operation) ??
      this.planned.get(operation)?.shift() ??
      this.lasting.get(operation) ??
      this.lasting.get('*') ??
      'pass';
    while (typeof fault === 'object' && 'first' in fault) {
      await fault.first();
      fault = fault.fault;
    }
    if (fault === 'drop-before') incoming.socket.destroy();
    if (fault === 'drop-before' || fault === 'stall-before') return;
    if (typeof fault === 'object') {
      const text = JSON.stringify(fault.body);
      answer.writeHead(fault.status, { 'content-type': 'application/x-amz-json-1.0', ...this.dated(), ...fault.headers }).end(text);
      return;
    }
    const real = await this.forward(incoming, body);
    if (fault === 'drop-after') incoming.socket.destroy();
    if (fault === 'drop-after' || fault === 'stall-after') return;
    answer.writeHead(real.status, { ...real.headers, 'content-length': real.body.length, ...this.dated() });
    if (fault === 'cut-answer') answer.write(real.body.subarray(0, real.body.length >> 1), () => incoming.socket.destroy());
    else answer.end(real.body);
  }

  private dated(): Record<string, string> {
    return this.date === undefined ? {} : { date: this.date };
  }

  private async forward(
    incoming: IncomingMessage,
    body: Buffer,
  ): Promise<{ status: number; headers: IncomingMessage['headers']; body: Buffer }> {
    const onward = request({
      host: this.target.hostname,
      port: this.target.port,
      method: 'POST',
      headers: incoming.headers,
      timeout: 10_000,
    });
    onward.end(body);
    const [real] = (await once(onward, 'response')) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of real) chunks.push(chunk as Buffer);
    const { 'transfer-encoding': _, ...headers } = real.headers;
    return { status: real.statusCode as number, headers, body: Buffer.concat(chunks) };
  }
}

function isWrite(operation: string): boolean {
  return /^(?:Put|Update|Delete|BatchWrite|TransactWrite)/.test(operation);
}
