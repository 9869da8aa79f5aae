import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { encodeProxyHeader } from '../../runtime/routing/encode-proxy-header';

/** Those who reach a port of a task that is meant for the load balancer, or for other tasks, and are neither. */
export interface Ends {
  readonly client: string;
  readonly port: number;
}

const source = '127.9.9.9';
const nonceType = 0xe0;

/** @param nonce Such as it would prove a lease. */
export function headerOf({ client, port }: Ends, nonce?: string): Buffer {
  const tlvs = nonce === undefined ? [] : [{ type: nonceType, value: Buffer.from(nonce) }];
  return encodeProxyHeader({
    command: 'proxy',
    source: { address: client, port: 40_000 },
    destination: { address: '127.0.0.1', port },
    tlvs,
  });
}

/** A valid one whose checksum is of something else. */
export function forgedHeader(ends: Ends): Buffer {
  const header = headerOf(ends);
  header.writeUInt8(header.readUInt8(16) ^ 1, 16);
  return header;
}

/** What a visitor says first; by name, for a table of tests. */
export function hostileBeginnings(ends: Ends): Readonly<Record<string, Buffer>> {
  const header = headerOf(ends);
  return {
    nothing: Buffer.alloc(0),
    'half a header': header.subarray(0, header.length >> 1),
    junk: Buffer.alloc(2_000, 'x'),
    'a header of the old version': Buffer.from('PROXY TCP4 127.0.0.1 127.0.0.1 40000 8192\r\n'),
    'a header that is too long': Buffer.concat([header.subarray(0, 14), Buffer.from([0xff, 0xff]), Buffer.alloc(2_000)]),
    'a forged header': forgedHeader(ends),
    'two headers': Buffer.concat([header, header]),
    'a header and junk': Buffer.concat([header, Buffer.alloc(2_000, 'x')]),
  };
}

export function dialHostile(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, localAddress: source });
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
    // Being thrown out is what is expected.
    socket.on('error', () => socket.destroy());
    socket.resume();
  });
}

/** Resolves when the other side has closed; false: it has not, in time. */
export function isThrownOut(socket: Socket, milliseconds: number): Promise<boolean> {
  return new Promise((resolve) => {
    if (socket.destroyed) return resolve(true);
    const timer = setTimeout(() => resolve(false), milliseconds);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}

/** Very many connects, some at a time; a third says nothing, a third junk, a third goes at once. */
export async function flood(port: number, connects: number, atOnce = 100): Promise<void> {
  let left = connects;
  const lane = async () => {
    while (left-- > 0) {
      const turn = left % 3;
      const socket = await dialHostile(port).catch(() => undefined);
      if (turn === 1) socket?.write('junk');
      if (turn !== 2) await new Promise((resolve) => setImmediate(resolve));
      socket?.destroy();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

const listening = '0A';

/** Connections of this machine that end at one of the ports and are not only remembered: proc(5), /proc/net/tcp. */
export function openConnectionsTo(ports: readonly number[]): number {
  const timeWait = '06';
  const wanted = new Set(ports.map((port) => port.toString(16).toUpperCase().padStart(4, '0')));
  const lines = readFileSync('/proc/net/tcp', 'utf8').trim().split('\n').slice(1);
  return lines.filter((line) => {
    const [, local = '', , state = ''] = line.trim().split(/\s+/);
    return wanted.has(local.split(':')[1] ?? '') && state !== listening && state !== timeWait;
  }).length;
}

export function residentMegabytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}
