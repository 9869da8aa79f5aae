import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Failure } from '../../runtime/model/failure';
import { encodeProxyHeader } from '../../runtime/routing/encode-proxy-header';
import { probe, probeShapes } from '../support/fake-load-balancer-probe';
import { dial, eventually, Peer } from '../support/wire-server';
import { RoutingFleet, Waiting } from './routing-fleet';

/** The data port of one task, behind the load balancer and with hostile peers in front of it. */

let fleet: RoutingFleet;
const sockets: Socket[] = [];

beforeEach(async () => {
  fleet = await RoutingFleet.start(1, { mostWaiting: 8, mostFromOne: 6 });
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await fleet.stop();
});

const one = () => fleet.task(1);

async function connect(port: number, localAddress?: string): Promise<Peer> {
  const socket = await dial(port, localAddress);
  sockets.push(socket);
  return new Peer(socket);
}

const direct = () => connect(one().routing.dataPort);

const headerFor = (port: number, address = '127.0.0.1') =>
  encodeProxyHeader({ command: 'proxy', source: { address, port: 50_000 }, destination: { address: '203.0.113.5', port }, tlvs: [] });

async function readAll(socket: Socket): Promise<string> {
  sockets.push(socket);
  let text = '';
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1');
  });
  socket.resume();
  await once(socket, 'end');
  return text;
}

const quiet = () => eventually(() => one().routing.counts().waiting === 0 && fleet.balancer.open === 0, 'nothing to be left');

