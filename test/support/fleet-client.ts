import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as secureConnect, type TLSSocket } from 'node:tls';

/**
 * A client with an address of its own for crowds of transfers: as plain as can be, on one event loop, everything under a time-out. It is strict, so that it
 * takes nothing for success that is none: a file is there only with 226, a download is whole only with an orderly end and 226.
 */
export interface FleetClientOptions {
  readonly host?: string;
  readonly port: number;
  readonly implicit?: boolean;
  readonly ca: Buffer;
  readonly user?: string;
  readonly password: string;
  /** Loopback address that it comes from. */
  readonly from?: string;
  readonly version?: 'TLSv1.2' | 'TLSv1.3';
  readonly passive?: 'EPSV' | 'PASV';
  /** Milliseconds for each step. */
  readonly patience?: number;
}

/** What the server answered instead of what was hoped for; code 0: nothing, the connection is gone. */
export class UnexpectedReply extends Error {
  constructor(
    readonly code: number,
    text: string,
  ) {
    super(text);
  }
}

const wholeReply = /^(\d{3})(?: [^\r\n]*|-(?:[^\n]*\n)*?\1 [^\r\n]*)\r\n/;

export class FleetClient {
  private received = '';
  private wake: (() => void) | undefined;
  private session: Buffer | undefined;
  private readonly patience: number;

  private constructor(
    private socket: Socket,
    private readonly options: FleetClientOptions,
  ) {
    this.patience = options.patience ?? 60_000;
    this.listen(socket);
  }

