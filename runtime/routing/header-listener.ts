import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { DataRequest } from '../ports/data-sockets';
import { HeaderDoor, type HeaderDoorOptions } from './header-door';

/** A listening socket whose connections begin with a PROXY header: the data port and the relay port are two of them. */
export class HeaderListener {
  private readonly door: HeaderDoor;
  private readonly server: Server;

  constructor(options: HeaderDoorOptions) {
    this.door = new HeaderDoor(options);
    // Half-open: which end said what is for the one who gets the connection to judge.
    this.server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
      socket.on('error', () => socket.destroy());
      this.door.take(socket);
    });
  }

  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen({ host, port, exclusive: true }, () => {
        this.server.off('error', reject);
        resolve((this.server.address() as AddressInfo).port);
      });
    });
  }

  get waiting(): number {
    return this.door.size;
  }

  close(): void {
    this.server.close();
    this.door.close();
  }
}

/** As a socket is that came by a passive port of our own: its end of reading ends it. */
export function handToSession(socket: Socket, onSocket: DataRequest['onSocket'], address: string, relayed = false): void {
  socket.allowHalfOpen = false;
  onSocket(socket, address, relayed);
}
