import { crc32c } from '../model/crc32';
import { longestHeader, mappedPrefix, type ProxyHeader, type Tlv, tlvTypes } from './proxy-header';

/**
 * A PROXY v2 header to send, always with its checksum. Beside the parser because only the relay needs it. Ends of different families are both written as
 * IPv6. Throws when it would be longer than anybody here accepts.
 */
export function encodeProxyHeader(header: ProxyHeader): Buffer {
  const sum = { type: tlvTypes.crc32c, value: Buffer.alloc(4) };
  const { addresses, family } = header.command === 'proxy' ? encodeAddresses(header) : { addresses: Buffer.alloc(0), family: 0 };
  const others = header.tlvs.filter(({ type }) => type !== tlvTypes.crc32c);
  const body = Buffer.concat([addresses, ...[sum, ...others].map(encodeTlv)]);
  if (16 + body.length > longestHeader) throw new Error(`A PROXY header of ${16 + body.length} bytes is too long.`);
  const whole = Buffer.concat([
    start,
    Buffer.from([header.command === 'proxy' ? 0x21 : 0x20, family, body.length >> 8, body.length & 0xff]),
    body,
  ]);
  whole.writeUInt32BE(crc32c(whole), 16 + addresses.length + 3);
  return whole;
}

const start = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

function encodeAddresses({ source, destination }: Extract<ProxyHeader, { command: 'proxy' }>): { addresses: Buffer; family: number } {
  let ends = [encodeAddress(source.address), encodeAddress(destination.address)];
  const six = ends.some(({ length }) => length === 16);
  if (six) ends = ends.map((end) => (end.length === 4 ? Buffer.concat([mappedPrefix, end]) : end));
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(source.port, 0);
  ports.writeUInt16BE(destination.port, 2);
  return { addresses: Buffer.concat([...ends, ports]), family: six ? 0x21 : 0x11 };
}

function encodeAddress(address: string): Buffer {
  if (!address.includes(':')) return Buffer.from(encodeQuad(address));
  // The last 32 bits may be written as IPv4 (RFC 4291 §2.2).
  const text = address.replace(/\d+\.\d+\.\d+\.\d+$/, (quad) => {
    const [a, b, c, d] = encodeQuad(quad) as [number, number, number, number];
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [head = '', tail] = text.split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = [...front, ...Array<string>(Math.max(0, 8 - front.length - back.length)).fill('0'), ...back];
  const bytes = Buffer.alloc(16);
  for (const [index, group] of groups.entries()) bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * index);
  return bytes;
}

function encodeQuad(quad: string): number[] {
  const bytes = quad.split('.').map(Number);
  if (bytes.length !== 4 || !bytes.every((byte) => byte >= 0 && byte <= 255)) throw new Error(`${quad} is not an address.`);
  return bytes;
}

function encodeTlv({ type, value }: Tlv): Buffer {
  return Buffer.concat([Buffer.from([type, value.length >> 8, value.length & 0xff]), value]);
}
