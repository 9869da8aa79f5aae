import * as fc from 'fast-check';
import { crc32c } from '../../runtime/model/crc32';
import { encodeProxyHeader } from '../../runtime/routing/encode-proxy-header';
import { longestHeader, type ParsedHeader, type ProxyHeader, ProxyHeaderParser } from '../../runtime/routing/proxy-header';

/** PROXY v2 headers as load balancers send them, and as others might. */

const signature = '0d0a0d0a000d0a515549540a';
const hex = (...parts: string[]) => Buffer.from(parts.join('').replaceAll(' ', ''), 'hex');
const parse = (bytes: Buffer) => new ProxyHeaderParser().push(bytes);

function parseInPieces(bytes: Buffer, size: number): ParsedHeader {
  const parser = new ProxyHeaderParser();
  for (let offset = 0; offset < bytes.length; offset += size) {
    const result = parser.push(bytes.subarray(offset, offset + size));
    if (!result) continue;
    if ('fault' in result) return result;
    return { header: result.header, rest: Buffer.concat([result.rest, bytes.subarray(offset + size)]) };
  }
  return undefined;
}

const four = hex(signature, '21 11 000c', 'c0000201 cb007105 d431 2000');
const six = hex(signature, '21 21 0024', `20010db8${'00'.repeat(11)}01`, `20010db8${'00'.repeat(11)}02`, 'd431 2000');

