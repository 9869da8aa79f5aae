import { Failure } from '../../runtime/model/failure';
import { FakeClock } from '../support/fake-clock';
import { type BareSession, dial, eventually, login, Peer, startWireServer, type WireServer } from '../support/wire-server';

/** A transfer that is over before it has asked for its connection: ABOR came before 150, and neither rules nor store begin anything. */

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
