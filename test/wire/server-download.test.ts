import { Duplex } from 'node:stream';
import { Failure } from '../../runtime/model/failure';
import { send } from '../../runtime/server/data-send';
import { FakeClock, settle } from '../support/fake-clock';
import { recordsOf, type TappedTls, tappedTls } from '../support/tapped-tls';
import {
  type BareSession,
  dial,
  dialData,
  eventually,
  failureOf,
  type Login,
  login,
  Peer,
  startWireServer,
  type TlsVersion,
  tlsOptions,
  type WireServer,
  within,
} from '../support/wire-server';

/** Data connections that take a file or a listing away: whole with close_notify, or seen as broken by the client. */

const versions: TlsVersion[] = ['TLSv1.2', 'TLSv1.3'];
const megabyte = 1024 * 1024;

let wire: WireServer;
let clock: FakeClock;
let control: Login;
let session: BareSession;

afterEach(() => wire.stop());

async function* chunksOf(...chunks: (Buffer | Error)[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) {
    if (chunk instanceof Error) throw chunk;
    yield chunk;
  }
}

async function start(version: TlsVersion): Promise<void> {
  clock = new FakeClock();
  wire = await startWireServer({ clock });
  control = await login(wire, version);
  session = control.session;
}

/** A client that sees what is on the wire: the socket below TLS stays in its hands. */
async function tapped(
  port: number,
  version: TlsVersion,
): Promise<{ raw: Awaited<ReturnType<typeof dial>>; tap: TappedTls; peer: Peer; error: () => string }> {
  const raw = await dial(port);
  let code = 'none';
  raw.on('error', (error: NodeJS.ErrnoException) => {
    code = error.code ?? 'unknown';
  });
  const tap = await tappedTls(raw, tlsOptions(version));
  return { raw, tap, peer: new Peer(tap.tls), error: () => code };
}

