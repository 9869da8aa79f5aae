import { Failure } from '../../runtime/model/failure';
import type { ControlChannel, DataChannel, DataTransfer, TlsFacts } from '../../runtime/session/channels';

/** The two connections of a session without a socket: what was written lies in an array, what arrives is said by the test. */
export class FakeControl implements ControlChannel {
  text = '';
  readonly raw: Buffer[] = [];
  secured: TlsFacts | undefined;
  unread = false;
  paused = false;
  ended = false;
  destroyed = false;
  /** A handshake, or an end of TLS, that fails. */
  failing: Error | undefined;
  /** The protection may change only when this resolves. */
  change: Promise<void> = Promise.resolve();
  ipv6 = false;
  peerAddress = '192.0.2.7';
  readonly localAddress = '192.0.2.1';

  constructor(readonly implicit = false) {
    if (implicit) this.secured = tls13;
  }

  tls(): TlsFacts | undefined {
    return this.secured;
  }

  write(text: string | Buffer): void {
    const bytes = Buffer.from(text as string);
    this.raw.push(bytes);
    this.text += bytes.toString('utf8');
  }

  hasUnread(): boolean {
    return this.unread;
  }

  async startTls(reply: string): Promise<void> {
    this.write(reply);
    await this.change;
    if (this.failing) throw this.failing;
    this.secured = tls13;
  }

  async stopTls(reply: string): Promise<void> {
    this.write(reply);
    await this.change;
    if (this.failing) throw this.failing;
    this.secured = undefined;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  end(): void {
    this.ended = true;
  }

  destroy(): void {
    this.destroyed = true;
  }
}

const tls13: TlsFacts = { protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' };

export class FakeData implements DataChannel {
  prepared = false;
  port = 8_192;
  /** Connections that were closed because their transfer was refused. */
  refusals = 0;
  closes = 0;
  noPort = false;
  readonly prepares: Parameters<DataChannel['prepare']>[0][] = [];
  readonly transfers: FakeTransfer[] = [];
  /** What the next uploads carry, each ended cleanly at once; empty: the test speaks for the client. */
  readonly uploads: string[] = [];
  /** Downloads wait for the test to open the client's end. */
  manual = false;

  async prepare(request: Parameters<DataChannel['prepare']>[0]): Promise<{ port: number; address: string }> {
    if (this.noPort) throw new Failure('no-data-connection', 'No passive port is free; try again.');
    this.prepares.push(request);
    this.prepared = true;
    return { port: this.port, address: '192.0.2.1' };
  }

  open(request: Parameters<DataChannel['open']>[0]): FakeTransfer {
    if (!this.prepared) throw new Failure('no-data-connection', 'Use PASV or EPSV first.');
    this.prepared = false;
    const transfer = new FakeTransfer(request);
    this.transfers.push(transfer);
    if (request.direction === 'send' && !this.manual) transfer.finish();
    const content = request.direction === 'receive' ? this.uploads.shift() : undefined;
    if (content !== undefined) {
      transfer.arrive(content);
      transfer.finish();
    }
    return transfer;
  }

  refuse(): void {
    this.refusals++;
    this.prepared = false;
  }

  close(): void {
    this.closes++;
    this.prepared = false;
  }

  get last(): FakeTransfer {
    return this.transfers.at(-1) as FakeTransfer;
  }
}

export class FakeTransfer implements DataTransfer {
  bytes = 0;
  end: DataTransfer['end'] = 'open';
  sent = Buffer.alloc(0);
  /** Downloads wait until the client has opened its connection. */
  private readonly opened: Promise<void>;
  private accept: ((bytes: Buffer) => boolean) | undefined;
  private readonly early: Buffer[] = [];
  private settle: { resolve: () => void; reject: (reason: unknown) => void } = { resolve: () => undefined, reject: () => undefined };
  private readonly done: Promise<void>;
  private connect: () => void = () => undefined;

  constructor(readonly request: Parameters<DataChannel['open']>[0]) {
    this.done = new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
    });
    this.done.catch(() => undefined); // Asked for by `deliver` or `send`, perhaps later.
    this.opened = new Promise((resolve) => {
      this.connect = resolve;
    });
    const { signal } = request;
    if (signal.aborted) this.settle.reject(signal.reason);
    signal.addEventListener('abort', () => this.settle.reject(signal.reason), { once: true });
  }

  readonly source = {
    deliver: async (accept: (bytes: Buffer) => boolean): Promise<void> => {
      this.accept = accept;
      for (const bytes of this.early) accept(bytes);
      await this.done;
    },
  };

  async send(chunks: AsyncIterable<Buffer>): Promise<void> {
    await Promise.race([this.opened, this.done]);
    for await (const chunk of chunks) {
      this.sent = Buffer.concat([this.sent, chunk]);
      this.bytes += chunk.length;
    }
    await Promise.race([this.done, Promise.resolve()]);
  }

  arrive(content: string): void {
    const bytes = Buffer.from(content);
    this.bytes += bytes.length;
    if (this.accept) this.accept(bytes);
    else this.early.push(bytes);
  }

  /** Upload: a clean end. Download: the client comes and reads everything. */
  finish(): void {
    this.end = 'verified';
    this.connect();
    this.settle.resolve();
  }

  fail(reason: unknown): void {
    this.settle.reject(reason);
  }
}
