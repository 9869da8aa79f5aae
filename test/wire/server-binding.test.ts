import { constants } from 'node:crypto';
import type { ConnectionOptions } from 'node:tls';
import type { UserSwitches } from '../../runtime/model/user';
import { FakeClock } from '../support/fake-clock';
import {
  collector,
  dial,
  dialData,
  eventually,
  failureOf,
  type Login,
  login,
  noWait,
  Peer,
  startWireServer,
  type TlsVersion,
  type WireServer,
  within,
} from '../support/wire-server';

/** Whose data connection it is: TLS sessions prove that it belongs to this control connection, addresses that it comes from the same client. */

interface Kind {
  readonly name: string;
  readonly version: TlsVersion;
  readonly options: ConnectionOptions;
}

const kinds: Kind[] = [
  { name: 'TLS 1.2 by ticket', version: 'TLSv1.2', options: {} },
  { name: 'TLS 1.2 by session id', version: 'TLSv1.2', options: { secureOptions: constants.SSL_OP_NO_TICKET } },
  { name: 'TLS 1.3', version: 'TLSv1.3', options: {} },
];

const elsewhere = '127.0.0.2';

let wire: WireServer;
let clock: FakeClock;

beforeEach(async () => {
  clock = new FakeClock();
  wire = await startWireServer({ clock });
});

afterEach(() => wire.stop());

/** One upload of `control`; the client offers a TLS session. */
async function upload(
  control: Login,
  { version, options }: Kind,
  ticket: Buffer | undefined,
  switches: Partial<UserSwitches> = {},
  localAddress?: string,
): Promise<{ outcome: string; reused: boolean }> {
  const port = await control.session.prepare(switches);
  const delivered = control.session.open('receive', { switches }).source.deliver(collector().accept, noWait);
  delivered.catch(() => undefined); // Looked at below.
  const dialled = dialData(port, version, { ...options, ticket, localAddress });
  // Refused at the end of the handshake, a TLS 1.2 client may see the reset before its own end of it.
  const reused = await dialled.then(
    ({ tls }) => {
      tls.end('data');
      return tls.isSessionReused();
    },
    () => false,
  );
  return { outcome: await failureOf(delivered), reused };
}

async function loginWithTicket(kind: Kind): Promise<Login> {
  const control = await login(wire, kind.version, kind.options);
  await eventually(() => control.ticket() !== undefined, 'a TLS session to resume');
  return control;
}

describe.each(kinds)('a data connection with $name', (kind) => {
  it('resumes its own control connection, again and again', async () => {
    const control = await loginWithTicket(kind);
    for (let round = 0; round < 3; round++) {
      expect(await upload(control, kind, control.ticket(), { dataTlsReuse: 'require' })).toEqual({
        outcome: 'nothing failed',
        reused: true,
      });
    }
  });

  it('does not resume the session of another control connection', async () => {
    const own = await loginWithTicket(kind);
    const foreign = await loginWithTicket(kind);
    expect(await upload(own, kind, foreign.ticket())).toEqual({ outcome: 'nothing failed', reused: false });
  });

  it('is refused without resumption where that is required', async () => {
    const own = await loginWithTicket(kind);
    const foreign = await loginWithTicket(kind);
    const refused = 'data-not-resumed: Data connection must reuse the TLS session of the control connection.';
    expect((await upload(own, kind, foreign.ticket(), { dataTlsReuse: 'require' })).outcome).toBe(refused);
    expect((await upload(own, kind, undefined, { dataTlsReuse: 'require' })).outcome).toBe(refused);
  });

  it('from another address is taken when it resumes and the partner has an address pool', async () => {
    const control = await loginWithTicket(kind);
    const switches = { dataPeer: 'session' } as const;
    expect(await upload(control, kind, control.ticket(), switches, elsewhere)).toEqual({ outcome: 'nothing failed', reused: true });
  });

  it('from another address is refused when it does not resume', async () => {
    const control = await loginWithTicket(kind);
    const outcome = (await upload(control, kind, undefined, { dataPeer: 'session' }, elsewhere)).outcome;
    expect(outcome).toBe(`wrong-peer: Data connection came from ${elsewhere}, control from 127.0.0.1.`);
  });
});

describe('a stranger', () => {
  it('is closed without an answer, and the client whose port it is is served', async () => {
    const control = await login(wire, 'TLSv1.3');
    const port = await control.session.prepare();
    await new Peer(await dial(port, elsewhere)).end();
    const delivered = control.session.open('receive').source.deliver(collector().accept, noWait);
    const { tls } = await dialData(port, 'TLSv1.3');
    tls.end('data');
    await within(delivered, 'the upload');
    expect(wire.logged.filter(({ event }) => event === 'data.refused')).toHaveLength(1);
  });

  it('is named when nobody else came', async () => {
    const control = await login(wire, 'TLSv1.3');
    const port = await control.session.prepare();
    const delivered = control.session.open('receive').source.deliver(collector().accept, noWait);
    delivered.catch(() => undefined); // Looked at below.
    await new Peer(await dial(port, elsewhere)).end();
    await clock.advance(60_100);
    expect(await failureOf(delivered)).toBe(`wrong-peer: Data connection came from ${elsewhere}, control from 127.0.0.1.`);
  });

  it('on a port that nobody waits for is closed', async () => {
    const control = await login(wire, 'TLSv1.3');
    const port = await control.session.prepare();
    control.session.data.close();
    await new Peer(await dial(port)).end();
  });

  it('is not served by a second connection for one reservation', async () => {
    const control = await login(wire, 'TLSv1.3');
    const port = await control.session.prepare();
    await dialData(port, 'TLSv1.3');
    await new Peer(await dial(port)).end();
    expect(control.session.data.prepared).toBe(true);
  });
});
