import { createServer, Socket } from 'node:net';
import { MemoryLeaseStore } from '../../runtime/adapters/memory/memory-lease-store';
import { randomIds } from '../../runtime/adapters/random-ids';
import { Failure } from '../../runtime/model/failure';
import type { DataRequest } from '../../runtime/ports/data-sockets';
import type { Lease } from '../../runtime/ports/lease-store';
import { PassivePorts } from '../../runtime/routing/passive-ports';
import { FakeClock } from '../support/fake-clock';
import { dial, eventually, Peer } from '../support/wire-server';

/** Passive ports shared by clients of different addresses, a reservation being one client on one port for one connection. */

const client = '127.0.0.1';
const another = '127.0.0.2';

let clock: FakeClock;
let leases: MemoryLeaseStore;
let passive: PassivePorts;
const clients: Socket[] = [];

beforeEach(() => {
  clock = new FakeClock();
  leases = new MemoryLeaseStore(clock);
  passive = new PassivePorts({ leases, clock, ids: randomIds, task: 'task', reservedFor: 60_000 });
});

afterEach(async () => {
  for (const socket of clients.splice(0)) socket.destroy();
  await passive.close();
});

const bind = (count: number) => passive.bind('127.0.0.1', Array(count).fill(0));

interface Noted {
  readonly request: DataRequest;
  readonly sockets: string[];
  readonly strangers: string[];
  expired: number;
}

function note(changes: Partial<DataRequest> = {}): Noted {
  const noted: Noted = {
    sockets: [],
    strangers: [],
    expired: 0,
    request: {
      client,
      user: 'partner',
      anyAddress: false,
      onSocket: (socket, address) => {
        noted.sockets.push(address);
        clients.push(socket);
      },
      onStranger: (address) => noted.strangers.push(address),
      onExpired: () => {
        noted.expired++;
      },
      ...changes,
    },
  };
  return noted;
}

async function connect(port: number, localAddress?: string): Promise<Peer> {
  const socket = await dial(port, localAddress);
  clients.push(socket);
  return new Peer(socket);
}

