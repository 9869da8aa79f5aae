import { once } from 'node:events';
import { FakeClock } from '../support/fake-clock';
import { recordsOf, tappedTls } from '../support/tapped-tls';
import {
  type BareSession,
  collector,
  dial,
  login,
  noWait,
  startWireServer,
  tlsOptions,
  type WireServer,
  within,
} from '../support/wire-server';

/**
 * Uploads that take turns: the last bytes of one are read in another phase of the event loop than they came in, and there our end must not overtake the tickets
 * and the close_notify. Clients of Node take a bare FIN for an end, so it is the records on the wire that are looked at.
 */
const uploads = 4;
const payload = Buffer.alloc(1_000_000, 'causeway ');
/** An alert of TLS 1.3: two bytes, their type and the tag, in a record of application data; tickets are longer. */
const alertLength = 2 + 1 + 16;
const headerLength = 5;

let wire: WireServer;

beforeEach(async () => {
  wire = await startWireServer({ clock: new FakeClock(), passivePorts: 2 * uploads + 4 });
});

afterEach(() => wire.stop());

/** The length of the last record that the server sent before its FIN. */
async function lastRecordOf(session: BareSession): Promise<number> {
  const raw = await dial(await session.prepare());
  const received: Buffer[] = [];
  raw.on('data', (bytes: Buffer) => received.push(bytes));
  const ended = once(raw, 'end');
  const delivered = session.open('receive').source.deliver(collector().accept, noWait);
  const { tls } = await tappedTls(raw, tlsOptions('TLSv1.3'));
  // The connection itself stays open: this client waits for the server's close_notify.
  tls.end(payload);
  await within(delivered, 'the upload');
  await within(ended, 'the end of the server');
  raw.destroy();
  return (recordsOf(Buffer.concat(received)).at(-1)?.length ?? 0) - headerLength;
}

it('every one of several uploads at once is answered with close_notify', async () => {
  for (let round = 0; round < 3; round++) {
    const sessions: BareSession[] = [];
    while (sessions.length < uploads) sessions.push((await login(wire, 'TLSv1.3')).session);
    const lengths = await Promise.all(sessions.map(lastRecordOf));
    expect(lengths).toEqual(lengths.map(() => alertLength));
  }
});
