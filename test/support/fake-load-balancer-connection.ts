import { connect, type Socket } from 'node:net';
import type { Clock, Timer } from '../../runtime/ports/clock';
import { encodeProxyHeader } from '../../runtime/routing/encode-proxy-header';

/** One connection through the fake load balancer. On purpose without a line of the relay's own code, which it is used to test. */
export interface CarriedConnection {
  readonly client: Socket;
  readonly target: { readonly host: string; readonly port: number };
  readonly proxyHeader: boolean;
  readonly preserveClient: boolean;
  readonly listener: { readonly address: string; readonly port: number };
  readonly idleAfter: number;
  readonly clock: Clock;
  readonly onClose: () => void;
}

export interface FakeConnection {
  destroy(): void;
}

export function carry({
  client,
  target,
  proxyHeader,
  preserveClient,
  listener,
  idleAfter,
  clock,
  onClose,
}: CarriedConnection): FakeConnection {
  const source = { address: client.remoteAddress ?? '', port: client.remotePort ?? 0 };
  const server = connect({
    ...target,
    allowHalfOpen: true,
    noDelay: true,
    ...(preserveClient ? { localAddress: source.address } : {}),
  });
  client.setNoDelay(true);
  let headerSent = !proxyHeader;
  let forgotten = false;
  let idle: Timer | undefined;
  let open = 2;

  const touch = () => {
    idle?.cancel();
    idle = clock.timer(idleAfter, () => {
      forgotten = true;
    });
  };
  const closed = () => {
    if (--open > 0) return;
    idle?.cancel();
    onClose();
  };
  /** Nobody is told that a flow was forgotten; whoever sends the next packet gets a reset. */
  const refuseForgotten = (from: Socket) => {
    if (forgotten) from.resetAndDestroy();
    return forgotten;
  };

  client.on('data', (bytes: Buffer) => {
    if (refuseForgotten(client)) return;
    touch();
    if (!headerSent) {
      headerSent = true;
      server.write(awsHeader(source, listener));
    }
    if (!server.write(bytes)) client.pause();
  });
  server.on('data', (bytes: Buffer) => {
    if (refuseForgotten(server)) return;
    touch();
    // Said before the client's first bytes: lost.
    if (!headerSent) return;
    if (!client.write(bytes)) server.pause();
  });
  for (const [from, to] of [
    [client, server],
    [server, client],
  ] as const) {
    to.on('drain', () => from.resume());
    from.on('end', () => {
      if (refuseForgotten(from)) return;
      if (from.writableEnded || !hasNoPeer(from)) {
        to.end();
        return;
      }
      to.resetAndDestroy();
      from.destroy();
    });
    from.on('error', () => {
      if (!forgotten) to.resetAndDestroy();
    });
    from.on('close', closed);
  }
  touch();
  server.once('connect', () => client.resume());
  return {
    destroy: () => {
      client.resetAndDestroy();
      server.resetAndDestroy();
    },
  };
}

/** A reset that came together with data is reported as an end; the balancer, which handles packets, would have passed it on. */
function hasNoPeer(socket: Socket): boolean {
  return (socket as unknown as { _handle?: { getpeername(into: object): number } })._handle?.getpeername({}) !== 0;
}

interface End {
  readonly address: string;
  readonly port: number;
}

/** 84 bytes behind the fixed part, as captured from AWS: checksum, the id of an endpoint, padding. */
function awsHeader(source: End, destination: End): Buffer {
  const endpoint = { type: 0xea, value: Buffer.from(`\u0001vpce-${'0'.repeat(17)}`) };
  const padding = 84 - 12 - 7 - 3 - endpoint.value.length - 3;
  return encodeProxyHeader({ command: 'proxy', source, destination, tlvs: [endpoint, { type: 0x04, value: Buffer.alloc(padding) }] });
}
