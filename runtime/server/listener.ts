import { createServer, type Server, type Socket } from 'node:net';
import { stripMapped } from '../model/client-address';
import type { Log } from '../ports/log';
import { tooManyConnections } from '../protocol/replies';
import { encodeReply } from '../protocol/reply';

/** Accepts control connections on one port and turns away what is too much, before it has cost a session. */
export interface ListenerOptions {
  readonly host: string;
  readonly port: number;
  readonly implicit: boolean;
  readonly connections: Pick<ConnectionCounter, 'add' | 'remove'>;
  readonly log: Log;
  readonly accept: (socket: Socket, peerAddress: string) => void;
}

/** Connections by address, over all listeners. */
export class ConnectionCounter {
  private readonly byAddress = new Map<string, number>();

  constructor(private readonly most: number) {}

  /** False: this address has as many as it may. */
  add(address: string): boolean {
    const count = this.byAddress.get(address) ?? 0;
    if (count >= this.most) return false;
    this.byAddress.set(address, count + 1);
    return true;
  }

  remove(address: string): void {
    const count = (this.byAddress.get(address) ?? 1) - 1;
    if (count > 0) this.byAddress.set(address, count);
    else this.byAddress.delete(address);
  }
}

/** @throws An error whose message says which port and what to do. */
export function listen(options: ListenerOptions): Promise<Server> {
  const { host, port, implicit, connections, log, accept } = options;
  const server = createServer({ pauseOnConnect: true, noDelay: true });
  server.on('connection', (socket) => {
    const address = stripMapped(socket.remoteAddress ?? '');
    // A client that is gone before it was accepted, and one that resets at once, concern nobody.
    socket.on('error', () => socket.destroy());
    if (!connections.add(address)) {
      log.warn('session.refused', { peer: address, text: 'too many connections from this address' });
      // In clear on a port that speaks TLS it would only confuse.
      if (implicit) socket.destroy();
      // Not left to the client to close: it would hold what it was refused.
      else socket.end(encodeReply(tooManyConnections, '-'), () => socket.destroy());
      return;
    }
    socket.once('close', () => connections.remove(address));
    accept(socket, address);
  });
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(explainBind(error, host, port)));
    server.listen({ host, port, exclusive: true }, () => resolve(server));
  });
}

/** What a failed bind means for whoever starts the server. */
export function explainBind(error: NodeJS.ErrnoException, host: string, port: number | string): Error {
  const where = `${host}:${port}`;
  if (error.code === 'EADDRINUSE') {
    return new Error(`port ${where} is in use by another program: stop that one, or choose another port (see causeway settings)`, {
      cause: error,
    });
  }
  if (error.code === 'EACCES') {
    return new Error(`port ${where} may not be bound by this user: choose a port above 1023, or allow it (CAP_NET_BIND_SERVICE)`, {
      cause: error,
    });
  }
  if (error.code === 'EADDRNOTAVAIL') {
    return new Error(`address ${host} is not an address of this machine: set CAUSEWAY_HOST to one that is, or to 0.0.0.0`, {
      cause: error,
    });
  }
  if (error.syscall === 'getaddrinfo') {
    return new Error(`${host} is a name without an address: set CAUSEWAY_HOST to an address of this machine, or to 0.0.0.0`, {
      cause: error,
    });
  }
  return new Error(`port ${where} cannot be bound: ${error.message}`, { cause: error });
}