describe('passive ports', () => {
  it('are counted as used by the client that holds the most of them', async () => {
    await bind(10);
    expect(passive.usedPercent).toBe(0);
    for (let held = 0; held < 3; held++) await passive.reserve(note().request);
    const last = await passive.reserve(note({ client: another }).request);
    expect(passive.usedPercent).toBe(30);
    last.release();
    expect(passive.usedPercent).toBe(30);
    await clock.advance(60_000);
    expect(passive.usedPercent).toBe(0);
  });

  it('hand over the connection of the client that reserved, paused and unread, once', async () => {
    await bind(2);
    let handed: Socket | undefined;
    const noted = note({
      onSocket: (socket) => {
        handed = socket;
      },
    });
    const { port } = await passive.reserve(noted.request);
    const peer = await connect(port);
    peer.socket.write('early');
    await eventually(() => handed !== undefined, 'the connection');
    expect(handed?.readableFlowing).not.toBe(true);
    expect(handed?.bytesRead).toBe(0);
    expect(passive.reserved).toBe(0);
    await (await connect(port)).end();
    handed?.destroy();
  });

  it('serve clients of different addresses on one port', async () => {
    const [port] = await bind(1);
    const mine = note();
    const theirs = note({ client: another });
    expect((await passive.reserve(mine.request)).port).toBe(port);
    expect((await passive.reserve(theirs.request)).port).toBe(port);
    await connect(port as number, another);
    await connect(port as number);
    await eventually(() => mine.sockets.length + theirs.sockets.length === 2, 'both');
    expect([mine.sockets, theirs.sockets]).toEqual([[client], [another]]);
    expect([mine.strangers, theirs.strangers]).toEqual([[], []]);
  });

  it('close a connection that nobody reserved for', async () => {
    const [port] = await bind(1);
    await (await connect(port as number)).end();
  });

  it('drop strangers, report three of them, and still serve the client', async () => {
    await bind(1);
    const noted = note();
    const { port } = await passive.reserve(noted.request);
    for (let count = 0; count < 5; count++) await (await connect(port, another)).end();
    expect(noted.strangers).toEqual([another, another, another]);
    expect(noted.expired).toBe(0);
    await connect(port);
    await eventually(() => noted.sockets.length === 1, 'the client');
  });

  it('tell nobody of a connection that was reset before it was accepted, and still serve the client', async () => {
    await bind(1);
    const noted = note();
    const { port } = await passive.reserve(noted.request);
    for (const remoteAddress of [undefined, another]) {
      const accepted = Object.defineProperty(new Socket(), 'remoteAddress', { value: remoteAddress });
      (passive as unknown as { take(socket: Socket, port: number): void }).take(accepted, port);
      expect(accepted.destroyed).toBe(true);
    }
    expect(noted.strangers).toEqual([another]);
    await connect(port);
    await eventually(() => noted.sockets.length === 1, 'the client');
  });

  it('hand over a stranger where any address may come', async () => {
    await bind(1);
    const noted = note({ anyAddress: true });
    const { port } = await passive.reserve(noted.request);
    await connect(port, another);
    await eventually(() => noted.sockets.length === 1, 'the connection');
    expect(noted.sockets).toEqual([another]);
  });

  it('give clients of any address ports of their own as long as there are some', async () => {
    const ports = await bind(3);
    const used: number[] = [];
    for (let count = 0; count < 3; count++) {
      used.push((await passive.reserve(note({ anyAddress: true, client: `192.0.2.${count}` }).request)).port);
    }
    expect(used.sort()).toEqual([...ports].sort());
    await expect(passive.reserve(note({ anyAddress: true, client: '192.0.2.9' }).request)).resolves.toBeDefined();
  });

  it('end a reservation after its time', async () => {
    await bind(1);
    const noted = note();
    const { port } = await passive.reserve(noted.request);
    await clock.advance(59_900);
    expect(noted.expired).toBe(0);
    await clock.advance(200);
    expect(noted.expired).toBe(1);
    expect(passive.reserved).toBe(0);
    expect(await leases.find(client, port)).toBeUndefined();
    await (await connect(port)).end();
  });

  it('end a reservation that is released, and its lease with it', async () => {
    await bind(1);
    const noted = note();
    const reservation = await passive.reserve(noted.request);
    expect(await leases.find(client, reservation.port)).toMatchObject({ task: 'task', expires: clock.now() + 60_000 });
    reservation.release();
    reservation.release();
    expect(passive.reserved).toBe(0);
    await clock.advance(60_100);
    expect(noted.expired).toBe(0);
    expect(await leases.find(client, reservation.port)).toBeUndefined();
  });

  it('leave four ports to the other users of an address', async () => {
    await bind(12);
    for (let count = 0; count < 8; count++) await passive.reserve(note().request);
    await expect(passive.reserve(note().request)).rejects.toMatchObject({ kind: 'no-data-connection' });
    for (let count = 0; count < 4; count++) await passive.reserve(note({ user: 'other' }).request);
    await expect(passive.reserve(note({ user: 'third' }).request)).rejects.toThrow('No passive port is free for this client');
    await expect(passive.reserve(note({ client: another }).request)).resolves.toBeDefined();
  });

  it('have a port again when one is freed', async () => {
    await bind(1);
    const reservation = await passive.reserve(note().request);
    await expect(passive.reserve(note().request)).rejects.toBeInstanceOf(Failure);
    reservation.release();
    await expect(passive.reserve(note().request)).resolves.toMatchObject({ port: reservation.port });
  });

  it('pass over ports that another process has leased for this client', async () => {
    const ports = await bind(4);
    const until = clock.now() + 60_000;
    const lease = (port: number): Lease => ({ client, port, task: 'other', nonce: `n${port}`, expires: until, cool: until });
    for (const port of ports.slice(1)) await leases.reserve(lease(port));
    expect((await passive.reserve(note().request)).port).toBe(ports[0]);
    await expect(passive.reserve(note({ user: 'other' }).request)).rejects.toMatchObject({ kind: 'no-data-connection' });
  });

  it('free what they hold when the lease cannot be written', async () => {
    await bind(1);
    leases.reserve = () => Promise.reject(new Failure('store-unavailable', 'The store does not answer.'));
    await expect(passive.reserve(note().request)).rejects.toMatchObject({ kind: 'store-unavailable' });
    expect(passive.reserved).toBe(0);
  });

  it('are chosen at random', async () => {
    await bind(8);
    const seen = new Set<number>();
    for (let round = 0; round < 60; round++) {
      const { port, release } = await passive.reserve(note().request);
      seen.add(port);
      release();
    }
    expect(seen.size).toBeGreaterThan(4);
  });

  it('are bound all or none', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, client, resolve));
    const { port } = taken.address() as { port: number };
    await expect(passive.bind(client, [0, port])).rejects.toMatchObject({ code: 'EADDRINUSE', port });
    await expect(passive.reserve(note().request)).rejects.toMatchObject({ kind: 'no-data-connection' });
    taken.close();
  });
});
