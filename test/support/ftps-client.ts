import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { dial, Peer, secure, within } from './wire-server';

/**
 * A client that says exactly what it is told, over real TLS, to a whole server: for dialogues of clients that cannot be run here. Replies are read whole, also
 * those of several lines; data connections resume the session of the control connection, as those clients do.
 */
export interface FtpsClient {
  /** Sends one line and gives its reply; fails when the reply does not begin so. */
  ask(command: string, reply: string): Promise<string>;
  /** The next reply, without sending anything. */
  reply(begins: string): Promise<string>;
  send(command: string): void;
  /** Connects to the port that PASV or EPSV has named. */
  data(reply: string): Promise<DataClient>;
  readonly control: TLSSocket;
  close(): void;
}

export interface DataClient {
  readonly socket: TLSSocket;
  readonly resumed: boolean;
  /** Everything up to an orderly end. */
  readAll(): Promise<Buffer>;
  /** Sends it all, close_notify and FIN; gives what came from the other side, which should be nothing. */
  sendAll(bytes: Buffer): Promise<Buffer>;
}

export async function connectFtps(
  port: number,
  {
    implicit = false,
    ca,
    version = 'TLSv1.3' as 'TLSv1.2' | 'TLSv1.3',
  }: { implicit?: boolean; ca: Buffer; version?: 'TLSv1.2' | 'TLSv1.3' },
  beforeTls: readonly (readonly [command: string, reply: string])[] = [],
): Promise<FtpsClient> {
  const options: ConnectionOptions = { ca, servername: 'localhost', minVersion: version, maxVersion: version };
  const raw = await dial(port);
  if (!implicit) {
    const clear = new Peer(raw);
    await clear.expect('220 ');
    for (const [command, reply] of [...beforeTls, ['AUTH TLS', '234 '] as const]) {
      raw.write(`${command}\r\n`);
      await clear.expect(reply);
      await clear.expect('\r\n');
    }
    clear.detach();
  }
  const control = connectTls({ socket: raw, ...options });
  let session: Buffer | undefined;
  control.on('session', (ticket) => {
    session = ticket;
  });
  const peer = new Peer(control);
  await within(once(control, 'secureConnect'), 'the handshake');
  const reply = async (begins: string): Promise<string> => {
    const whole = /^(\d{3})(?: [^\r\n]*|-(?:[^\n]*\n)*?\1 [^\r\n]*)\r\n/;
    for (const until = performance.now() + 10_000; !whole.test(peer.text); ) {
      if (performance.now() > until || control.destroyed) throw new Error(`no reply, but ${JSON.stringify(peer.text)}`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const bytes = Buffer.from(whole.exec(peer.text)?.[0] ?? '', 'latin1');
    peer.received = [Buffer.concat(peer.received).subarray(bytes.length)];
    const text = bytes.toString();
    if (!text.startsWith(begins)) throw new Error(`expected ${begins}, got ${text}`);
    return text;
  };
  const send = (command: string) => void control.write(`${command}\r\n`);
  if (implicit) await reply('220 ');
  return {
    control,
    send,
    reply,
    ask: (command, begins) => {
      send(command);
      return reply(begins);
    },
    data: async (passive) => {
      const numbers = /\((?:\d+,){4}(\d+),(\d+)\)/.exec(passive);
      const dataPort = numbers ? Number(numbers[1]) * 256 + Number(numbers[2]) : Number(/\|\|\|(\d+)\|/.exec(passive)?.[1]);
      return dataClient(await secureData(dataPort, { ...options, session }));
    },
    close: () => control.destroy(),
  };
}

async function secureData(port: number, options: ConnectionOptions): Promise<TLSSocket> {
  const socket = connectTcp({ port, host: '127.0.0.1' });
  await within(once(socket, 'connect'), 'the data connection');
  return secure(socket, options);
}

function dataClient(socket: TLSSocket): DataClient {
  const peer = new Peer(socket);
  return {
    socket,
    resumed: socket.isSessionReused(),
    readAll: async () => {
      expect(await peer.end()).toBe('end');
      return Buffer.concat(peer.received);
    },
    sendAll: async (bytes) => {
      socket.end(bytes);
      expect(await peer.end()).toBe('end');
      return Buffer.concat(peer.received);
    },
  };
}