describe.each(versions)('a download with %s', (version) => {
  beforeEach(() => start(version));

  it('arrives whole and ends with close_notify', async () => {
    const port = await session.prepare();
    const transfer = session.open('send');
    const body = Buffer.alloc(3 * megabyte, 'causeway ');
    const sent = transfer.send(chunksOf(body.subarray(0, 10), body.subarray(10, 2 * megabyte), body.subarray(2 * megabyte)));
    const { tls, peer } = await dialData(port, version);
    expect(await peer.end()).toBe('end');
    tls.end();
    await within(sent, 'the download');
    expect(Buffer.concat(peer.received).equals(body)).toBe(true);
    expect(transfer).toMatchObject({ bytes: body.length, end: 'verified' });
  });

  it('serves a client that has finished its handshake before any command', async () => {
    const port = await session.prepare();
    const { peer } = await dialData(port, version, { ticket: control.ticket() });
    const sent = session.open('send').send(chunksOf(Buffer.from('early')));
    expect(await peer.end()).toBe('end');
    await within(sent, 'the download');
    expect(peer.text).toBe('early');
  });

  it.each(['before', 'after'] as const)('of nothing is a close_notify, asked for %s the handshake', async (when) => {
    for (let turn = 0; turn < 10; turn++) {
      const port = await session.prepare();
      const transfer = session.open('send');
      const early = when === 'before' ? transfer.send(chunksOf()) : undefined;
      const raw = await dial(port);
      const seen: Buffer[] = [];
      raw.on('data', (bytes: Buffer) => void seen.push(bytes));
      const ended = new Promise((resolve) => raw.once('end', resolve));
      await tappedTls(raw, tlsOptions(version));
      // From a timer: a turn of the event loop in which nothing of the handshake is heard of any more.
      const sent = early ?? new Promise((resolve) => setTimeout(resolve)).then(() => transfer.send(chunksOf()));
      await within(ended, 'the end of the connection');
      raw.end();
      await within(sent, 'the download');
      // For the client's TLS a bare FIN is an end as well; on the wire the alert is the last record, tickets are larger.
      const last = recordsOf(Buffer.concat(seen)).at(-1) as Buffer;
      expect([last[0], last.length]).toEqual(version === 'TLSv1.3' ? [23, 24] : [21, 31]);
    }
  });

  it('puts small pieces together: many lines go out in few records', async () => {
    const port = await session.prepare();
    const lines = Array.from({ length: 2_000 }, (_, n) => Buffer.from(`line ${n}\r\n`));
    const raw = await dial(port);
    const records: Buffer[] = [];
    raw.on('data', (bytes: Buffer) => void records.push(bytes));
    const tap = await tappedTls(raw, tlsOptions(version));
    records.length = 0;
    const peer = new Peer(tap.tls);
    const sent = session.open('send').send(chunksOf(...lines));
    await peer.end();
    tap.tls.end();
    await within(sent, 'the download');
    expect(peer.text).toBe(Buffer.concat(lines).toString());
    // 20 kB are two records of data; beside them only tickets and close_notify.
    expect(recordsOf(Buffer.concat(records)).length).toBeLessThan(8);
  });

  it('whose source fails is seen as broken: the TCP connection is reset and no close_notify was sent', async () => {
    const port = await session.prepare();
    const sent = session
      .open('send')
      .send(chunksOf(Buffer.alloc(2 * megabyte), new Failure('store-unavailable', 'The store does not answer.')));
    sent.catch(() => undefined); // Looked at below.
    const { raw, peer, error } = await tapped(port, version);
    const closed = new Promise((resolve) => raw.once('close', resolve));
    expect(await failureOf(sent)).toBe('store-unavailable: The store does not answer.');
    await within(closed, 'the reset');
    expect(error()).toBe('ECONNRESET');
    expect(peer.socket.readableEnded).toBe(false);
  });

  it('whose signal aborts is reset, and the reason is thrown on', async () => {
    const port = await session.prepare();
    const abort = new AbortController();
    const transfer = session.open('send', { signal: abort.signal });
    const { raw, peer, error } = await tapped(port, version);
    async function* hangs() {
      yield Buffer.alloc(megabyte);
      await new Promise(() => undefined);
    }
    const sent = transfer.send(hangs());
    await eventually(() => peer.size === megabyte, 'the first bytes');
    const closed = new Promise((resolve) => raw.once('close', resolve));
    abort.abort(new Failure('aborted', 'Transfer aborted.'));
    expect(await failureOf(sent)).toBe('aborted: Transfer aborted.');
    await within(closed, 'the reset');
    expect(error()).toBe('ECONNRESET');
  });

  it('that the client closes early fails, and its source is closed', async () => {
    const port = await session.prepare();
    let closed = false;
    async function* endless() {
      try {
        for (;;) yield Buffer.alloc(megabyte);
      } finally {
        closed = true;
      }
    }
    const sent = session.open('send').send(endless());
    const { raw, peer } = await dialData(port, version);
    await eventually(() => peer.size > 100_000, 'some bytes');
    raw.destroy();
    expect(await failureOf(sent)).toBe('cut: Download incomplete: the client closed the data connection.');
    await eventually(() => closed, 'the source to be closed');
  });

  it('is whole for a client that closes after the last byte, before we know that it was the last', async () => {
    const port = await session.prepare();
    let finish: () => void = () => undefined;
    async function* slowToEnd() {
      yield Buffer.alloc(megabyte);
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
    }
    const sent = session.open('send').send(slowToEnd());
    const { tls, peer } = await dialData(port, version);
    await eventually(() => peer.size === megabyte, 'all bytes');
    tls.end();
    await settle();
    finish();
    await peer.end();
    await within(sent, 'the download');
  });

  it('fails when the client takes nothing for the stall time', async () => {
    const port = await session.prepare();
    const transfer = session.open('send');
    const { tap } = await tapped(port, version);
    tap.detach();
    const sent = transfer.send(chunksOf(...Array.from({ length: 32 }, () => Buffer.alloc(megabyte))));
    sent.catch(() => undefined); // Looked at below.
    // Until the system's buffers are full and nothing moves any more.
    await still(() => transfer.bytes);
    await clock.advance(60_100);
    await clock.advance(60_100);
    expect(await failureOf(sent)).toBe('stalled: Download incomplete: the client took no data for 60 seconds.');
  });

  it('waits 5 seconds for the FIN of the client, not longer', async () => {
    const port = await session.prepare();
    let done = false;
    const sent = session
      .open('send')
      .send(chunksOf(Buffer.from('all')))
      .then(() => {
        done = true;
      });
    const { raw, peer } = await tapped(port, version);
    raw.allowHalfOpen = true;
    await peer.expect('all');
    expect(await peer.end()).toBe('end');
    await clock.advance(4_900);
    expect(done).toBe(false);
    await clock.advance(200);
    await within(sent, 'the download');
  });
});

