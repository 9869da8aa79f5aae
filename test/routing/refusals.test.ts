import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, Socket } from 'node:net';
import { Refusals } from '../../runtime/routing/refusals';
import { FakeClock } from '../support/fake-clock';
import { dial, eventually, Peer } from '../support/wire-server';

/** Unwanted connections: how they end, and what they can cost. */

let clock: FakeClock;
let refusals: Refusals;
let told: unknown[];
let server: Server;
let port: number;
let accepted: Socket[];

beforeEach(async () => {
  clock = new FakeClock();
  told = [];
  accepted = [];
  const ignore = () => undefined;
  const log = { debug: ignore, info: ignore, warn: (_: string, fields: unknown) => void told.push(fields), error: ignore, with: () => log };
  refusals = new Refusals(clock, log);
  server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
    socket.on('error', ignore);
    accepted.push(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});

afterEach(() => {
  refusals.close();
  for (const socket of accepted) socket.destroy();
  server.close();
});

async function connection(): Promise<{ peer: Peer; socket: Socket }> {
  const before = accepted.length;
  const peer = new Peer(await dial(port));
  await eventually(() => accepted.length > before, 'the connection');
  return { peer, socket: accepted[before] as Socket };
}

describe('a refused connection', () => {
  it('ends with FIN although its bytes were not read', async () => {
    const { peer, socket } = await connection();
    peer.socket.write(Buffer.alloc(30_000));
    await new Promise((resolve) => setTimeout(resolve, 20));
    refusals.refuse(socket, 'unwanted');
    expect(await peer.end()).toBe('end');
    peer.socket.end();
    await eventually(() => socket.destroyed && clock.pending === 0, 'the end');
  });

  it('is cut when it goes on sending', async () => {
    const { peer, socket } = await connection();
    refusals.refuse(socket, 'unwanted');
    (peer.socket as Socket).allowHalfOpen = true;
    peer.socket.write(Buffer.alloc(1_000_000));
    await eventually(() => socket.destroyed, 'the cut');
    expect(socket.bytesRead).toBeLessThan(400_000);
  });

  it('is cut when it does not end within two seconds', async () => {
    const { socket } = await connection();
    refusals.refuse(socket, 'unwanted');
    socket.removeAllListeners('end');
    await clock.advance(1_999);
    await clock.advance(1);
    expect(socket.destroyed).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('waits for its end beside at most 255 others', () => {
    const sockets = Array.from({ length: 300 }, () => new Socket());
    // Never connected: their ends do not come by themselves.
    for (const socket of sockets) {
      socket.end = () => socket;
      refusals.refuse(socket);
    }
    expect(sockets.filter(({ destroyed }) => destroyed)).toHaveLength(44);
    expect(clock.pending).toBe(256);
  });

  it('is told ten times a minute, and counted always', async () => {
    for (let count = 0; count < 25; count++) refusals.refuse(new Socket().destroy(), `reason ${count}`);
    expect(told).toHaveLength(10);
    expect(told[9]).toMatchObject({ text: 'reason 9; more of them are not told for a minute' });
    expect(refusals.count).toBe(25);
    await clock.advance(60_000);
    refusals.refuse(new Socket().destroy(), 'again');
    expect(told).toHaveLength(11);
    refusals.refuse(new Socket().destroy());
    expect(told).toHaveLength(11);
  });
});
