import { once } from 'node:events';
import { ProcessMetrics } from '../../runtime/adapters/process-metrics';
import { systemClock } from '../../runtime/adapters/system-clock';
import { FtpsServer } from '../../runtime/server/server';
import { makeCertificate, TestCertificates } from '../support/certificates';
import { tappedTls } from '../support/tapped-tls';
import {
  BareSession,
  collector,
  dial,
  dialData,
  failureOf,
  login,
  noWait,
  Peer,
  type TlsVersion,
  testLimits,
  tlsOptions,
  type WireServer,
  within,
} from '../support/wire-server';
import { RoutingFleet } from './routing-fleet';

/** TLS on data connections that came behind a header, on the right task and on the wrong one: their ends must be judged as if they had come directly. */

let fleet: RoutingFleet;
let server: FtpsServer;
let wire: Pick<WireServer, 'implicitPort' | 'next'>;
let session: BareSession;

beforeEach(async () => {
  fleet = await RoutingFleet.start(2);
  const sessions: BareSession[] = [];
  server = new FtpsServer({
    host: '127.0.0.1',
    explicitPort: 0,
    implicitPort: 0,
    tls: { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3' },
    certificates: new TestCertificates(await makeCertificate()),
    dataSockets: fleet.task(1).routing.dataSockets,
    passiveAddress: (local) => local,
    createSession: (control, data) => {
      const made = new BareSession(control, data);
      sessions.push(made);
      return made;
    },
    clock: systemClock,
    log: quiet,
    metrics: new ProcessMetrics(),
    limits: testLimits,
  });
  const { implicitPort } = await server.start();
  const next = async () => {
    while (sessions.length === 0) await new Promise((resolve) => setImmediate(resolve));
    return sessions.shift() as BareSession;
  };
  wire = { implicitPort, next };
});

const ignore = () => undefined;
const quiet = { debug: ignore, info: ignore, warn: ignore, error: ignore, with: () => quiet };

afterEach(async () => {
  session.data.close();
  session.control.destroy();
  server.stop();
  await fleet.stop();
});

const rows = (['TLSv1.2', 'TLSv1.3'] as TlsVersion[]).flatMap((version) =>
  ['task-1', 'task-2'].map((target) => ({ version, target, where: target === 'task-1' ? 'the right task' : 'the wrong task' })),
);

describe.each(rows)('a data connection on $where, $version', ({ version, target }) => {
  const payload = Buffer.alloc(700_000, 'payload ');

  beforeEach(async () => {
    fleet.next = target;
    session = (await login(wire as WireServer, version)).session;
  });

  async function upload() {
    const port = await session.prepare();
    const transfer = session.open('receive');
    const taken = collector();
    const delivered = transfer.source.deliver(taken.accept, noWait);
    return { port, transfer, taken, delivered };
  }

  it('delivers every byte and its verified end', async () => {
    const { port, transfer, taken, delivered } = await upload();
    const { tls, peer } = await dialData(port, version);
    tls.end(payload);
    await within(delivered, 'the upload');
    expect(taken.bytes.equals(payload)).toBe(true);
    expect(transfer.end).toBe('verified');
    expect(await peer.end()).toBe('end');
    expect(fleet.task(2).routing.counts().relays.begun).toBe(target === 'task-2' ? 1 : 0);
  });

  it('is cut when its client ends TCP without close_notify', async () => {
    const { port, delivered } = await upload();
    const raw = await dial(port);
    const { tls } = await tappedTls(raw, tlsOptions(version));
    await new Promise((resolve) => tls.write(payload, resolve));
    raw.end();
    expect(await failureOf(delivered)).toMatch(/^cut: Upload incomplete: TLS stream ended without close_notify after 700000 bytes/);
  });

  it('may be tried again when it ends in the middle of its handshake and a task may have died that relayed it', async () => {
    const { port, delivered } = await upload();
    const raw = await dial(port);
    new Peer(raw); // Which may be reset.
    raw.end(Buffer.from([22, 3, 1]));
    const kind = target === 'task-1' ? 'data-tls' : 'no-data-connection';
    expect(await failureOf(delivered)).toMatch(`${kind}: The data connection was closed during its TLS handshake.`);
  });

  it('is cut when its client resets it', async () => {
    const { port, taken, delivered } = await upload();
    const { raw, tls } = await dialData(port, version);
    tls.write(payload);
    await within(
      (async () => {
        while (taken.pieces.length === 0) await new Promise((resolve) => setImmediate(resolve));
      })(),
      'the first bytes',
    );
    raw.resetAndDestroy();
    expect(await failureOf(delivered)).toMatch(/^cut: /);
  });

  it('delivers a download and its end, and a failed one as a reset', async () => {
    const port = await session.prepare();
    const whole = session.open('send');
    const { peer } = await dialData(port, version);
    await within(
      whole.send(
        (async function* () {
          yield payload;
        })(),
      ),
      'the download',
    );
    expect(await peer.end()).toBe('end');
    expect(peer.size).toBe(payload.length);
    const second = await session.prepare();
    let goOn: () => void = ignore;
    const read = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const sent = session.open('send').send(
      (async function* () {
        // More than is collected before the first write.
        yield Buffer.alloc(2 * 1024 * 1024);
        await read;
        throw new Error('the store is gone');
      })(),
    );
    sent.catch(() => undefined); // Looked at below.
    const raw = await dial(second);
    const broken = once(raw, 'error');
    const { tls } = await tappedTls(raw, tlsOptions(version));
    tls.on('data', goOn);
    await expect(sent).rejects.toThrow('the store is gone');
    expect(await within(broken, 'the reset')).toEqual([expect.objectContaining({ code: 'ECONNRESET' })]);
  });
});
