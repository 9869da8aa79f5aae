import { crc32c } from '../model/crc32';

/**
 * The PROXY protocol, version 2, as values: who dialled what, told by a load balancer (or a task of ours) in front of a connection's own bytes. Exactly one
 * header is read; a client can send a second one behind it, and that is his own first payload. What is wrong is refused at its first wrong byte, so that a
 * stranger's kilobytes are never collected. Version 1, a line of text, is not accepted: no one in front of us speaks it.
 */
export type ProxyHeader =
  | { readonly command: 'proxy'; readonly source: Endpoint; readonly destination: Endpoint; readonly tlvs: readonly Tlv[] }
  /** The sender speaks for itself: a health probe. It may carry addresses, which mean nothing, or TLVs without any, as AWS sends them. */
  | { readonly command: 'local'; readonly tlvs: readonly Tlv[] };

export interface Endpoint {
  /** An IPv4-mapped address is written as IPv4. */
  readonly address: string;
  readonly port: number;
}

export interface Tlv {
  readonly type: number;
  readonly value: Buffer;
}

export type ProxyFault = 'not PROXY version 2' | 'unknown command' | 'unknown family' | 'too long' | 'malformed' | 'wrong checksum';

export type ParsedHeader =
  | { readonly header: ProxyHeader; readonly rest: Buffer }
  | { readonly fault: ProxyFault }
  /** Not all of it is here yet. */
  | undefined;

const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const fixedLength = 16;
/** Addresses and every TLV that a load balancer is known to send, several times over; a Unix socket's 216 bytes are not among them. */
export const longestHeader = 536;

export const tlvTypes = { crc32c: 0x03, noop: 0x04, /** First of those left to applications. */ nonce: 0xe0 } as const;

const commands: Readonly<Record<number, ProxyHeader['command']>> = { 32: 'local', 33: 'proxy' };
/** TCP over IPv4 and over IPv6: bytes of an address. */
const addressBytes: Readonly<Record<number, number>> = { 17: 4, 33: 16 };

/** Fed with what arrives, in any pieces; after a result it is spent. */
export class ProxyHeaderParser {
  private held: Buffer = Buffer.alloc(0);

  push(bytes: Buffer): ParsedHeader {
    this.held = this.held.length === 0 ? bytes : Buffer.concat([this.held, bytes]);
    return parseHeader(this.held);
  }
}

function parseHeader(bytes: Buffer): ParsedHeader {
  const compared = Math.min(bytes.length, signature.length);
  if (bytes.compare(signature, 0, compared, 0, compared) !== 0) return { fault: 'not PROXY version 2' };
  const [versionAndCommand, family] = [bytes[12], bytes[13]];
  if (versionAndCommand === undefined) return undefined;
  const command = commands[versionAndCommand];
  if (!command) return { fault: versionAndCommand >> 4 === 2 ? 'unknown command' : 'not PROXY version 2' };
  if (family === undefined) return undefined;
  if (command === 'proxy' && addressBytes[family] === undefined) return { fault: 'unknown family' };
  if (bytes.length < fixedLength)
    return bytes.length === 15 && (bytes[14] as number) > longestHeader >> 8 ? { fault: 'too long' } : undefined;
  const length = fixedLength + bytes.readUInt16BE(14);
  if (length > longestHeader) return { fault: 'too long' };
  if (bytes.length < length) return undefined;
  const whole = bytes.subarray(0, length);
  const header = command === 'proxy' ? readProxy(whole, addressBytes[family] as number) : readLocal(whole, addressBytes[family] ?? 0);
  if (!header) return { fault: 'malformed' };
  if (!checksumHolds(whole, header.tlvs)) return { fault: 'wrong checksum' };
  return { header, rest: bytes.subarray(length) };
}

function readProxy(whole: Buffer, size: number): ProxyHeader | undefined {
  const start = fixedLength + 2 * size + 4;
  if (whole.length < start) return undefined;
  const tlvs = readTlvs(whole, start);
  if (!tlvs) return undefined;
  const ports = fixedLength + 2 * size;
  return {
    command: 'proxy',
    source: { address: formatAddress(whole.subarray(fixedLength, fixedLength + size)), port: whole.readUInt16BE(ports) },
    destination: { address: formatAddress(whole.subarray(fixedLength + size, ports)), port: whole.readUInt16BE(ports + 2) },
    tlvs,
  };
}

/** What follows is addresses or TLVs, and the family does not tell: the probes of AWS say TCP over IPv4 and send none. What fits neither way is skipped. */
function readLocal(whole: Buffer, size: number): ProxyHeader {
  const behind = size === 0 ? undefined : readTlvs(whole, fixedLength + 2 * size + 4);
  return { command: 'local', tlvs: readTlvs(whole, fixedLength) ?? behind ?? [] };
}

function readTlvs(whole: Buffer, start: number): Tlv[] | undefined {
  const tlvs: Tlv[] = [];
  let offset = start;
  while (offset + 3 <= whole.length) {
    const end = offset + 3 + whole.readUInt16BE(offset + 1);
    if (end > whole.length) return undefined;
    tlvs.push({ type: whole[offset] as number, value: whole.subarray(offset + 3, end) });
    offset = end;
  }
  return offset === whole.length ? tlvs : undefined;
}

/** Computed over the whole header with the checksum's own four bytes as zeros. Of several the first counts. */
function checksumHolds(whole: Buffer, tlvs: readonly Tlv[]): boolean {
  const sum = tlvs.find(({ type }) => type === tlvTypes.crc32c)?.value;
  if (!sum) return true;
  if (sum.length !== 4) return false;
  const zeroed = Buffer.from(whole);
  zeroed.fill(0, sum.byteOffset - whole.byteOffset, sum.byteOffset - whole.byteOffset + 4);
  return crc32c(zeroed) === sum.readUInt32BE(0);
}

/** RFC 5952, as the system writes the addresses of its sockets: a lease is found by equality of text. */
function formatAddress(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.subarray(0, 12).equals(mappedPrefix)) return bytes.subarray(12).join('.');
  const groups = Array.from({ length: 8 }, (_, group) => bytes.readUInt16BE(2 * group).toString(16));
  let best = { start: 0, length: 1 };
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && groups[end] === '0') end++;
    if (end - start > best.length) best = { start, length: end - start };
  }
  if (best.length === 1) return groups.join(':');
  return `${groups.slice(0, best.start).join(':')}::${groups.slice(best.start + best.length).join(':')}`;
}

export const mappedPrefix = Buffer.from('00000000000000000000ffff', 'hex');
