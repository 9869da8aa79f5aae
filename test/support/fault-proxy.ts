import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * Between the SDK and a server: what becomes of a request, in the order of the requests of one operation. Real sockets and real answers, so that what the SDK
 * makes of them is part of the test. What the services call their operations and how they refuse is told by `S3FaultProxy` and `DynamodbFaultProxy`.
 *
 * @typeParam Refusal An answer of the service that is none of the server's.
 */
export type Fault<Refusal> =
  | 'pass'
  /** The connection is lost before the server sees the request, or after it has been applied. */
  | 'drop-before'
  | 'drop-after'
  /** Nobody answers: before the server sees it, or after. */
  | 'stall-before'
  | 'stall-after'
  /** The connection is reset while the body is on its way. */
  | 'reset-mid-body'
  /** The answer is cut in the middle, or goes silent there. */
  | 'cut-answer'
  | 'stall-answer'
  /** One bit of the body is another when it arrives. */
  | 'flip-bit'
  | Refusal
  /** Something happens first. */
  | { readonly first: () => Promise<unknown> | unknown; readonly next: Fault<Refusal> };

export interface SeenRequest {
  readonly operation: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly bytes: number;
  /** Its body, where it is not a file's. */
  readonly body: Readonly<Record<string, unknown>>;
}

export abstract class FaultProxy<Refusal extends { readonly status: number; readonly applied?: boolean }> {
  readonly seen: SeenRequest[] = [];
  /** How far ahead of this machine the clock of the server is, by what its answers say; milliseconds. Undefined: they say what the server says. */
  ahead: number | undefined;
  private readonly server = createServer();
  private readonly planned = new Map<string, Fault<Refusal>[]>();
  private readonly lasting = new Map<string, Fault<Refusal>>();
  private readonly target: URL;

  constructor(target: string) {
    this.target = new URL(target);
    this.server.on('request', (incoming, answer) => void this.handle(incoming, answer).catch(() => answer.destroy()));
  }

  async listen(): Promise<this> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return this;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** For the next requests of the operation, one each. */
  plan(operation: string, ...faults: Fault<Refusal>[]): void {
    this.planned.set(operation, faults);
  }

  /** For every request of the operation, `*` for all, until it is taken back. */
  keep(operation: string, fault: Fault<Refusal> | undefined): void {
    if (fault) this.lasting.set(operation, fault);
    else this.lasting.delete(operation);
  }

  of(operation: string): SeenRequest[] {
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

  /** As the SDK names it. */
  protected abstract operationOf(incoming: IncomingMessage): string;
  protected abstract refuse(answer: ServerResponse, refusal: Refusal): void;

  protected read(_body: Buffer): SeenRequest['body'] {
    return {};
  }

  protected faultOf(operation: string): Fault<Refusal> {
    return this.planned.get(operation)?.shift() ?? this.lasting.get(operation) ?? this.lasting.get('*') ?? 'pass';
  }

  protected get date(): string {
    return new Date(Date.now() + (this.ahead ?? 0)).toUTCString();
  }

  private async handle(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const operation = this.operationOf(incoming);
    let fault = this.faultOf(operation);
    while (typeof fault === 'object' && 'first' in fault) {
      await fault.first();
      fault = fault.next;
    }
    const { url = '', headers } = incoming;
    if (fault === 'reset-mid-body') {
      await once(incoming, 'data');
      this.seen.push({ operation, url, headers, bytes: 0, body: {} });
      incoming.socket.resetAndDestroy();
      return;
    }
    const body = await readAll(incoming);
    this.seen.push({ operation, url, headers, bytes: body.length, body: this.read(body) });
    if (fault === 'drop-before') incoming.socket.destroy();
    if (fault === 'drop-before' || fault === 'stall-before') return;
    if (typeof fault === 'object' && fault.applied !== true) return this.refuse(answer, fault);
    if (fault === 'flip-bit') body.writeUInt8((body[0] ?? 0) ^ 1, 0);
    const real = await this.forward(incoming, body);
    if (typeof fault === 'object') return this.refuse(answer, fault);
    if (fault === 'drop-after') incoming.socket.destroy();
    if (fault === 'drop-after' || fault === 'stall-after') return;
    const length = real.headers['content-length'] ?? real.body.length;
    answer.writeHead(real.status, { ...real.headers, 'content-length': length, ...(this.ahead !== undefined && { date: this.date }) });
    const half = real.body.subarray(0, real.body.length >> 1);
    if (fault === 'cut-answer') answer.write(half, () => incoming.socket.destroy());
    else if (fault === 'stall-answer') answer.write(half);
    else answer.end(real.body);
  }

  private async forward(incoming: IncomingMessage, body: Buffer) {
    const { expect: _expected, ...sent } = incoming.headers;
    const onward = request({
      host: this.target.hostname,
      port: this.target.port,
      method: incoming.method,
      path: incoming.url,
      headers: sent,
      timeout: 20_000,
    });
    // Before the answer it is thrown from the wait below; a server that answers early and closes is its own affair.
    onward.on('error', () => undefined);
    onward.end(body);
    const [real] = (await once(onward, 'response')) as [IncomingMessage];
    const { 'transfer-encoding': _, ...headers } = real.headers;
    return { status: real.statusCode as number, headers, body: await readAll(real) };
  }
}

async function readAll(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
