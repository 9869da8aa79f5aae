import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * Between a client of S3 and its server: what becomes of a request, in the order of the requests of one operation. Real sockets and real answers, so that
 * what the SDK makes of them is part of the test.
 */
export type Fault =
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
  /** An error of the server; with status 200 it comes in the body of a good answer. */
  | { readonly code: string; readonly status: number; readonly applied?: boolean }
  /** Answered by a server whose clock is this far from that of this machine, in milliseconds. */
  | { readonly ahead: number }
  /** Something happens first. */
  | { readonly first: () => Promise<unknown> | unknown; readonly next: Fault };

export interface SeenRequest {
  readonly operation: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly bytes: number;
}

export class FaultProxy {
  readonly seen: SeenRequest[] = [];
  private readonly planned = new Map<string, Fault[]>();
  private readonly lasting = new Map<string, Fault>();
  private passed = 0;
  private lastPassed = Number.POSITIVE_INFINITY;
  private diesApplied = false;

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

  /** For every request of the operation, until it is taken back. */
  keep(operation: string, fault: Fault | undefined): void {
    if (fault) this.lasting.set(operation, fault);
    else this.lasting.delete(operation);
  }

  /** The client dies with the request of this number: none after it is answered. `applied`: that one still happens. */
  dieAt(number: number, applied: boolean): void {
    this.passed = 0;
    this.lastPassed = applied ? number + 1 : number;
    this.diesApplied = applied;
  }

  /** Requests since `dieAt`. */
  get count(): number {
    return this.passed;
  }

  of(operation: string): SeenRequest[] {
    return this.seen.filter((seen) => seen.operation === operation);
  }

  forget(): void {
    this.seen.length = 0;
  }

  async close(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  private async handle(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const operation = operationOf(incoming);
    let fault = this.planned.get(operation)?.shift() ?? this.lasting.get(operation) ?? this.lasting.get('*') ?? 'pass';
    while (typeof fault === 'object' && 'first' in fault) {
      await fault.first();
      fault = fault.next;
    }
    const number = this.passed++;
    if (number >= this.lastPassed) fault = 'drop-before';
    else if (number === this.lastPassed - 1 && this.diesApplied) fault = 'drop-after';
    if (fault === 'reset-mid-body') {
      await once(incoming, 'data');
      this.seen.push({ operation, url: incoming.url ?? '', headers: incoming.headers, bytes: 0 });
      incoming.socket.resetAndDestroy();
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    this.seen.push({ operation, url: incoming.url ?? '', headers: incoming.headers, bytes: body.length });
    if (fault === 'drop-before') incoming.socket.destroy();
    if (fault === 'drop-before' || fault === 'stall-before') return;
    if (typeof fault === 'object' && 'code' in fault && fault.applied !== true) return answerError(answer, fault);
    if (fault === 'flip-bit') body.writeUInt8((body[0] ?? 0) ^ 1, 0);
    const real = await this.forward(incoming, body);
    if (typeof fault === 'object' && 'code' in fault) return answerError(answer, fault);
    if (typeof fault === 'object') real.headers['date'] = new Date(Date.now() + fault.ahead).toUTCString();
    if (fault === 'drop-after') incoming.socket.destroy();
    if (fault === 'drop-after' || fault === 'stall-after') return;
    answer.writeHead(real.status, { ...real.headers, 'content-length': real.headers['content-length'] ?? real.body.length });
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
    const chunks: Buffer[] = [];
    for await (const chunk of real) chunks.push(chunk as Buffer);
    const { 'transfer-encoding': _, ...headers } = real.headers;
    return { status: real.statusCode as number, headers, body: Buffer.concat(chunks) };
  }
}

function answerError(answer: ServerResponse, { code, status }: { readonly code: string; readonly status: number }): void {
  const text = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${code}</Message></Error>`;
  answer.writeHead(status, { 'content-type': 'application/xml', date: new Date().toUTCString() }).end(text);
}

/** As the SDK names it. */
function operationOf({ method = '', url = '', headers }: IncomingMessage): string {
  const { pathname, searchParams } = new URL(url, 'http://server');
  const hasKey = pathname.split('/').filter((segment) => segment !== '').length > 1;
  const copies = headers['x-amz-copy-source'] !== undefined;
  const upload = searchParams.has('uploadId');
  switch (method) {
    case 'PUT':
      if (upload) return copies ? 'UploadPartCopy' : 'UploadPart';
      return copies ? 'CopyObject' : hasKey ? 'PutObject' : 'CreateBucket';
    case 'POST':
      return upload ? 'CompleteMultipartUpload' : 'CreateMultipartUpload';
    case 'DELETE':
      return upload ? 'AbortMultipartUpload' : 'DeleteObject';
    case 'HEAD':
      return hasKey ? 'HeadObject' : 'HeadBucket';
    default:
      if (upload) return 'ListParts';
      if (hasKey) return 'GetObject';
      return searchParams.has('uploads') ? 'ListMultipartUploads' : searchParams.has('versions') ? 'ListObjectVersions' : 'ListObjectsV2';
  }
}
