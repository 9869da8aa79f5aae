import { FakeClock } from '../support/fake-clock';
import { tappedTls } from '../support/tapped-tls';
import {
  type BareSession,
  dial,
  login,
  Peer,
  startWireServer,
  type TlsVersion,
  tlsOptions,
  type WireServer,
  within,
} from '../support/wire-server';

/** A client that has nothing to say on a download may say so at once (RFC 793 §3.5, RFC 8446 §6.1): its end is not ours. */

const size = 3 * 1024 * 1024;

let wire: WireServer;
let session: BareSession;

beforeEach(async () => {
  wire = await startWireServer({ clock: new FakeClock() });
});
afterEach(() => wire.stop());

/** What the client is slow to ask for: its end is here long before ours. */
async function* slowly(asked: Promise<unknown>): AsyncGenerator<Buffer> {
  yield Buffer.alloc(size / 2, 'first');
  await asked;
  yield Buffer.alloc(size / 2, 'second');
}

it('a download in clear goes on when the client has ended its own side', async () => {
  session = (await login(wire, 'TLSv1.3')).session;
  const raw = await dial(await session.prepare({ allowClearData: true }, 'clear'));
  raw.allowHalfOpen = true;
  const peer = new Peer(raw);
  const ended = new Promise((resolve) => raw.end(() => setImmediate(resolve)));
  const sent = session.open('send', { protection: 'clear' }).send(slowly(ended.then(later)));
  await within(sent, 'the download');
  expect(await peer.end()).toBe('end');
  expect(peer.size).toBe(size);
});

it.each<TlsVersion>(['TLSv1.2', 'TLSv1.3'])('and so with %s, behind a close_notify', async (version) => {
  session = (await login(wire, version)).session;
  const raw = await dial(await session.prepare());
  const { tls, flushed } = await tappedTls(raw, tlsOptions(version));
  const peer = new Peer(tls);
  tls.end();
  const sent = session.open('send').send(slowly(flushed().then(later)));
  await within(sent, 'the download');
  expect(await peer.end()).toBe('end');
  expect(peer.size).toBe(size);
});

/** The server has read what was sent. */
async function later(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}
