import { connect, type Socket } from 'node:net';
import type { Clock } from '../ports/clock';
import type { Lease } from '../ports/lease-store';
import type { Log } from '../ports/log';
import { encodeProxyHeader } from './encode-proxy-header';
import { type Endpoint, tlvTypes } from './proxy-header';
import type { Refusals } from './refusals';
import { splice } from './splice';

/**
 * Data connections that arrived here and belong to another task: their raw bytes go to its relay port and come back from there. TLS stays between the client
 * and that task; nothing here can read it.
 */
export interface RelaysOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly refusals: Refusals;
  /** Connections at once. */
  readonly most: number;
  /** Milliseconds to reach the owner: shorter than a client's patience. */
  readonly connectTimeout: number;
  /** Milliseconds without a byte. Longer than any pause that the owner allows, for that one decides. */
  readonly idleAfter: number;
}

export interface RelayCounts {
  readonly active: number;
  readonly begun: number;
  readonly ended: number;
  /** Those whose owner could not be reached, or that were too many. */
  readonly failed: number;
  /** Both ways, of those that ended. */
  readonly bytes: number;
}

/** What stands in the header that the client's connection came with. */
export interface Arrival {
  readonly source: Endpoint;
  readonly destination: Endpoint;
}

const keepAlive = 60_000;

export class Relays {
  private readonly active = new Map<Socket, () => void>();
  private begun = 0;
  private ended = 0;
  private failed = 0;
  private bytes = 0;
  private onIdle: (() => void)[] = [];

  constructor(private readonly options: RelaysOptions) {}

  /** `client` is paused; what was read from it beyond its header is in it again. */
  handOver(client: Socket, { source, destination }: Arrival, lease: Lease): void {
    const { clock, refusals, most, connectTimeout, idleAfter } = this.options;
    const target = lease.relay === undefined ? undefined : splitHostPort(lease.relay);
    if (!target || this.active.size >= most) {
      this.failed++;
      refusals.refuse(
        client,
        target ? `more than ${most} connections are being relayed` : 'its session is on a task that takes in nothing from others',
      );
      return;
    }
    const owner = connect({ ...target, allowHalfOpen: true, noDelay: true });
    const giveUp = (cause?: unknown) => {
      stopConnecting();
      owner.destroy();
      this.failed++;
      this.leave(client);
      this.options.log.warn('data.refused', { peer: source.address, text: `the task at ${lease.relay} could not be reached`, cause });
      refusals.refuse(client);
    };
    const goneEarly = () => {
      stopConnecting();
      owner.destroy();
      this.failed++;
      this.leave(client);
    };
    const connected = () => {
      stopConnecting();
      this.begun++;
      owner.setKeepAlive(true, keepAlive);
      client.setNoDelay(true);
      client.setKeepAlive(true, keepAlive);
      const nonce = { type: tlvTypes.nonce, value: Buffer.from(lease.nonce) };
      owner.write(encodeProxyHeader({ command: 'proxy', source, destination, tlvs: [nonce] }));
      const { abort } = splice(client, owner, {
        clock,
        idleAfter,
        onClose: (bytes) => {
          this.ended++;
          this.bytes += bytes;
          this.leave(client);
        },
      });
      this.active.set(client, abort);
    };
    const timer = clock.timer(connectTimeout, () => giveUp());
    const stopConnecting = () => {
      timer.cancel();
      owner.off('connect', connected);
      owner.off('error', giveUp);
      client.off('close', goneEarly);
      // An attempt that was given up may still fail in its own way.
      owner.on('error', () => owner.destroy());
    };
    this.active.set(client, goneEarly);
    owner.once('connect', connected);
    owner.once('error', giveUp);
    client.once('close', goneEarly);
  }

  private leave(client: Socket): void {
    this.active.delete(client);
    if (this.active.size === 0) for (const wake of this.onIdle.splice(0)) wake();
  }

  get counts(): RelayCounts {
    const { begun, ended, failed, bytes } = this;
    return { active: this.active.size, begun, ended, failed, bytes };
  }

  /** Resolves when none is left, or rejects with the signal's reason. */
  drain(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.active.size === 0) return resolve();
      const abort = () => reject(signal.reason);
      this.onIdle.push(() => {
        signal.removeEventListener('abort', abort);
        resolve();
      });
      if (signal.aborted) return abort();
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  /** Resets what is left. */
  close(): void {
    for (const [client, abort] of [...this.active]) {
      abort();
      client.destroy();
    }
  }
}

/** `10.0.0.7:3002`, `[2001:db8::1]:3002` */
export function splitHostPort(text: string): { host: string; port: number } | undefined {
  const found = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/i.exec(text);
  const port = Number(found?.[3]);
  if (!found || port < 1 || port > 65_535) return undefined;
  return { host: (found[1] ?? found[2]) as string, port };
}
