import type { Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { makeCertificate } from '../support/certificates';
import { FakeClock } from '../support/fake-clock';
import { type TappedTls, tappedTls } from '../support/tapped-tls';
import {
  type BareSession,
  dial,
  eventually,
  login,
  Peer,
  secure,
  startWireServer,
  type TlsVersion,
  tlsOptions,
  type WireServer,
  within,
} from '../support/wire-server';

/** The control connection: TLS put on and taken off, what is glued to the moment of change, and clients that stop half way. */

const versions: TlsVersion[] = ['TLSv1.2', 'TLSv1.3'];

let wire: WireServer;
let clock: FakeClock;

beforeEach(async () => {
  clock = new FakeClock();
  wire = await startWireServer({ clock });
});

afterEach(() => wire.stop());

async function explicit(): Promise<{ session: BareSession; peer: Peer }> {
  const peer = new Peer(await dial(wire.explicitPort));
  const session = await wire.next();
  await peer.expect('220 ready\r\n');
  return { session, peer };
}

/** AUTH as a client and a session do it. */
async function upgrade(session: BareSession, clear: Peer, version: TlsVersion): Promise<{ tapped: TappedTls; tls: TLSSocket; peer: Peer }> {
  clear.socket.write('AUTH TLS\r\n');
  await session.until(() => session.text.endsWith('AUTH TLS\r\n'), 'AUTH');
  const started = session.control.startTls('234 go\r\n');
  await clear.expect('234 go\r\n');
  const tapped = await tappedTls(clear.detach() as Socket, tlsOptions(version));
  await within(started, 'the handshake of the server');
  return { tapped, tls: tapped.tls, peer: new Peer(tapped.tls) };
}

describe.each(versions)('a control connection with %s', (version) => {
  it('is greeted in clear on the explicit port and goes on in TLS after AUTH', async () => {
    const { session, peer } = await explicit();
    expect(session.control.tls()).toBeUndefined();
    const { tls, peer: inside } = await upgrade(session, peer, version);
    expect(session.control.tls()).toEqual({ protocol: version, cipher: expect.any(String) });
    tls.write('USER x\r\n');
    await session.until(() => session.text.endsWith('USER x\r\n'), 'USER inside TLS');
    session.control.write('331 yes\r\n');
    await inside.expect('331 yes\r\n');
  });

  it('takes a reply of any length: STAT of a large directory is one', async () => {
    const { session, peer } = await login(wire, version);
    session.control.write('212-x\r\n'.repeat(150_000));
    session.control.write('212 End\r\n');
    await peer.expect('212 End\r\n');
  });

  it('is greeted inside TLS on the implicit port', async () => {
    const { session, peer } = await login(wire, version);
    expect(session.control.implicit).toBe(true);
    expect(session.control.tls()?.protocol).toBe(version);
    peer.socket.write('NOOP\r\n');
    await session.until(() => session.text === 'NOOP\r\n', 'NOOP');
  });

  it('takes TLS off and puts it on three times on one connection', async () => {
    const opened = await explicit();
    const { session } = opened;
    let clear = opened.peer;
    const { raw } = (session.control as unknown as { options: { raw: Socket } }).options;
    const left: number[][] = [];
    for (let round = 0; round < 3; round++) {
      const { tapped, tls, peer } = await upgrade(session, clear, version);
      tls.write('REIN\r\n');
      await session.until(() => session.text.endsWith('REIN\r\n'), 'REIN');
      const stopped = session.control.stopTls('220 again\r\n');
      await peer.expect('220 again\r\n');
      expect(await peer.end()).toBe('end');
      tls.end();
      await within(stopped, 'the end of TLS');
      expect(session.control.tls()).toBeUndefined();
      clear = new Peer(tapped.detach());
      clear.socket.write(`clear ${round}\r\n`);
      await session.until(() => session.text.endsWith(`clear ${round}\r\n`), 'clear text after REIN');
      session.control.write('200 heard\r\n');
      await clear.expect('200 heard\r\n');
      left.push(raw.eventNames().map((name) => raw.listenerCount(name)));
    }
    // Nothing stays on the socket: a session may begin anew hundreds of times.
    expect(left[2]).toEqual(left[0]);
  });

  it('answers the close_notify of a client that was quicker than ours: it waits for that before it goes on', async () => {
    const { session, peer: clear } = await explicit();
    const { tls, peer } = await upgrade(session, clear, version);
    let stopped: Promise<void> | undefined;
    session.onBytes = () => {
      stopped ??= session.control.stopTls('220 again\r\n');
    };
    tls.end('REIN\r\n');
    await peer.expect('220 again\r\n');
    expect(await peer.end()).toBe('end');
    await within(stopped ?? Promise.reject(new Error('REIN did not come')), 'the end of TLS');
  });

  it('hears clear bytes that are glued behind the close_notify', async () => {
    const { session, peer: clear } = await explicit();
    const { tapped, tls, peer } = await upgrade(session, clear, version);
    const stopped = session.control.stopTls('200 clear\r\n');
    // The client answers by itself, as curl does; its close_notify and its next commands leave in one segment.
    tapped.hold();
    await peer.expect('200 clear\r\n');
    tls.end();
    await tapped.flushed();
    clear.socket.write(Buffer.concat([tapped.held(), Buffer.from('PWD\r\nNOOP\r\n')]));
    await within(stopped, 'the end of TLS');
    await session.until(() => session.text.endsWith('PWD\r\nNOOP\r\n'), 'the glued commands');
    expect(session.control.tls()).toBeUndefined();
  });

  it('goes on in clear with a client that drops its TLS layer without close_notify', async () => {
    const { session, peer: clear } = await explicit();
    const { tapped, peer } = await upgrade(session, clear, version);
    tapped.hold();
    const stopped = session.control.stopTls('200 clear\r\n');
    expect(await peer.end()).toBe('end');
    tapped.detach().write('PWD\r\n');
    await within(stopped, 'the end of TLS');
    await session.until(() => session.text.endsWith('PWD\r\n'), 'the clear command');
  });

  it('closes a connection that says more inside TLS behind the command that ends it', async () => {
    const { session, peer } = await explicit();
    const { tls } = await upgrade(session, peer, version);
    tls.write('REIN\r\n');
    await session.until(() => session.text.endsWith('REIN\r\n'), 'REIN');
    const stopped = session.control.stopTls('220 again\r\n');
    tls.write('USER injected\r\n');
    await expect(within(stopped, 'the refusal')).rejects.toThrow('did not close TLS');
    await session.until(() => session.gone, 'the end');
    expect(session.text).not.toContain('injected');
  });

  it('closes a connection whose client does not end TLS within 5 seconds', async () => {
    const { session, peer: clear } = await explicit();
    const { tapped, peer } = await upgrade(session, clear, version);
    tapped.hold();
    const stopped = session.control.stopTls('220 again\r\n');
    stopped.catch(() => undefined);
    expect(await peer.end()).toBe('end');
    await clock.advance(4_900);
    expect(session.gone).toBe(false);
    await clock.advance(200);
    await expect(within(stopped, 'the time-out')).rejects.toThrow('did not close TLS');
    await session.until(() => session.gone, 'the end');
  });

  it('tells the session when the client resets it', async () => {
    const { session, raw } = await login(wire, version);
    raw.resetAndDestroy();
    await session.until(() => session.gone, 'the end');
  });

  it('delivers the last reply, then close_notify and FIN', async () => {
    const { session, peer } = await login(wire, version);
    session.control.write('221 bye\r\n');
    session.control.end();
    await peer.expect('221 bye\r\n');
    expect(await peer.end()).toBe('end');
    await session.until(() => session.gone, 'the end');
  });
});

describe('bytes behind a command', () => {
  it('are seen as unread when the session has stopped reading before they came', async () => {
    const { session, peer } = await explicit();
    session.onBytes = () => session.control.pause();
    peer.socket.write('AUTH TLS\r\n');
    await session.until(() => session.text !== '', 'AUTH');
    expect(session.control.hasUnread()).toBe(false);
    peer.socket.write('USER injected\r\n');
    await eventually(() => session.control.hasUnread(), 'the bytes behind AUTH');
    expect(session.text).toBe('AUTH TLS\r\n');
    session.control.resume();
    await session.until(() => session.text.endsWith('USER injected\r\n'), 'the rest');
  });

  it('that are glued behind AUTH come in the same chunk, so that the session sees them', async () => {
    const { session, peer } = await explicit();
    peer.socket.write('AUTH TLS\r\nUSER injected\r\n');
    await session.until(() => session.text.endsWith('injected\r\n'), 'both lines');
    expect(session.text).toBe('AUTH TLS\r\nUSER injected\r\n');
  });

  it('that come in clear after 234 never reach the session: the handshake fails', async () => {
    const { session, peer } = await explicit();
    peer.socket.write('AUTH TLS\r\n');
    await session.until(() => session.text !== '', 'AUTH');
    const started = session.control.startTls('234 go\r\n');
    peer.socket.write('USER injected\r\n');
    await expect(within(started, 'the refusal')).rejects.toThrow();
    await session.until(() => session.gone, 'the end');
    expect(session.text).toBe('AUTH TLS\r\n');
    expect(wire.logged.filter(({ event }) => event === 'tls.failed')).toHaveLength(1);
  });
});

describe('a client that stops half way', () => {
  it('is closed when its handshake takes longer than the limit', async () => {
    const { session, peer } = await explicit();
    const started = session.control.startTls('234 go\r\n');
    started.catch(() => undefined);
    await peer.expect('234 go\r\n');
    await clock.advance(14_900);
    expect(session.gone).toBe(false);
    await clock.advance(200);
    await expect(started).rejects.toThrow('no TLS handshake within 15 s');
    await session.until(() => session.gone, 'the end');
    // Nothing in clear where TLS was due.
    expect(peer.text).toBe('');
  });

  it('is closed on the implicit port too, without a greeting', async () => {
    const peer = new Peer(await dial(wire.implicitPort));
    const session = await wire.next();
    await clock.advance(15_100);
    await session.until(() => session.gone, 'the end');
    await peer.end();
    expect(session.greeted).toBe(false);
    expect(peer.text).toBe('');
  });

  it('hears no clear text when it is told to go in the middle of its handshake', async () => {
    const peer = new Peer(await dial(wire.implicitPort));
    const session = await wire.next();
    session.control.write('421 too late\r\n');
    session.control.end();
    await session.until(() => session.gone, 'the end');
    await peer.end();
    expect(peer.text).toBe('');
  });

  it('is closed without a word in clear when it speaks no TLS on the implicit port', async () => {
    const peer = new Peer(await dial(wire.implicitPort));
    const session = await wire.next();
    peer.socket.write('USER x\r\nPASS y\r\n');
    await session.until(() => session.gone, 'the end');
    await peer.end();
    expect(session.greeted).toBe(false);
    expect(peer.text).not.toContain('421');
  });

  it('is closed when it announces a record longer than any', async () => {
    const peer = new Peer(await dial(wire.implicitPort));
    const session = await wire.next();
    peer.socket.write(Buffer.from([22, 3, 1, 0xff, 0xff, 1, 2, 3]));
    await session.until(() => session.gone, 'the end');
    await peer.end();
  });

  it('is closed when it never reads its replies', async () => {
    const { session, peer } = await explicit();
    peer.detach();
    const line = `200 ${'x'.repeat(16_000)}\r\n`;
    for (let sent = 0; !session.gone && sent < 64 * 1024 * 1024; sent += line.length) {
      session.control.write(line);
      if (sent % (line.length * 64) === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(session.gone).toBe(true);
    expect(wire.logged.some(({ fields }) => fields?.text?.includes('does not read its replies'))).toBe(true);
  });

  it('that does not answer our FIN is closed after 5 seconds', async () => {
    const raw = await dial(wire.explicitPort);
    raw.allowHalfOpen = true;
    const peer = new Peer(raw);
    const session = await wire.next();
    await peer.expect('220');
    session.control.end();
    expect(await peer.end()).toBe('end');
    await clock.advance(4_900);
    expect(session.gone).toBe(false);
    await clock.advance(200);
    await session.until(() => session.gone, 'the end');
    raw.destroy();
  });
});

describe('TLS of the listeners', () => {
  it('refuses TLS 1.1', async () => {
    const raw = await dial(wire.implicitPort);
    const tls = connectTls({
      socket: raw,
      rejectUnauthorized: false,
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    expect(await new Peer(tls).end()).not.toBe('end');
    const session = await wire.next();
    await session.until(() => session.gone, 'the end');
    expect(session.greeted).toBe(false);
  });

  it('keeps to the highest version that is allowed', async () => {
    const capped = await startWireServer({ tls: { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } });
    const raw = await dial(capped.implicitPort);
    const tls = await secure(raw, { rejectUnauthorized: false });
    expect(tls.getProtocol()).toBe('TLSv1.2');
    tls.destroy();
    await capped.stop();
  });

  it('shows a new certificate to the next connection and leaves the old ones alone', async () => {
    const before = await login(wire, 'TLSv1.3');
    wire.certificates.replace(await makeCertificate('new.example'));
    const after = await login(wire, 'TLSv1.3');
    const nameOf = ({ peer }: typeof before) => (peer.socket as TLSSocket).getPeerCertificate().subject.CN;
    expect([nameOf(before), nameOf(after)]).toEqual(['localhost', 'new.example']);
    before.session.control.write('200 still here\r\n');
    await before.peer.expect('200 still here\r\n');
  });

  it('ends a TLS 1.2 session that renegotiates', async () => {
    const { session, peer } = await login(wire, 'TLSv1.2');
    const failed = new Promise<boolean>((resolve) => {
      if (!(peer.socket as TLSSocket).renegotiate({ rejectUnauthorized: false }, (error) => resolve(error !== null))) resolve(true);
    });
    expect(await within(Promise.race([failed, peer.ending.then(() => true)]), 'the refusal')).toBe(true);
    peer.socket.destroy();
    await session.until(() => session.gone, 'the end');
  });
});
