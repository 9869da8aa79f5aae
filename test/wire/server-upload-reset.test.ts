import { once } from 'node:events';
import { FakeClock } from '../support/fake-clock';
import {
  type BareSession,
  collector,
  dial,
  dialData,
  eventually,
  failureOf,
  login,
  noWait,
  startWireServer,
  type TlsVersion,
  type WireServer,
} from '../support/wire-server';

/** A client that resets its connection in the same moment as its last bytes: Node then often says that the connection has ended, and nothing of a reset. */

let wire: WireServer;
let session: BareSession;

beforeEach(async () => {
  wire = await startWireServer({ clock: new FakeClock() });
});
afterEach(() => wire.stop());

it('a reset behind the last bytes of an upload in clear is not the end of the file', async () => {
  session = (await login(wire, 'TLSv1.3')).session;
  const raw = await dial(await session.prepare({ allowClearData: true }, 'clear'));
  await eventually(() => wire.passive.reserved === 0, 'the connection');
  raw.write('begin');
  raw.resetAndDestroy();
  await once(raw, 'close');
  const delivered = session.open('receive', { protection: 'clear' }).source.deliver(collector().accept, noWait);
  expect(await failureOf(delivered)).toBe('cut: Upload incomplete: the data connection broke after 5 bytes.');
});

it.each<TlsVersion>(['TLSv1.2', 'TLSv1.3'])(
  'nor is it with %s, where the partner is allowed to end without close_notify',
  async (version) => {
    session = (await login(wire, version)).session;
    const { raw, tls } = await dialData(await session.prepare(), version);
    tls.write('begin', () => raw.resetAndDestroy());
    const delivered = session.open('receive', { switches: { endOfData: 'off' } }).source.deliver(collector().accept, noWait);
    expect(await failureOf(delivered)).toMatch(/^cut: Upload incomplete: the data connection broke after \d bytes.$/);
  },
);
