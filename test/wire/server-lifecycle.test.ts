import { createServer } from 'node:net';
import { Failure } from '../../runtime/model/failure';
import { explainBind, listen } from '../../runtime/server/listener';
import { FakeClock, settle } from '../support/fake-clock';
import type { Login } from '../support/wire-server';
import {
  collector,
  dial,
  dialData,
  eventually,
  failureOf,
  login,
  noWait,
  Peer,
  startWireServer,
  type WireServer,
  within,
} from '../support/wire-server';

/** Listeners and how the server goes down. */

let wire: WireServer;
let clock: FakeClock;

beforeEach(async () => {
  clock = new FakeClock();
  wire = await startWireServer({ clock, limits: { sessionsPerAddress: 2, stallTimeout: 600_000 } });
});

afterEach(() => wire.stop());

describe('a listener', () => {
  it('answers 421 to one connection too many from an address, and closes it although the client does not', async () => {
    await dial(wire.explicitPort);
    await login(wire, 'TLSv1.3');
    await wire.next();
    const raw = await dial(wire.explicitPort);
    raw.allowHalfOpen = true;
    const peer = new Peer(raw);
    expect(await peer.end()).toBe('end');
    expect(peer.text).toMatch(/^421 Too many connections from this address/);
    expect(wire.server.open).toBe(2);
  });

  it('closes one connection too many on the implicit port without a word', async () => {
    await dial(wire.explicitPort);
    await dial(wire.explicitPort);
    const peer = new Peer(await dial(wire.implicitPort));
    await peer.end();
    expect(peer.text).toBe('');
  });

  it('counts each address for itself, and a place is free again when its connection is gone', async () => {
    const first = await dial(wire.explicitPort);
    await dial(wire.explicitPort);
    const other = new Peer(await dial(wire.explicitPort, '127.0.0.2'));
    await other.expect('220 ready');
    expect(wire.server.open).toBe(3);
    first.destroy();
    await eventually(() => wire.server.open === 2, 'the free place');
    const next = new Peer(await dial(wire.explicitPort));
    await next.expect('220 ready');
  });

  it('gives the address of the client without the mapping of dual stack', async () => {
    const peer = new Peer(await dial(wire.explicitPort));
    const session = await wire.next();
    await peer.expect('220 ready');
    expect(session.control).toMatchObject({ peerAddress: '127.0.0.1', localAddress: '127.0.0.1', ipv6: false, implicit: false });
  });

  it('says which port is taken and what to do', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    const options = {
      host: '127.0.0.1',
      port,
      implicit: false,
      connections: undefined as never,
      log: undefined as never,
      accept: () => undefined,
    };
    await expect(listen(options)).rejects.toThrow(
      `port 127.0.0.1:${port} is in use by another program: stop that one, or choose another port`,
    );
    taken.close();
  });

  it.each([
    ['EACCES', 'port 0.0.0.0:21 may not be bound by this user'],
    ['EADDRNOTAVAIL', 'address 0.0.0.0 is not an address of this machine'],
    ['EMFILE', 'port 0.0.0.0:21 cannot be bound'],
  ])('explains %s', (code, text) => {
    expect(explainBind(Object.assign(new Error(code), { code }), '0.0.0.0', 21).message).toContain(text);
  });

  it('explains a name that is none', () => {
    const unknown = Object.assign(new Error('getaddrinfo ENOTFOUND no.such.host'), { code: 'ENOTFOUND', syscall: 'getaddrinfo' });
    expect(explainBind(unknown, 'no.such.host', 'passive').message).toBe(
      'no.such.host is a name without an address: set CAUSEWAY_HOST to an address of this machine, or to 0.0.0.0',
    );
  });
});

describe('the server going down', () => {
  async function transferring(): Promise<
    Login & { delivered: Promise<void>; tls: Awaited<ReturnType<typeof dialData>>['tls']; abort: AbortController }
  > {
    const control = await login(wire, 'TLSv1.3');
    const abort = new AbortController();
    const sink = collector();
    const port = await control.session.prepare();
    control.session.transferring = true;
    const delivered = control.session.open('receive', { signal: abort.signal }).source.deliver(sink.accept, noWait);
    delivered.catch(() => undefined); // Looked at by the test.
    const { tls } = await dialData(port, 'TLSv1.3');
    tls.write('begin');
    await eventually(() => sink.pieces.length > 0, 'some bytes');
    return { ...control, delivered, tls, abort };
  }

  it('takes no new connections, and those that are idle are told to reconnect', async () => {
    const { peer } = await login(wire, 'TLSv1.3');
    const drained = wire.server.drain();
    await peer.expect('421 Server restarting, reconnect now.\r\n');
    await within(drained, 'the drain');
    await expect(dial(wire.explicitPort)).rejects.toThrow('ECONNREFUSED');
    await expect(dial(wire.implicitPort)).rejects.toThrow('ECONNREFUSED');
    expect(wire.server.open).toBe(0);
  });

  it('behind a load balancer, goes on taking connections until shortly before the end', async () => {
    await wire.stop();
    wire = await startWireServer({ clock, limits: { lastCall: 15_000 } });
    const { session } = await login(wire, 'TLSv1.3');
    const drained = wire.server.drain();
    await clock.advance(100_000);
    const late = await login(wire, 'TLSv1.3');
    expect(session.drains).toEqual(['soon']);
    expect(late.session.drains).toEqual(['soon']);
    await clock.advance(5_100);
    await late.peer.expect('421 Server restarting, reconnect now.\r\n');
    await within(drained, 'the drain');
    await expect(dial(wire.explicitPort)).rejects.toThrow('ECONNREFUSED');
  });

  it('is over at once when nobody is there', async () => {
    await within(wire.server.drain(), 'the drain');
  });

  it('lets a transfer finish', async () => {
    const { session, delivered, tls, peer } = await transferring();
    let drained = false;
    const drain = wire.server.drain().then(() => {
      drained = true;
    });
    await clock.advance(119_000);
    expect(session.drains).toEqual(['idle']);
    expect(drained).toBe(false);
    tls.end(' end');
    await within(delivered, 'the upload');
    session.control.end();
    await peer.end();
    await within(drain, 'the drain');
    expect(session.drains).toEqual(['idle']);
  });

  it('tells what still runs at the deadline to stop, waits for the last words, and then closes everything', async () => {
    const { session, delivered, abort } = await transferring();
    const drain = wire.server.drain();
    await clock.advance(120_100);
    expect(session.drains).toEqual(['idle', 'now']);
    abort.abort(new Failure('shutdown', 'Server restarting.'));
    expect(await failureOf(delivered)).toBe('shutdown: Server restarting.');
    expect(session.gone).toBe(false);
    await clock.advance(5_100);
    await within(drain, 'the drain');
    await session.until(() => session.gone, 'the end');
  });

  it('waits for what a session still does when its client has gone', async () => {
    const { session, raw } = await transferring();
    let putAside: () => void = () => undefined;
    session.after = new Promise((resolve) => {
      putAside = resolve;
    });
    let drained = false;
    const drain = wire.server.drain().then(() => {
      drained = true;
    });
    raw.destroy();
    await session.until(() => session.gone, 'the end');
    await settle();
    expect(drained).toBe(false);
    expect(wire.server.open).toBe(1);
    putAside();
    await within(drain, 'the drain');
    expect(wire.server.open).toBe(0);
  });

  it('stops at once when told to', async () => {
    const { session } = await login(wire, 'TLSv1.3');
    wire.server.stop();
    await session.until(() => session.gone, 'the end');
    await settle();
    expect(wire.server.open).toBe(0);
  });
});