describe('the data port', () => {
  it('hands over a connection with its first bytes, paused, with the address of the client', async () => {
    const waiting = await Waiting.on(one());
    const peer = await connect(waiting.port);
    await new Promise((resolve) => setTimeout(resolve, 20));
    // The load balancer has said nothing yet.
    expect(waiting.arrivals).toBe(0);
    expect(one().routing.counts().waiting).toBe(1);
    peer.socket.end('first bytes');
    const socket = await waiting.arrival();
    expect(waiting.address).toBe('127.0.0.1');
    expect(socket.readableFlowing).not.toBe(true);
    expect(await readAll(socket)).toBe('first bytes');
    expect(one().routing.counts()).toMatchObject({ reserved: 0, waiting: 0, refused: 0, relays: { begun: 0 } });
    expect(await fleet.leases.find('127.0.0.1', waiting.port)).toBeUndefined();
  });

  it.each([1, 7, 15, 16, 17, 28, 60])('puts the header together from pieces of %i bytes and loses none behind it', async (size) => {
    const waiting = await Waiting.on(one());
    const peer = await direct();
    const bytes = Buffer.concat([headerFor(waiting.port), Buffer.from('payload behind')]);
    for (let offset = 0; offset < bytes.length; offset += size) {
      peer.socket.write(bytes.subarray(offset, offset + size));
      await new Promise((resolve) => setImmediate(resolve));
    }
    peer.socket.end(' and after');
    expect(await readAll(await waiting.arrival())).toBe('payload behind and after');
  });

  it('keeps what came early while nobody reads it, and takes no more than a socket holds', async () => {
    const waiting = await Waiting.on(one());
    const peer = await direct();
    peer.socket.write(headerFor(waiting.port));
    const socket = await waiting.arrival();
    peer.socket.write(Buffer.alloc(8 * 1024 * 1024, 'x'));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(socket.readableLength).toBeLessThanOrEqual(256 * 1024);
    peer.socket.end('.');
    expect(await readAll(socket)).toHaveLength(8 * 1024 * 1024 + 1);
  });

  it('reads one header, and a second one is payload', async () => {
    const mine = await Waiting.on(one());
    const others = await Waiting.on(one(), { client: '192.0.2.9', user: 'other' });
    const peer = await connect(mine.port);
    const forged = headerFor(others.port, '192.0.2.9');
    peer.socket.end(forged);
    expect(await readAll(await mine.arrival())).toBe(forged.toString('latin1'));
    expect(others.arrivals).toBe(0);
  });

  it('gives a connection to nobody when its client reserved nothing, and tells those who wait there', async () => {
    const waiting = await Waiting.on(one(), { client: '192.0.2.9' });
    const peer = await connect(waiting.port);
    peer.socket.write('hello');
    expect(await peer.end()).toBe('end');
    expect(waiting.strangers).toEqual(['127.0.0.1']);
    expect(waiting.arrivals).toBe(0);
  });

  it('gives a connection from anywhere to who takes any', async () => {
    const waiting = await Waiting.on(one(), { client: '192.0.2.9', anyAddress: true });
    const peer = await connect(waiting.port, '127.0.0.3');
    peer.socket.end('hello');
    expect(await readAll(await waiting.arrival())).toBe('hello');
    expect(waiting.address).toBe('127.0.0.3');
    expect(await fleet.leases.find('*', waiting.port)).toBeUndefined();
  });

  it.each(probeShapes)('lets a health check look, and tells nobody: %s', async (shape) => {
    const waiting = await Waiting.on(one());
    expect(await probe('127.0.0.1', one().routing.dataPort, shape)).toEqual({ text: '', reset: false });
    await quiet();
    expect(one().routing.counts()).toMatchObject({ refused: 0, reserved: 1 });
    expect(one().logged).toEqual([]);
    expect(waiting.strangers).toEqual([]);
  });

  it.each([
    ['junk', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['junk without end', Buffer.alloc(40_000, 'x')],
    ['version 1', Buffer.from('PROXY TCP4 192.0.2.1 203.0.113.5 54321 8192\r\n')],
    ['a header that is too long', Buffer.from('0d0a0d0a000d0a515549540a2111ffff', 'hex')],
    ['a forged checksum', Buffer.from('0d0a0d0a000d0a515549540a21110013000000000000000000000000030004deadbeef', 'hex')],
  ])('refuses %s with FIN', async (_, bytes) => {
    const peer = await direct();
    peer.socket.write(bytes);
    expect(await peer.end()).toBe('end');
    peer.socket.end();
    await quiet();
    expect(one().logged[0]).toMatchObject({ event: 'data.refused', fields: { text: expect.stringContaining('PROXY header') } });
  });

  it('closes what shows no header for a minute, or only half of one', async () => {
    const [silent, half] = [await direct(), await direct()];
    half.socket.write(headerFor(1).subarray(0, 20));
    await eventually(() => one().routing.counts().waiting === 2, 'both');
    await fleet.clock.advance(59_000);
    expect(one().routing.counts().waiting).toBe(2);
    await fleet.clock.advance(1_000);
    expect([await silent.end(), await half.end()]).toEqual(['end', 'end']);
    await quiet();
  });

  it('forgets a connection that ends before its header', async () => {
    const [ended, reset] = [await direct(), await direct()];
    await eventually(() => one().routing.counts().waiting === 2, 'both');
    ended.socket.end();
    reset.socket.resetAndDestroy();
    await quiet();
    expect(one().logged).toEqual([]);
  });

  it('makes room for the newest when too many say nothing', async () => {
    const peers: Peer[] = [];
    for (let count = 0; count < 7; count++) peers.push(await direct());
    expect(await (peers[0] as Peer).end()).toBe('end');
    const waiting = await Waiting.on(one());
    const peer = await direct();
    peer.socket.end(Buffer.concat([headerFor(waiting.port), Buffer.from('x')]));
    expect(await readAll(await waiting.arrival())).toBe('x');
    expect(one().routing.counts().waiting).toBeLessThanOrEqual(6);
  });

  it('is as before after thousands of connects', async () => {
    const waiting = await Waiting.on(one());
    const junk = [Buffer.alloc(0), Buffer.from('junk'), headerFor(1), headerFor(1).subarray(0, 9)];
    for (let round = 0; round < 40; round++) {
      const peers = await Promise.all(Array.from({ length: 50 }, () => direct()));
      for (const [index, { socket }] of peers.entries()) {
        socket.on('error', () => undefined);
        socket.write(junk[index % junk.length] as Buffer);
        if (index % 3 === 0) socket.destroy();
        else socket.end();
      }
      await Promise.all(peers.map((peer) => peer.end()));
      for (const { socket } of peers) socket.destroy();
    }
    await quiet();
    expect(one().logged.length).toBeLessThanOrEqual(10);
    const peer = await direct();
    peer.socket.end(Buffer.concat([headerFor(waiting.port), Buffer.from('still here')]));
    expect(await readAll(await waiting.arrival())).toBe('still here');
    await fleet.clock.advance(60_000);
    expect(fleet.clock.pending).toBe(0);
  });
});

describe('reservations behind a load balancer', () => {
  it('take no late bytes of a connection that was given up', async () => {
    const given = await Waiting.on(one());
    const late = await connect(given.port);
    given.release();
    const ports = new Set<number>();
    for (let count = 0; count < 20; count++) {
      const { port, release } = await Waiting.on(one()).catch(() => ({ port: 0, release: () => undefined }));
      ports.add(port);
      release();
    }
    expect(ports).not.toContain(given.port);
    late.socket.write('late');
    expect(await late.end()).toBe('end');
    await fleet.clock.advance(10_000);
    expect(await fleet.leases.find('127.0.0.1', given.port)).toBeUndefined();
    await expect(Waiting.on(one())).resolves.toBeDefined();
  });

  it('that expired keep their port shut for ten seconds more', async () => {
    const ports = fleet.balancer.ports('data');
    const all: Waiting[] = [];
    // A partner who has more than one is kept from some of them.
    for (let user = 0; all.length < ports.length; user++) {
      const waiting = await Waiting.on(one(), { user: `user-${user}` }).catch(() => undefined);
      if (waiting) all.push(waiting);
    }
    await fleet.clock.advance(60_000);
    expect(all.map(({ expired }) => expired)).toEqual(ports.map(() => 1));
    await expect(Waiting.on(one())).rejects.toMatchObject({
      kind: 'no-data-connection',
      message: expect.stringContaining('or try again in 10 seconds'),
    });
    await fleet.clock.advance(10_000);
    await expect(Waiting.on(one())).resolves.toBeDefined();
  });

  it('of a session whose commands are refused one after the other take ports in turn, at one write each, and leave those of others alone', async () => {
    const calls: boolean[] = [];
    const many = await RoutingFleet.start(1, {}, 24);
    const reserve = many.leases.reserve.bind(many.leases);
    many.leases.reserve = async (...given) => {
      const granted = await reserve(...given);
      calls.push(granted);
      return granted;
    };
    try {
      const session = {};
      const ports: number[] = [];
      for (let count = 0; count < 60; count++) {
        const { port, release } = await Waiting.on(many.task(1), { session });
        expect(ports.slice(-3)).not.toContain(port);
        ports.push(port);
        release();
      }
      expect(new Set(ports).size).toBe(4);
      expect(calls).toEqual(ports.map(() => true));
      // What is late for one of them meets no other session.
      for (let count = 0; count < 12; count++) {
        const other = await Waiting.on(many.task(1), { user: `other-${count}` });
        expect(ports).not.toContain(other.port);
      }
    } finally {
      await many.stop();
    }
  });

  it('of a partner who has one at a time come to every port', async () => {
    const ports = fleet.balancer.ports('data');
    const seen = new Set<number>();
    for (let draws = 0; draws < 40 * ports.length && seen.size < ports.length; draws++) {
      const { port, release } = await Waiting.on(one());
      seen.add(port);
      release();
      await fleet.clock.advance(10_000);
    }
    expect([...seen].sort()).toEqual([...ports].sort());
  });

  it('of one partner on all tasks together leave ports to the others at his address', async () => {
    const two = await RoutingFleet.start(2, {}, 12);
    try {
      const held = async (user: string) => {
        let count = 0;
        for (const { routing } of two.tasks) {
          for (; ; count++) {
            if (!(await Waiting.on({ ...two.task(1), routing }, { user }).catch(() => undefined))) break;
          }
        }
        return count;
      };
      // Two tasks: of the four that are kept from him he may have got one on each.
      expect(await held('acme')).toBeLessThanOrEqual(10);
      expect(await held('beta')).toBeGreaterThan(0);
    } finally {
      await two.stop();
    }
  });

  it('stop looking for a port when the store is slow', async () => {
    let asked = 0;
    fleet.leases.reserve = async () => {
      asked++;
      await fleet.clock.sleep(4_000);
      return false;
    };
    const refused = expect(Waiting.on(one())).rejects.toBeInstanceOf(Failure);
    await fleet.clock.advance(20_000);
    await refused;
    expect(asked).toBe(3);
    expect(one().routing.counts().reserved).toBe(0);
  });

  it('cost one write each, and a connection that arrives at its own task no read', async () => {
    const calls: string[] = [];
    for (const name of ['reserve', 'find', 'release'] as const) {
      const original = fleet.leases[name].bind(fleet.leases) as (...given: unknown[]) => Promise<never>;
      fleet.leases[name] = (...given: unknown[]) => {
        calls.push(name);
        return original(...given);
      };
    }
    const waiting = await Waiting.on(one());
    (await connect(waiting.port)).socket.write('x');
    await waiting.arrival();
    expect(calls).toEqual(['reserve', 'release']);
  });

  it('ask the store about at most 256 connections at once', async () => {
    const asked: (() => void)[] = [];
    fleet.leases.find = () => new Promise((resolve) => asked.push(() => resolve(undefined)));
    const peers: Peer[] = [];
    for (let round = 0; round < 26; round++) {
      const ten = await Promise.all(Array.from({ length: 10 }, () => direct()));
      // Each shows its header at once: only so many may wait without one.
      for (const { socket } of ten) socket.write(headerFor(1));
      peers.push(...ten);
      await eventually(() => asked.length === Math.min(256, peers.length), 'the questions');
    }
    await Promise.all(peers.slice(256).map((peer) => peer.end()));
    expect(asked).toHaveLength(256);
    for (const answer of asked.splice(0)) answer();
    await eventually(() => asked.length === 256, 'the second questions');
    for (const answer of asked) answer();
    await Promise.all(peers.map((peer) => peer.end()));
    await quiet();
  });

  it('are not opened when the store cannot say whose connection it is', async () => {
    fleet.leases.find = () => Promise.reject(new Failure('store-unavailable', 'The store does not answer.'));
    const peer = await connect(fleet.balancer.ports('data')[0] as number);
    peer.socket.write('x');
    expect(await peer.end()).toBe('end');
    expect(one().logged).toEqual([expect.objectContaining({ event: 'store.error' })]);
    fleet.leases.find = () => new Promise(() => undefined);
    const hung = await connect(fleet.balancer.ports('data')[0] as number);
    hung.socket.write('x');
    await eventually(() => one().routing.counts().waiting === 1, 'the question');
    await new Promise((resolve) => setTimeout(resolve, 30));
    await fleet.clock.advance(10_000);
    expect(await hung.end()).toBe('end');
  });
});
