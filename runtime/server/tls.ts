import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createSecureContext, type SecureContext, type SecureVersion, TLSSocket } from 'node:tls';
import type { Certificate } from '../ports/certificate-source';

/**
 * One TLS identity per control connection: a context of its own draws its own ticket keys, and the session-id store is its own. So a data connection
 * that resumes proves that it belongs to this control connection and to no other, in TLS 1.2 and 1.3; with a shared context a stranger's session would be
 * accepted too.
 */
export interface TlsOptions {
  readonly minVersion: SecureVersion;
  readonly maxVersion: SecureVersion;
}

/** Longer than any session: tickets that expire in the middle of one turn into uploads that fail. TLS 1.3 allows seven days at most. */
const ticketLifetime = 604_800;
const mostSessions = 16;

export class TlsIdentity {
  private context: SecureContext | undefined;
  private readonly ids = new Map<string, Buffer>();

  constructor(
    private readonly certificate: () => Certificate,
    private readonly options: TlsOptions,
  ) {}

  /** Made when it is first needed, from the certificate of that moment; the session keeps it for its data connections. */
  private secureContext(): SecureContext {
    if (!this.context) {
      const { cert, key } = this.certificate();
      this.context = createSecureContext({ cert, key, ...this.options, sessionTimeout: ticketLifetime });
    }
    return this.context;
  }

  /** TLS for the control connection: sessions are stored, tickets go out at once. */
  secureControl(stream: Duplex): TLSSocket {
    const events = new EventEmitter();
    events.on('newSession', (id: Buffer, session: Buffer, done: () => void) => {
      this.store(id, session);
      done();
    });
    this.answerResumption(events);
    return secure(stream, this.secureContext(), events);
  }

  /**
   * TLS for a data connection, tickets held. After a full TLS 1.3 handshake the server sends two tickets; a client that only uploads never reads them, its
   * `close()` then turns into a reset, and its kernel throws away the tail of the file. As long as the `newSession` callback is pending Node keeps the
   * tickets back: on uploads until the end of data, otherwise until the direction is known.
   */
  secureData(stream: Socket | Duplex): HeldTls {
    const events = new EventEmitter();
    const held: (() => void)[] = [];
    let releasing = false;
    let whenSecure: () => void = () => undefined;
    events.on('newSession', (id: Buffer, session: Buffer, done: () => void) => {
      // In TLS 1.2 the callback is part of the handshake: holding it would hold the handshake.
      if (releasing || tls.getProtocol() !== 'TLSv1.3') {
        this.store(id, session);
        done();
        return;
      }
      held.push(done);
      // `secure` waits for the callback too; the handshake itself is done.
      whenSecure();
    });
    this.answerResumption(events);
    const tls = secure(stream, this.secureContext(), events);
    endAfterTickets(tls);
    const secured = new Promise<void>((resolve) => {
      whenSecure = resolve;
      tls.once('secure', resolve);
    });
    return {
      tls,
      secured,
      releaseTickets: () => {
        releasing = true;
        for (const done of held.splice(0)) done();
      },
    };
  }

  private store(id: Buffer, session: Buffer): void {
    if (this.ids.size >= mostSessions) this.ids.delete(this.ids.keys().next().value as string);
    this.ids.set(id.toString('hex'), session);
  }

  /** Clients without tickets resume by session id (curl in TLS 1.2, older Java, z/OS); Node keeps no such store itself. */
  private answerResumption(events: EventEmitter): void {
    events.on('resumeSession', (id: Buffer, done: (error: null, session: Buffer | null) => void) => {
      done(null, this.ids.get(id.toString('hex')) ?? null);
    });
  }
}

/**
 * Our end goes out a turn of the event loop later. Tickets that are released at the client's end are still being written when Node ends our side by itself, and
 * until that write is noted no close_notify follows it; where both happen in the turn's last phase the FIN overtakes it, and a client that waits for
 * close_notify (Python's `unwrap`) takes a stored file for a failure. An immediate of ours comes behind the one that notes the write.
 */
function endAfterTickets(tls: TLSSocket): void {
  const end = tls._final;
  tls._final = (done) => {
    setImmediate(() => end.call(tls, done));
  };
}

export interface HeldTls {
  readonly tls: TLSSocket;
  /** Resolves when the handshake is done; a failed one shows as the socket's error and close. */
  readonly secured: Promise<void>;
  releaseTickets(): void;
}

function secure(stream: Socket | Duplex, secureContext: SecureContext, events: EventEmitter): TLSSocket {
  const tls = new TLSSocket(stream as Socket, {
    isServer: true,
    secureContext,
    // Any emitter serves; the types only know a whole server.
    server: events as never,
  });
  // Without this a broken record after the handshake is swallowed: no error, no close.
  tls.on('_tlsError', (error: Error) => tls.destroy(error));
  // Node would allow some in TLS 1.2; nobody needs them, and they cost us more than the client.
  tls.disableRenegotiation();
  return tls;
}