describe('a download', () => {
  beforeEach(() => start('TLSv1.3'));

  it('in clear ends with the FIN', async () => {
    const raw = await dial(await session.prepare({}, 'clear'));
    const peer = new Peer(raw);
    const sent = session.open('send', { protection: 'clear' }).send(chunksOf(Buffer.from('clear text')));
    expect(await peer.end()).toBe('end');
    await within(sent, 'the download');
    expect(peer.text).toBe('clear text');
  });

  it('in clear whose source fails is reset', async () => {
    const raw = await dial(await session.prepare({}, 'clear'));
    const peer = new Peer(raw);
    const sent = session.open('send', { protection: 'clear' }).send(chunksOf(Buffer.from('half'), new Error('broken')));
    expect(await failureOf(sent)).toBe('Error: broken');
    expect(await peer.end()).toBe('reset');
  });

  it('fails when the client closes before its handshake', async () => {
    const raw = await dial(await session.prepare());
    const sent = session.open('send').send(chunksOf(Buffer.from('x')));
    raw.end();
    expect(await failureOf(sent)).toBe('data-tls: The data connection was closed before its TLS handshake.');
  });
});

describe('a slow client', () => {
  beforeEach(() => start('TLSv1.3'));

  /** A socket whose queue the test empties itself: how much a system buffers, and when it takes more, is not ours to say. */
  function slowSocket() {
    let taken: () => void = () => undefined;
    const socket = new Duplex({
      read() {
        this.push(null);
      },
      write(_chunk, _encoding, done) {
        taken = done;
      },
    });
    const connection = { unsent: 1_000, releaseTickets: () => undefined, reset: () => socket.destroy(), raw: socket, error: undefined };
    return { connection, socket, take: () => taken() };
  }

  function sendTo({ connection, socket }: ReturnType<typeof slowSocket>) {
    const options = { connection: connection as never, socket: socket as never, clock, stallTimeout: 60_000, onBytes: () => undefined };
    const sent = send(options, chunksOf(Buffer.from('x')));
    sent.catch(() => undefined); // Looked at by the test.
    return sent;
  }

  it('is not a stalled one as long as its queue gets shorter within the stall time', async () => {
    const slow = slowSocket();
    const sent = sendTo(slow);
    for (let round = 0; round < 5; round++) {
      await clock.advance(59_000);
      slow.connection.unsent -= 10;
    }
    slow.take();
    await settle();
    await clock.advance(5_000);
    await within(sent, 'the download');
  });

  it('is a stalled one when its queue stays as it is', async () => {
    const slow = slowSocket();
    const sent = sendTo(slow);
    await clock.advance(59_000);
    slow.connection.unsent -= 10;
    await clock.advance(61_100);
    expect(await failureOf(sent)).toBe('stalled: Download incomplete: the client took no data for 60 seconds.');
  });
});

describe('a data connection that is not used', () => {
  beforeEach(() => start('TLSv1.3'));

  it('is closed when its command is refused, so that a waiting client goes on; a mere reservation stays', async () => {
    const port = await session.prepare();
    session.data.refuse();
    expect(session.data.prepared).toBe(true);
    const peer = new Peer(await dial(port));
    await eventually(() => wire.passive.reserved === 0, 'the connection');
    session.data.refuse();
    await peer.end();
    expect(session.data.prepared).toBe(false);
  });

  it('is closed when another is prepared, and so is a reservation', async () => {
    const first = await session.prepare();
    const peer = new Peer(await dial(first));
    await eventually(() => wire.passive.reserved === 0, 'the connection');
    await session.prepare();
    await peer.end();
    await session.prepare();
    expect(wire.passive.reserved).toBe(1);
  });

  it('is closed with the session', async () => {
    const peer = new Peer(await dial(await session.prepare()));
    await eventually(() => wire.passive.reserved === 0, 'the connection');
    session.data.close();
    await peer.end();
  });

  it('is closed with the session when its command failed before it began to send', async () => {
    const peer = new Peer(await dial(await session.prepare()));
    await eventually(() => wire.passive.reserved === 0, 'the connection');
    session.open('send');
    session.data.close();
    await peer.end();
  });

  it('leaves no reservation when the session ends while it is being made', async () => {
    const preparing = session.prepare();
    session.data.close();
    await preparing;
    expect(session.data.prepared).toBe(false);
    expect(wire.passive.reserved).toBe(0);
  });

  it('is no longer prepared when its time is over', async () => {
    await session.prepare();
    await clock.advance(60_100);
    expect(session.data.prepared).toBe(false);
    expect(wire.passive.reserved).toBe(0);
  });
});

/** Until the number has not changed for a while: what the system buffers is not ours to know. */
async function still(read: () => number): Promise<void> {
  let last = -1;
  let since = performance.now();
  await eventually(() => {
    const now = read();
    if (now !== last) since = performance.now();
    last = now;
    return now > 0 && performance.now() - since > 100;
  }, 'the connection to be full');
}
