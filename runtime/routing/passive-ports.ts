import { createServer, type Server, type Socket } from 'node:net';
import { stripMapped } from '../model/client-address';
import type { DataRequest, DataSockets, Reservation } from '../ports/data-sockets';
import { Reservations, type ReservationsOptions } from './reservations';

/** The passive ports of one server without a load balancer, bound once at start: a connection's port and address are those of its socket. */
export type PassivePortsOptions = Omit<ReservationsOptions, 'relay' | 'coolFor'>;

export class PassivePorts implements DataSockets {
  private readonly servers: Server[] = [];
  private readonly reservations: Reservations;

  constructor(options: PassivePortsOptions) {
    this.reservations = new Reservations(options);
  }

  /** Binds all ports, or none. Port 0 binds whatever is free. Throws the system's error with the port in it. */
  async bind(host: string, ports: readonly number[]): Promise<readonly number[]> {
    const bound: number[] = [];
    try {
      for (const port of ports) bound.push(await this.listen(host, port));
    } catch (error) {
      await this.close();
      throw error;
    }
    this.reservations.open(bound);
    return bound;
  }

  private listen(host: string, port: number): Promise<number> {
    const server = createServer({ pauseOnConnect: true });
    this.servers.push(server);
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, exclusive: true }, () => {
        server.off('error', reject);
        const bound = (server.address() as { port: number }).port;
        server.on('connection', (socket) => this.take(socket, bound));
        resolve(bound);
      });
    });
  }

  reserve(request: DataRequest): Promise<Reservation> {
    return this.reservations.reserve(request);
  }

  private take(socket: Socket, port: number): void {
    socket.on('error', () => socket.destroy());
    if (socket.remoteAddress === undefined) {
      // Reset before it was accepted, and nobody can tell whose it was. Not given to the one who waits here either: any stranger could end his reservation so.
      socket.destroy();
      return;
    }
    const address = stripMapped(socket.remoteAddress);
    const request = this.reservations.take(address, port) ?? this.reservations.takeAny(port);
    if (request) {
      request.onSocket(socket, address);
      return;
    }
    socket.destroy();
    this.reservations.reportStranger(address, port);
  }

  get reserved(): number {
    return this.reservations.reserved;
  }

  get usedPercent(): number {
    return this.reservations.usedPercent;
  }

  /** Frees the ports; connections that came through them are their sessions' and go with those. */
  async close(): Promise<void> {
    this.reservations.close();
    for (const server of this.servers.splice(0)) server.close();
  }
}
