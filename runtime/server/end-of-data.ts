import { EventEmitter, once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { constants } from 'node:os';
import { createSecureContext, TLSSocket, connect as tlsConnect } from 'node:tls';
import type { Certificate } from '../ports/certificate-source';
import { takeBytes } from './read-buffer';

/**
 * Did the client say that it had finished? On a Node TLS socket a close_notify and a bare TCP FIN are the same `end`, and some resets are too; an attacker, or
 * a firewall, could cut a file short and it would look whole (RFC 4217 §12.6, RFC 5246 §7.2.1).
 *
 * The probe looks at libuv's read state at the moment of the end. When the end comes out of OpenSSL (close_notify), it is raised inside the read of data
 * and libuv is still reading: a second `readStart` says EALREADY. When it comes from a FIN, libuv has already stopped. It costs nothing per byte. It touches
 * internals of Node, so it is tried on two connections at start (`probeWorks`), and where it fails data connections run over a record stream instead.
 */
interface ReadHandle {
  reading?: boolean;
  readStart(): number;
  readStop(): number;
}

const alreadyReading = -constants.errno.EALREADY;

/** Call before a byte is read; the answer is known when `tls` emits `end`. */
export function watchEnd(tls: TLSSocket, raw: Socket): { readonly verified: () => boolean } {
  let clean: boolean | undefined;
  const handleOf = (socket: unknown) => (socket as { _handle?: ReadHandle | null })._handle;
  const push = tls.push;
  tls.push = function pushAndLook(this: TLSSocket, chunk: unknown, encoding?: BufferEncoding): boolean {
    if (chunk === null && clean === undefined) {
      const handle = handleOf(raw);
      const own = handleOf(tls);
      if (!handle || !own) clean = false;
      // We had stopped reading, so no FIN can have been delivered: this end comes from a record.
      else if (!own.reading) clean = true;
      else {
        const code = handle.readStart();
        if (code === 0) handle.readStop();
        clean = code === alreadyReading;
      }
    }
    return push.call(this, chunk, encoding);
  };
  return { verified: () => clean === true };
}

/** One connection that ends with close_notify and one that is cut: both must be judged right, and their bytes come through the buffer. Takes some 30 ms. */
export async function probeWorks(certificate: Certificate): Promise<boolean> {
  return (await judgeOne(certificate, 'close_notify')) === true && (await judgeOne(certificate, 'fin')) === false;
}

const probeTimeout = 5_000;
/** Longer than a record. */
const probe = 'probe '.repeat(4_000);

async function judgeOne(certificate: Certificate, ending: 'close_notify' | 'fin'): Promise<boolean | undefined> {
  const secureContext = createSecureContext({ cert: certificate.cert, key: certificate.key });
  const listener = createServer({ pauseOnConnect: true, allowHalfOpen: true });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const accepted = once(listener, 'connection', { signal: AbortSignal.timeout(probeTimeout) });
  const socket = connect((listener.address() as AddressInfo).port, '127.0.0.1');
  const client = tlsConnect({ socket, rejectUnauthorized: false });
  client.on('error', ignore);
  socket.on('error', ignore);
  try {
    const [raw] = (await accepted) as [Socket];
    const server = new TLSSocket(raw, { isServer: true, secureContext, server: new EventEmitter() as never });
    server.on('error', ignore);
    raw.on('error', ignore);
    const watched = watchEnd(server, raw);
    let received = '';
    const reading = takeBytes(server, true, (bytes) => {
      received += bytes.toString();
      return true;
    });
    const ended = once(server, 'end', { signal: AbortSignal.timeout(probeTimeout) });
    ended.catch(ignore);
    reading.goOn();
    await once(client, 'secureConnect', { signal: AbortSignal.timeout(probeTimeout) });
    client.write(probe, () => {
      if (ending === 'close_notify') client.end();
      else socket.end();
    });
    await ended;
    const verdict = watched.verified();
    server.destroy();
    return received === probe ? verdict : undefined;
  } catch {
    // Whatever went wrong, the probe cannot be relied on here.
    return undefined;
  } finally {
    client.destroy();
    socket.destroy();
    listener.close();
  }
}

/** The probe's own connections may end in any way. */
function ignore(): void {
  // Nothing to do: the verdict is what counts.
}
