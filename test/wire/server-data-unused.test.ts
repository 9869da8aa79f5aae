import { Failure } from '../../runtime/model/failure';
import { FakeClock } from '../support/fake-clock';
import { type BareSession, dial, eventually, login, Peer, startWireServer, type WireServer, within } from '../support/wire-server';

/**
 * Data connections that no transfer takes: it is over before it has asked for its own, because ABOR came before 150 and neither rules nor store begin anything;
 * or its command is refused before the connection, which its client has made, has come to light here.
 */

let wire: WireServer;
let session: BareSession;

beforeEach(async () => {
  wire = await startWireServer({ clock: new FakeClock() });
  session = (await login(wire, 'TLSv1.3')).session;
});
afterEach(() => wire.stop());

describe.each(['send', 'receive'] as const)('a transfer that was aborted before it began to %s', (direction) => {
  const signal = AbortSignal.abort(new Failure('aborted', 'Transfer aborted.'));

  it('closes the connection that had come for it', async () => {
    const peer = new Peer(await dial(await session.prepare()));
    await eventually(() => wire.passive.reserved === 0, 'the connection');
    session.open(direction, { signal });
    await peer.end();
  });

  it('gives back the port that nobody had come for', async () => {
    await session.prepare();
    session.open(direction, { signal });
    expect(wire.passive.reserved).toBe(0);
  });
});

describe('a data connection that comes to light behind the refusal of its command', () => {
  it('is closed, so that a waiting client goes on, and the next needs a port of its own', async () => {
    const port = await session.prepare();
    session.data.refuse();
    const peer = new Peer(await dial(port));
    await peer.end();
    expect(session.data.prepared).toBe(false);
  });

  it('is taken by the transfer that has been asked for since', async () => {
    const port = await session.prepare({}, 'clear');
    session.data.refuse();
    const sent = session.open('send', { protection: 'clear' }).send(content());
    const peer = new Peer(await dial(port));
    await peer.end();
    await within(sent, 'the transfer');
    expect(peer.text).toBe('content');
  });
});

async function* content(): AsyncGenerator<Buffer> {
  yield Buffer.from('content');
}
