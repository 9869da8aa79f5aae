import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import type { UserSwitches } from '../../runtime/model/user';
import type { DataTransfer } from '../../runtime/session/channels';
import { FakeClock } from '../support/fake-clock';
import { tappedTls } from '../support/tapped-tls';
import {
  type BareSession,
  collector,
  dial,
  failureOf,
  login,
  noWait,
  Peer,
  startWireServer,
  tlsOptions,
  type WireServer,
  within,
} from '../support/wire-server';

/** Old clients that have nothing to send close the data connection without TLS, or without its end: an empty file, if the partner is allowed to say it so. */

let wire: WireServer;

beforeEach(async () => {
  wire = await startWireServer({ clock: new FakeClock() });
});

afterEach(() => wire.stop());

describe('an empty file from a client that never begins TLS', () => {
  let session: BareSession;

  beforeEach(async () => {
    session = (await login(wire, 'TLSv1.3')).session;
  });

  async function emptyUpload(
    switches: Partial<UserSwitches>,
    end: (raw: Socket) => Promise<void> | void,
  ): Promise<[DataTransfer, Promise<void>]> {
    const port = await session.prepare(switches);
    const transfer = session.open('receive', { switches });
    const delivered = transfer.source.deliver(collector().accept, noWait);
    const raw = await dial(port);
    new Peer(raw);
    await end(raw);
    return [transfer, delivered];
  }

  it('fails unless the partner is allowed it', async () => {
    const [, delivered] = await emptyUpload({}, (raw) => void raw.end());
    const remedy = 'If this client sends empty files so, set allowEmptyWithoutTls for this account.';
    expect(await failureOf(delivered)).toBe(`data-tls: The data connection was closed before its TLS handshake. ${remedy}`);
  });

  it('is received, unverified and noted, when the partner is allowed it', async () => {
    const [transfer, delivered] = await emptyUpload({ allowEmptyWithoutTls: true }, (raw) => void raw.end());
    await within(delivered, 'the upload');
    expect(transfer).toMatchObject({ bytes: 0, end: 'unverified' });
    expect(wire.logged.some(({ event }) => event === 'data.unverified-end')).toBe(true);
  });

  it('is received as well when the handshake was done and no close_notify came', async () => {
    const [transfer, delivered] = await emptyUpload({ allowEmptyWithoutTls: true }, async (raw) => {
      await tappedTls(raw, tlsOptions('TLSv1.3'));
      raw.end();
    });
    await within(delivered, 'the upload');
    expect(transfer).toMatchObject({ bytes: 0, end: 'unverified' });
  });

  it('does not stand in for one that has begun', async () => {
    const [, delivered] = await emptyUpload({ allowEmptyWithoutTls: true }, async (raw) => {
      const { tls } = await tappedTls(raw, tlsOptions('TLSv1.3'));
      await new Promise((resolve) => tls.write('begin', resolve));
      raw.end();
    });
    expect(await failureOf(delivered)).toBe('cut: Upload incomplete: TLS stream ended without close_notify after 5 bytes.');
  });

  /** A client that is done before its handshake is: basic-ftp, whenever the server is slow. */
  const hello = (raw: Socket) =>
    new Promise<void>((resolve) => {
      raw.once('data', () => {
        raw.end();
        resolve();
      });
      connect({ ...tlsOptions('TLSv1.3'), socket: new Hello(raw) }).on('error', () => undefined); // It is never answered.
    });

  it.each([
    ['after a few bytes', (raw: Socket) => void raw.end(Buffer.from([22, 3, 1]))],
    ['after the whole ClientHello', hello],
  ])('is received when the client closes in the middle of the handshake, %s, if the partner is allowed it', async (_, end) => {
    const [transfer, delivered] = await emptyUpload({ allowEmptyWithoutTls: true }, end);
    await within(delivered, 'the upload');
    expect(transfer).toMatchObject({ bytes: 0, end: 'unverified' });
    const [, refused] = await emptyUpload({}, end);
    expect(await failureOf(refused)).toMatch(/^data-tls: The data connection was closed during its TLS handshake\. .*allowEmptyWithoutTls/);
  });

  it('is not what a broken handshake is taken for', async () => {
    const [, delivered] = await emptyUpload({ allowEmptyWithoutTls: true }, (raw) => void raw.end(Buffer.alloc(200, 'no TLS ')));
    expect(await failureOf(delivered)).toBe('data-tls: TLS on the data connection failed.');
  });
});

/** Sends what TLS says first, and hides the answer from it. */
class Hello extends Duplex {
  constructor(private readonly raw: Socket) {
    super();
  }

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.raw.write(chunk, done);
  }

  override _read(): void {}
}
