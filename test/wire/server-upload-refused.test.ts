import { once } from 'node:events';
import { Failure } from '../../runtime/model/failure';
import { FakeClock } from '../support/fake-clock';
import { type BareSession, dialData, failureOf, login, noWait, startWireServer, type WireServer } from '../support/wire-server';

/** Uploads that we refuse in their middle: why is told, and what the client is still sending must not keep it from reading that. */
const payload = Buffer.alloc(300_000, 'causeway ');

let wire: WireServer;
let clock: FakeClock;
let session: BareSession;

beforeEach(async () => {
  clock = new FakeClock();
  wire = await startWireServer({ clock });
  session = (await login(wire, 'TLSv1.3')).session;
});

afterEach(() => wire.stop());

describe('an upload', () => {
  it('throws on what the receiver throws, and the process lives', async () => {
    const port = await session.prepare();
    const delivered = session.open('receive').source.deliver(() => {
      throw new Failure('too-large', 'The file is too large.');
    }, noWait);
    const { tls, peer } = await dialData(port, 'TLSv1.3');
    tls.write(payload);
    expect(await failureOf(delivered)).toBe('too-large: The file is too large.');
    expect(await peer.end()).toBe('reset');
  });

  it('throws on why there is no room', async () => {
    const port = await session.prepare();
    const delivered = session.open('receive').source.deliver(
      () => false,
      () => Promise.reject(new Failure('disk-full', 'No space is left.')),
    );
    const { tls } = await dialData(port, 'TLSv1.3');
    tls.write(payload);
    expect(await failureOf(delivered)).toBe('disk-full: No space is left.');
  });
});

describe('an upload that is refused while its client sends', () => {
  async function refused() {
    const port = await session.prepare();
    const delivered = session.open('receive').source.deliver(
      () => false,
      () => Promise.reject(new Failure('too-large', 'The file is too large.')),
    );
    const connection = await dialData(port, 'TLSv1.3');
    connection.tls.write(payload);
    expect(await failureOf(delivered)).toBe('too-large: The file is too large.');
    return connection;
  }

  it('is thrown away to its end, so that the client reads why', async () => {
    const { tls, peer } = await refused();
    for (let more = 0; more < 20; more++) tls.write(payload);
    tls.end();
    expect(await peer.end()).toBe('end');
  });

  it('is reset after five seconds', async () => {
    const { peer } = await refused();
    await clock.advance(4_900);
    expect(peer.socket.destroyed).toBe(false);
    await clock.advance(200);
    expect(await peer.end()).toBe('reset');
  });

  it('is reset after 64 MiB', async () => {
    const { tls, peer } = await refused();
    const piece = Buffer.alloc(1024 * 1024);
    for (let sent = 0; sent < 70 && !peer.socket.destroyed; sent++) {
      if (!tls.write(piece)) await Promise.race([once(tls, 'drain'), peer.ending]);
    }
    expect(await peer.end()).toBe('reset');
  });
});
