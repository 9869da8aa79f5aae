import { once } from 'node:events';
import { connect as dialTcp, type Socket } from 'node:net';
import { Worker as Thread } from 'node:worker_threads';
import type { Lease } from '../../runtime/ports/lease-store';
import { encodeProxyHeader } from '../../runtime/routing/encode-proxy-header';
import { splitHostPort } from '../../runtime/routing/relay';
import { dial, eventually, Peer, within } from '../support/wire-server';
import { RoutingFleet, type RoutingTask, Waiting } from './routing-fleet';

/** Data connections that arrive at task 2 and belong to a session on task 1. */

let fleet: RoutingFleet;
const sockets: Socket[] = [];

beforeEach(async () => {
  fleet = await RoutingFleet.start(2, { mostRelays: 4 });
  fleet.next = 'task-2';
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await fleet.stop();
});

const owner = () => fleet.task(1);
const other = () => fleet.task(2);
const relays = () => other().routing.counts().relays;
const noRelay = () => eventually(() => relays().active === 0 && fleet.balancer.open === 0, 'the end of the relays');

async function connect(port: number, localAddress?: string): Promise<Peer> {
  const socket = await dial(port, localAddress);
  sockets.push(socket);
  return new Peer(socket);
}

/** A connection through the balancer and the wrong task, and its end at the session. */
async function relayed(changes = {}): Promise<{ client: Peer; session: Peer; waiting: Waiting }> {
  const waiting = await Waiting.on(owner(), changes);
  const client = await connect(waiting.port);
  client.socket.write('hello');
  const socket = await waiting.arrival();
  socket.allowHalfOpen = true;
  sockets.push(socket);
  const session = new Peer(socket);
  await session.expect('hello');
  return { client, session, waiting };
}

/** Everything that comes until the end, in place of what the peer would collect: how much it is, all of one letter. */
async function take(peer: Peer, letter: string): Promise<number> {
  let size = 0;
  peer.socket.removeAllListeners('data');
  peer.socket.on('data', (bytes: Buffer) => {
    size += bytes.equals(Buffer.alloc(bytes.length, letter)) ? bytes.length : Number.NaN;
  });
  peer.socket.resume();
  expect(await peer.end()).toBe('end');
  return size;
}

/** An end of which nobody is left on the other side was a reset: Node says `end` when bytes come together with it. */
function endingOf(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    const { _handle: handle } = socket as unknown as { _handle: { getpeername(into: object): number } };
    socket.once('end', () => resolve(handle.getpeername({}) === 0 ? 'end' : 'reset'));
    socket.once('error', () => resolve('reset'));
  });
}

/** A port that takes no more connections and refuses none: whoever dials it waits. */
async function listenDeaf(): Promise<{ port: number; end(): Promise<unknown> }> {
  const thread = new Thread(
    `const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      require('node:worker_threads').parentPort.postMessage(server.address().port);
      setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
    });`,
    { eval: true },
  );
  const [port] = (await once(thread, 'message')) as [number];
  for (let taken = true; taken; ) {
    const socket = dialTcp({ host: '127.0.0.1', port });
    sockets.push(socket);
    socket.on('error', () => undefined);
    taken = await Promise.race([
      once(socket, 'connect').then(() => true),
      new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 200)),
    ]);
  }
  return { port, end: () => thread.terminate() };
}

it('a connection reaches its own task though another session is just asking for the same port where it arrives', async () => {
  const busy = await RoutingFleet.start(2, {}, 1);
  try {
    busy.next = 'task-2';
    const waiting = await Waiting.on(busy.task(1));
    const reserve = busy.leases.reserve.bind(busy.leases);
    let answer: () => void = () => undefined;
    const slow = new Promise<void>((resolve) => {
      answer = resolve;
    });
    busy.leases.reserve = (...given) => slow.then(() => reserve(...given));
    let taken = 0;
    const asking = Waiting.on(busy.task(2), { user: 'another', onSocket: () => void taken++ });
    (await connect(waiting.port)).socket.write('hello');
    const socket = await waiting.arrival();
    sockets.push(socket);
    await new Peer(socket).expect('hello');
    answer();
    // By now it was free again, and is the other one's.
    expect((await asking).port).toBe(waiting.port);
    expect(taken).toBe(0);
  } finally {
    await busy.stop();
  }
});