describe('PROXY v2 headers', () => {
  it('say who dialled what, over IPv4', () => {
    expect(parse(four)).toEqual({
      header: {
        command: 'proxy',
        source: { address: '192.0.2.1', port: 54_321 },
        destination: { address: '203.0.113.5', port: 8192 },
        tlvs: [],
      },
      rest: Buffer.alloc(0),
    });
  });

  it('say who dialled what, over IPv6', () => {
    expect(parse(six)).toMatchObject({
      header: { source: { address: '2001:db8::1' }, destination: { address: '2001:db8::2', port: 8192 } },
    });
  });

  it.each([
    ['00000000000000000000000000000000', '::'],
    ['00000000000000000000000000000001', '::1'],
    ['00000000000000000000ffffc0000201', '192.0.2.1'],
    ['20010db8000000010001000100010001', '2001:db8:0:1:1:1:1:1'],
    ['20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
    ['20010db8000100000000000000000000', '2001:db8:1::'],
  ])('write %s as %s', (bytes, address) => {
    expect(parse(hex(signature, '21 21 0024', bytes, '0'.repeat(32), '0001 0002'))).toMatchObject({ header: { source: { address } } });
  });

  it('keep TLVs, and leave what follows to the client, a second header too', () => {
    const whole = hex(signature, '21 11 0014', 'c0000201 cb007105 d431 2000', 'ea 0002 01 76', '04 0000');
    const result = parse(Buffer.concat([whole, four]));
    expect(result).toMatchObject({ header: { tlvs: [{ type: 0xea, value: hex('0176') }, { type: 0x04 }] }, rest: four });
  });

  it.each([
    ['without anything', '20 00 0000', ''],
    ['with addresses', '20 11 000c', 'c0000201 cb007105 d431 2000'],
    ['with TLVs where the addresses belong', '20 11 0013', '04 0010 00000000000000000000000000000000'],
    ['with bytes that are neither', '20 11 0005', 'ffffffffff'],
    ['of a family that nobody knows', '20 77 0002', 'abcd'],
  ])('of a probe are skipped: %s', (_, head, body) => {
    expect(parse(hex(signature, head, body, '1603'))).toMatchObject({ header: { command: 'local' }, rest: hex('1603') });
  });

  it('of a probe are read with a checksum and padding, and no addresses', () => {
    const probe = hex(signature, '20 11 0054', '03 0004 00000000', '04 004a', '00'.repeat(74));
    probe.writeUInt32BE(crc32c(probe), 19);
    expect(parse(probe)).toMatchObject({ header: { command: 'local', tlvs: [{ type: 3 }, { type: 4 }] } });
    probe[90] = 1;
    expect(parse(probe)).toEqual({ fault: 'wrong checksum' });
  });

  it.each([
    ['version 1', Buffer.from('PROXY TCP4 192.0.2.1 203.0.113.5 54321 8192\r\n'), 'not PROXY version 2'],
    ['a ClientHello', hex('1603010200'), 'not PROXY version 2'],
    ['one wrong byte of the signature', hex('0d0a0d0a000d0a515549540b'), 'not PROXY version 2'],
    ['version 1 in binary', hex(signature, '11'), 'not PROXY version 2'],
    ['version 3', hex(signature, '31'), 'not PROXY version 2'],
    ['a third command', hex(signature, '22'), 'unknown command'],
    ['UDP', hex(signature, '21 12'), 'unknown family'],
    ['a Unix socket', hex(signature, '21 31'), 'unknown family'],
    ['no family', hex(signature, '21 00'), 'unknown family'],
    ['a length whose first byte is too much', hex(signature, '21 11 03'), 'too long'],
    ['one byte too many', hex(signature, '21 11 0209'), 'too long'],
    ['a length without room for addresses', hex(signature, '21 11 000b', '00'.repeat(11)), 'malformed'],
    ['IPv6 with the length of IPv4', hex(signature, '21 21 000c', '00'.repeat(12)), 'malformed'],
    ['a TLV that is cut', hex(signature, '21 11 0010', '00'.repeat(12), '04 0002 00'), 'malformed'],
    ['a TLV without its length', hex(signature, '21 11 000e', '00'.repeat(12), '04 00'), 'malformed'],
    ['a checksum of three bytes', hex(signature, '21 11 0012', '00'.repeat(12), '03 0003 000000'), 'wrong checksum'],
    ['a wrong checksum', hex(signature, '21 11 0013', '00'.repeat(12), '03 0004 00000001'), 'wrong checksum'],
  ])('are refused at the first wrong byte: %s', (_, bytes, fault) => {
    expect(parse(bytes)).toEqual({ fault });
    expect(parseInPieces(bytes, 1)).toEqual({ fault });
  });

  it('are waited for while everything is right so far', () => {
    for (let length = 0; length < four.length; length++) expect(parse(four.subarray(0, length))).toBeUndefined();
  });

  it('are taken up to the longest', () => {
    const padding = longestHeader - 16 - 12 - 3;
    const length = (longestHeader - 16).toString(16).padStart(4, '0');
    const longest = hex(signature, '21 11', length, '00'.repeat(12), '04', padding.toString(16).padStart(4, '0'), '00'.repeat(padding));
    expect(longest).toHaveLength(longestHeader);
    expect(parse(longest)).toMatchObject({ header: { command: 'proxy' } });
    const header: ProxyHeader = { command: 'local', tlvs: [{ type: 4, value: Buffer.alloc(longestHeader) }] };
    expect(() => encodeProxyHeader(header)).toThrow('too long');
  });

  it('are the same however they arrive, and leave the rest untouched', () => {
    const addresses = fc.oneof(fc.tuple(fc.ipV4(), fc.ipV4()), fc.tuple(fc.ipV6(), fc.ipV6()), fc.tuple(fc.ipV4(), fc.ipV6()));
    const port = fc.integer({ min: 0, max: 65_535 });
    const tlv = fc.record({
      type: fc.integer({ min: 4, max: 255 }),
      value: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    });
    void fc.assert(
      fc.property(
        addresses,
        port,
        port,
        fc.array(tlv, { maxLength: 5 }),
        fc.uint8Array({ maxLength: 40 }),
        fc.integer({ min: 1, max: 70 }),
        ([from, to], sourcePort, destinationPort, tlvs, rest, size) => {
          const bytes = encodeProxyHeader({
            command: 'proxy',
            source: { address: from, port: sourcePort },
            destination: { address: to, port: destinationPort },
            tlvs,
          });
          const whole = parse(Buffer.concat([bytes, rest]));
          expect(whole).toMatchObject({
            header: { command: 'proxy', source: { port: sourcePort }, destination: { port: destinationPort } },
            rest: Buffer.from(rest),
          });
          expect(parseInPieces(Buffer.concat([bytes, rest]), size)).toEqual(whole);
          if (!whole || !('header' in whole) || whole.header.command !== 'proxy') throw new Error('no header');
          expect(whole.header.tlvs.slice(1)).toEqual(tlvs);
          // Written again, it is the same header, byte for byte: the text of an address stands for it.
          const { source, destination } = whole.header;
          if (from.includes(':') === to.includes(':') && !source.address.includes('.') === from.includes(':'))
            expect(encodeProxyHeader({ ...whole.header, source, destination })).toEqual(bytes);
        },
      ),
    );
  });

  it('are found out when a bit has fallen over', () => {
    const bytes = encodeProxyHeader({
      command: 'proxy',
      source: { address: '192.0.2.1', port: 1 },
      destination: { address: '192.0.2.2', port: 2 },
      tlvs: [],
    });
    void fc.assert(
      fc.property(fc.integer({ min: 16, max: bytes.length - 1 }), fc.integer({ min: 0, max: 7 }), (at, bit) => {
        const broken = Buffer.from(bytes);
        broken[at] = (broken[at] as number) ^ (1 << bit);
        // A bit in the checksum's own type makes it another TLV.
        expect(at === 28 ? broken : parse(broken)).not.toHaveProperty('header');
      }),
    );
  });

  it('never make the parser throw', () => {
    void fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.boolean(), (bytes, signed) => {
        const input = signed ? Buffer.concat([hex(signature, '21 11'), bytes]) : Buffer.from(bytes);
        expect(parseInPieces(input, 7)).toEqual(parse(input));
      }),
    );
  });

  it.each([
    ['123456789', 0xe3069283],
    ['', 0],
  ])('have the checksum of Castagnoli: %p', (text, sum) => {
    expect(crc32c(Buffer.from(text))).toBe(sum);
  });
});