  static async connect(options: FleetClientOptions): Promise<FleetClient> {
    const raw = connect({ host: options.host ?? '127.0.0.1', port: options.port, localAddress: options.from, noDelay: true });
    const client = new FleetClient(raw, options);
    try {
      await client.within(once(raw, 'connect'), 'the control connection');
      if (!options.implicit) {
        await client.reply('220');
        await client.ask('AUTH TLS', '234');
      }
      await client.secure(raw);
      if (options.implicit) await client.reply('220');
      await client.ask(`USER ${options.user ?? 'demo'}`, '331');
      await client.ask(`PASS ${options.password}`, '230');
      await client.ask('PBSZ 0', '200');
      await client.ask('PROT P', '200');
      await client.ask('TYPE I', '200');
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  private async secure(raw: Socket): Promise<void> {
    raw.removeAllListeners('data');
    const socket = secureConnect({ socket: raw, ...this.tls() });
    this.socket = socket;
    this.listen(socket);
    socket.on('session', (ticket: Buffer) => {
      this.session = ticket;
    });
    await this.within(once(socket, 'secureConnect'), 'the handshake');
  }

  private tls(): ConnectionOptions {
    const { ca, version = 'TLSv1.3' } = this.options;
    return { ca, servername: 'localhost', minVersion: version, maxVersion: version };
  }

  private listen(socket: Socket): void {
    socket.on('data', (bytes: Buffer) => {
      this.received += bytes.toString('latin1');
      this.wake?.();
    });
    // Told by the reply that does not come.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.wake?.());
  }

  send(command: string): void {
    this.socket.write(`${command}\r\n`);
  }

  async ask(command: string, begins: string): Promise<string> {
    this.send(command);
    return this.reply(begins, command);
  }

  async reply(begins: string, to = ''): Promise<string> {
    const text = await this.within(this.nextReply(), `the reply to ${to}`);
    if (!text.startsWith(begins))
      throw new UnexpectedReply(Number(text.slice(0, 3)), `${to} was answered ${text.trim() || 'with nothing'}`);
    return text;
  }

  private async nextReply(): Promise<string> {
    for (;;) {
      const found = wholeReply.exec(this.received)?.[0];
      if (found !== undefined) {
        this.received = this.received.slice(found.length);
        return found;
      }
      if (this.socket.destroyed) return '';
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  /** A data connection to where the server said, before anything is said on it. */
  async dial(): Promise<Socket> {
    const passive = this.options.passive ?? 'EPSV';
    const text = await this.ask(passive, passive === 'EPSV' ? '229' : '227');
    const numbers = /\((\d+),(\d+),(\d+),(\d+),(\d+),(\d+)\)/.exec(text)?.slice(1).map(Number);
    const port = numbers ? (numbers[4] as number) * 256 + (numbers[5] as number) : Number(/\|\|\|(\d+)\|/.exec(text)?.[1]);
    const host = numbers ? numbers.slice(0, 4).join('.') : (this.options.host ?? '127.0.0.1');
    return this.connectTo(port, host);
  }

  async connectTo(port: number, host = this.options.host ?? '127.0.0.1'): Promise<Socket> {
    const raw = connect({ host, port, localAddress: this.options.from, noDelay: true });
    raw.on('error', () => raw.destroy());
    await this.within(once(raw, 'connect'), `the data connection to ${host}:${port}`);
    return raw;
  }

  private async open(command: string): Promise<TLSSocket> {
    const raw = await this.dial();
    try {
      await this.ask(command, '150');
      const socket = secureConnect({ socket: raw, ...this.tls(), session: this.session });
      socket.on('error', () => socket.destroy());
      await this.within(once(socket, 'secureConnect'), `the handshake for ${command}`);
      return socket;
    } catch (error) {
      raw.destroy();
      throw error;
    }
  }

  /** @param from Continues there. */
  async upload(name: string, bytes: Buffer, from = 0): Promise<void> {
    if (from > 0) await this.ask(`REST ${from}`, '350');
    const data = await this.open(`STOR ${name}`);
    data.resume();
    data.end(bytes.subarray(from));
    await this.reply('226', `STOR ${name}`).finally(() => data.destroy());
  }

  /** In twenty pieces over so many milliseconds. */
  async uploadSlowly(name: string, bytes: Buffer, milliseconds: number): Promise<void> {
    const data = await this.open(`STOR ${name}`);
    data.resume();
    const piece = Math.ceil(bytes.length / 20);
    for (let at = 0; at < bytes.length; at += piece) {
      data.write(bytes.subarray(at, at + piece));
      await new Promise((resolve) => setTimeout(resolve, milliseconds / 20));
    }
    data.end();
    await this.reply('226', `STOR ${name}`).finally(() => data.destroy());
  }

  /** Sends the beginning and breaks off, so that the server sees no end; it says that it was cut. */
  async uploadCut(name: string, bytes: Buffer): Promise<void> {
    const data = await this.open(`STOR ${name}`);
    await this.within(new Promise((resolve) => data.write(bytes, resolve)), 'the beginning');
    // What was written must be on its way before the connection goes.
    await new Promise((resolve) => setTimeout(resolve, 50));
    data.destroy();
    await this.reply('426', `STOR ${name}`);
  }

  async download(name: string): Promise<Buffer> {
    return this.read(`RETR ${name}`);
  }

  async names(folder = ''): Promise<string[]> {
    const text = (await this.read(`NLST ${folder}`.trim())).toString();
    return text.split('\r\n').filter((line) => line !== '');
  }

  async size(name: string): Promise<number> {
    return Number((await this.ask(`SIZE ${name}`, '213')).slice(4));
  }

  private async read(command: string): Promise<Buffer> {
    const data = await this.open(command);
    try {
      const chunks: Buffer[] = [];
      data.on('data', (bytes: Buffer) => chunks.push(bytes));
      await this.within(once(data, 'end'), `the bytes of ${command}`);
      data.end();
      await this.reply('226', command);
      return Buffer.concat(chunks);
    } finally {
      data.destroy();
    }
  }

  async quit(): Promise<void> {
    await this.ask('QUIT', '221').finally(() => this.close());
  }

  close(): void {
    this.socket.destroy();
    this.wake?.();
  }

  private async within<T>(work: Promise<T>, what: string): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${what} did not come in time`)), this.patience);
    });
    work.catch(() => undefined);
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