describe('a relay', () => {
  it('carries a connection to the task that owns it, with the address of the client', async () => {
    const { client, session, waiting } = await relayed();
    session.socket.write('from the owner');
    await client.expect('from the owner');
    expect(waiting.address).toBe('127.0.0.1');
    expect(owner().routing.counts()).toMatchObject({ reserved: 0, handedOver: 1 });
    expect(relays()).toMatchObject({ active: 1, begun: 1, failed: 0 });
    expect(await fleet.leases.find('127.0.0.1', waiting.port)).toBeUndefined();
    client.socket.end();
    session.socket.end();
    await noRelay();
    expect(relays()).toEqual({ active: 0, begun: 1, ended: 1, failed: 0, bytes: 'hello'.length + 'from the owner'.length });
  });

  it('carries a connection from any address for who takes any', async () => {
    const waiting = await Waiting.on(owner(), { client: '192.0.2.9', anyAddress: true });
    const client = await connect(waiting.port, '127.0.0.4');
    client.socket.write('hello');
    await waiting.arrival();
    expect(waiting.address).toBe('127.0.0.4');
  });

  it('prefers the one who waits for exactly this client to the one who takes any', async () => {
    const any = await Waiting.on(other(), { client: '192.0.2.9', anyAddress: true });
    const lease = (nonce: string): Lease => ({
      client: '127.0.0.1',
      port: any.port,
      task: 'elsewhere',
      relay: '127.0.0.1:1',
      nonce,
      expires: fleet.clock.now() + 60_000,
      cool: fleet.clock.now() + 60_000,
    });
    await fleet.leases.reserve(lease('n'));
    const client = await connect(any.port);
    client.socket.write('hello');
    await client.end();
    expect(any.arrivals).toBe(0);
    expect(relays().failed).toBe(1);
  });

  it('keeps the end of one direction apart from the other', async () => {
    const { client, session } = await relayed();
    client.socket.end('the last words');
    expect(await session.end()).toBe('end');
    expect(session.text).toBe('the last words');
    await new Promise((resolve) => setTimeout(resolve, 20));
    session.socket.write('an answer after that');
    await client.expect('an answer after that');
    session.socket.end();
    expect(await client.end()).toBe('end');
    await noRelay();
  });

  it('keeps the end of the owner apart from that of the client', async () => {
    const { client, session } = await relayed();
    (client.socket as Socket).allowHalfOpen = true;
    session.socket.end();
    expect(await client.end()).toBe('end');
    client.socket.end('still sending');
    await session.expect('still sending');
    expect(await session.end()).toBe('end');
    await noRelay();
  });

  it.each(['client', 'owner'])('carries a reset by the %s to the other side', async (who) => {
    const { client, session } = await relayed();
    const [from, to] = who === 'client' ? [client, session] : [session, client];
    (from.socket as Socket).resetAndDestroy();
    expect(await to.end()).toBe('reset');
    await noRelay();
  });

  it('carries a reset in the middle of much data, always', async () => {
    for (let round = 0; round < 10; round++) {
      const { client, session } = await relayed();
      const ending = endingOf(session.socket as Socket);
      client.socket.write(Buffer.alloc(2_000_000));
      await eventually(() => session.size > 100_000, 'some of it');
      (client.socket as Socket).resetAndDestroy();
      expect(await within(ending, 'the end')).toBe('reset');
      session.socket.destroy();
    }
    await noRelay();
  });

  it('carries all bytes both ways at once, and the end after them', async () => {
    const { client, session } = await relayed();
    const size = 16 * 1024 * 1024;
    (client.socket as Socket).allowHalfOpen = true;
    const taken = [take(client, 's'), take(session, 'c')];
    client.socket.end(Buffer.alloc(size, 'c'));
    session.socket.end(Buffer.alloc(size, 's'));
    expect(await Promise.all(taken)).toEqual([size, size]);
    await noRelay();
    expect(relays().bytes).toBe(2 * size + 5);
  });

  it('holds no more than a little while the owner does not read', async () => {
    const { client, session } = await relayed();
    session.socket.pause();
    const size = 64 * 1024 * 1024;
    client.socket.write(Buffer.alloc(size));
    await new Promise((resolve) => setTimeout(resolve, 150));
    // The kernel's buffers on the way took some; the rest has not left the client.
    expect(client.socket.writableLength).toBe(size);
    // Held back is not idle.
    await fleet.clock.advance(3_600_000);
    expect(relays().active).toBe(1);
    let received = 0;
    session.socket.removeAllListeners('data');
    session.socket.on('data', ({ length }: Buffer) => {
      received += length;
    });
    session.socket.resume();
    await eventually(() => received === size, 'all of it');
  });

  it('is reset when no byte has come for long', async () => {
    const { client, session } = await relayed();
    await fleet.clock.advance(599_000);
    client.socket.write('.');
    await session.expect('.');
    await fleet.clock.advance(599_000);
    expect(relays().active).toBe(1);
    await fleet.clock.advance(602_000);
    expect([await client.end(), await session.end()]).toEqual(['reset', 'reset']);
    await noRelay();
  });

  it('is closed when the owner is gone', async () => {
    const waiting = await Waiting.on(owner());
    const lease = (await fleet.leases.find('127.0.0.1', waiting.port)) as Lease;
    await owner().routing.close();
    // As if it had been killed: its lease is still there.
    await fleet.leases.reserve(lease);
    const client = await connect(waiting.port);
    client.socket.write('hello');
    expect(await client.end()).toBe('end');
    expect(relays()).toMatchObject({ active: 0, failed: 1 });
    expect(other().logged).toEqual([expect.objectContaining({ event: 'data.refused' })]);
  });

  it('is given up when the owner does not answer within five seconds', async () => {
    const { port, end } = await listenDeaf();
    const waiting = await Waiting.on(owner());
    const lease = (await fleet.leases.find('127.0.0.1', waiting.port)) as Lease;
    await fleet.leases.reserve({ ...lease, relay: `127.0.0.1:${port}` });
    const client = await connect(waiting.port);
    client.socket.write('hello');
    await eventually(() => relays().active === 1, 'the relay');
    await fleet.clock.advance(4_999);
    expect(relays()).toMatchObject({ active: 1, begun: 0, failed: 0 });
    await fleet.clock.advance(1);
    expect(await client.end()).toBe('end');
    expect(relays()).toMatchObject({ active: 0, begun: 0, failed: 1 });
    await end();
  });

  it('ends when the client leaves while the store is asked, or the owner dialled', async () => {
    const waiting = await Waiting.on(owner());
    const find = fleet.leases.find.bind(fleet.leases);
    fleet.leases.find = async (client, port) => {
      await fleet.clock.sleep(1_000);
      return find(client, port);
    };
    const client = await connect(waiting.port);
    client.socket.write('hello');
    await eventually(() => other().routing.counts().waiting === 1, 'the question');
    (client.socket as Socket).resetAndDestroy();
    await eventually(() => other().routing.counts().waiting === 0, 'the end of the client');
    await fleet.clock.advance(1_000);
    await noRelay();
    expect(waiting.arrivals).toBe(0);
    expect(relays()).toMatchObject({ active: 0, begun: 0 });
  });

  it('is refused when there are as many as may be', async () => {
    for (let count = 0; count < 4; count++) await relayed({ user: `user-${count}` });
    const fifth = await Waiting.on(owner(), { user: 'fifth' });
    const client = await connect(fifth.port);
    client.socket.write('hello');
    expect(await client.end()).toBe('end');
    expect(relays()).toMatchObject({ active: 4, begun: 4, failed: 1 });
  });

  it('may finish when its task is stopped, and is reset at the deadline', async () => {
    const first = await relayed();
    const drained = other().routing.drain(new AbortController().signal);
    first.client.socket.end();
    first.session.socket.end();
    await drained;
    const second = await relayed();
    const deadline = new AbortController();
    const late = other().routing.drain(deadline.signal);
    deadline.abort(new Error('deadline'));
    await expect(late).rejects.toThrow('deadline');
    await other().routing.close();
    expect([await second.client.end(), await second.session.end()]).toEqual(['reset', 'reset']);
  });
});

