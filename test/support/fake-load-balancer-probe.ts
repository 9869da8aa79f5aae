import { connect } from 'node:net';
import { encodeProxyHeader } from '../../runtime/routing/encode-proxy-header';

/** A health check as the load balancer sends it to a target. On a group with PROXY headers it begins with one that speaks for nobody. */
export type ProbeShape = 'no header' | 'header with addresses' | 'header without addresses' | 'empty header';

const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

const headers: Readonly<Record<ProbeShape, Buffer>> = {
  'no header': Buffer.alloc(0),
  'header with addresses': Buffer.concat([signature, Buffer.from('2011000c7f0000017f00000104d20bb8', 'hex')]),
  'header without addresses': awsProbe(),
  'empty header': Buffer.concat([signature, Buffer.from('20000000', 'hex')]),
};

export const probeShapes = Object.keys(headers) as ProbeShape[];

export interface ProbeResult {
  readonly text: string;
  readonly reset: boolean;
}

/** Without `path` it is a check of the port alone: connects, says what it must, and closes. */
export function probe(host: string, port: number, shape: ProbeShape, path?: string): Promise<ProbeResult> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    let text = '';
    let reset = false;
    const timeout = setTimeout(() => socket.destroy(new Error('The probe got no answer.')), 5_000);
    socket.on('connect', () => {
      if (headers[shape].length > 0) socket.write(headers[shape]);
      if (path === undefined) socket.end();
      else socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}:${port}\r\nConnection: close\r\nUser-Agent: ELB-HealthChecker/2.0\r\n\r\n`);
    });
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET') reset = true;
      else reject(error);
    });
    socket.on('close', () => {
      clearTimeout(timeout);
      resolve({ text, reset });
    });
  });
}

/** `20 11 00 54` and then TLVs where the addresses would be. */
function awsProbe(): Buffer {
  const bytes = encodeProxyHeader({ command: 'local', tlvs: [{ type: 0x04, value: Buffer.alloc(84 - 7 - 3) }] });
  // The family says IPv4 all the same; its checksum is made for that.
  return withFamily(bytes, 0x11);
}

function withFamily(header: Buffer, family: number): Buffer {
  const bytes = Buffer.from(header);
  bytes[13] = family;
  bytes.fill(0, 19, 23);
  bytes.writeUInt32BE(castagnoli(bytes), 19);
  return bytes;
}

/** Bit by bit: another way than the one that is tested. */
function castagnoli(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