describe('the relay port', () => {
  const relayPort = (task: RoutingTask) => (splitHostPort(task.routing.relay) as { port: number }).port;

  const header = (port: number, nonce: string | undefined, address = '127.0.0.1') =>
    encodeProxyHeader({
      command: 'proxy',
      source: { address, port: 50_000 },
      destination: { address: '203.0.113.5', port },
      tlvs: nonce === undefined ? [] : [{ type: 0xe0, value: Buffer.from(nonce) }],
    });

  async function leased(): Promise<{ waiting: Waiting; lease: Lease }> {
    const waiting = await Waiting.on(owner());
    return { waiting, lease: (await fleet.leases.find('127.0.0.1', waiting.port)) as Lease };
  }

  it('takes in who has the nonce, once', async () => {
    const { waiting, lease } = await leased();
    const first = await connect(relayPort(owner()));
    first.socket.write(Buffer.concat([header(waiting.port, lease.nonce), Buffer.from('proven')]));
    const session = new Peer(await waiting.arrival());
    await session.expect('proven');
    const replayed = await connect(relayPort(owner()));
    replayed.socket.write(header(waiting.port, lease.nonce));
    expect(await replayed.end()).toBe('end');
    expect(waiting.arrivals).toBe(1);
    session.socket.destroy();
  });

  it.each([
    ['no nonce', (lease: Lease) => header(lease.port, undefined)],
    ['a nonce of somebody else', (lease: Lease) => header(lease.port, 'N'.repeat(26))],
    ['a nonce that is cut', (lease: Lease) => header(lease.port, lease.nonce.slice(1))],
    ['an empty nonce', (lease: Lease) => header(lease.port, '')],
    ['the right nonce and another port', (lease: Lease) => header(lease.port + 1, lease.nonce)],
    ['the right nonce and another client', (lease: Lease) => header(lease.port, lease.nonce, '192.0.2.7')],
    ['junk', () => Buffer.from('junk')],
    ['the header of a health check', () => encodeProxyHeader({ command: 'local', tlvs: [] })],
  ])('opens nothing for %s, and the reservation stays', async (_, bytesFor) => {
    const { waiting, lease } = await leased();
    const peer = await connect(relayPort(owner()));
    peer.socket.write(bytesFor(lease));
    expect(await peer.end()).toBe('end');
    expect(waiting.arrivals).toBe(0);
    const honest = await connect(waiting.port);
    honest.socket.write('hello');
    (await waiting.arrival()).destroy();
    expect(waiting.arrivals).toBe(1);
  });

  it('does not wait long for a header', async () => {
    const silent = await connect(relayPort(owner()));
    const slow = await connect(relayPort(owner()));
    slow.socket.write(header(1, 'n').subarray(0, 3));
    await eventually(() => owner().routing.counts().waiting === 2, 'both');
    await fleet.clock.advance(10_000);
    expect([await silent.end(), await slow.end()]).toEqual(['end', 'end']);
  });
});

describe('the address of a relay port', () => {
  it.each([
    ['10.0.0.7:3002', { host: '10.0.0.7', port: 3002 }],
    ['[2001:db8::1]:3002', { host: '2001:db8::1', port: 3002 }],
    ['2001:db8::1:3002', undefined],
    ['10.0.0.7', undefined],
    ['10.0.0.7:0', undefined],
    ['10.0.0.7:70000', undefined],
    ['', undefined],
  ])('is read: %s', (text, expected) => expect(splitHostPort(text)).toEqual(expected));
});
