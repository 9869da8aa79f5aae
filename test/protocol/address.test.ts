import fc from 'fast-check';
import { formatHostPort, parseExtendedPort, parseHostPort } from '../../runtime/protocol/address';

it.each([
  ['192.0.2.1', 8192, '192,0,2,1,32,0'],
  ['203.0.113.5', 8239, '203,0,113,5,32,47'],
  ['10.0.0.1', 255, '10,0,0,1,0,255'],
  ['10.0.0.1', 65_535, '10,0,0,1,255,255'],
])('%s port %i is written %j', (address, port, expected) => {
  expect(formatHostPort(address, port)).toBe(expected);
});

it('reads back every address and port it writes', () => {
  fc.assert(
    fc.property(fc.ipV4(), fc.integer({ min: 0, max: 65_535 }), (address, port) => {
      expect(parseHostPort(formatHostPort(address, port))).toEqual({ address, port });
    }),
  );
});

it.each([
  '',
  '1,2,3,4,5',
  '1,2,3,4,5,6,7',
  '256,0,2,1,32,0',
  '192,0,2,1,256,0',
  '192,0,2,1,32,-1',
  '192,0,2,1,32,0,',
  '192.0.2.1,32,0',
  '192, 0,2,1,32,0',
  '0x7f,0,0,1,32,0',
  '1e2,0,0,1,32,0',
  '0192,0,2,1,32,0',
])('%j is no host and port', (text) => {
  expect(parseHostPort(text)).toBeUndefined();
});

it.each([
  ['|1|132.235.1.2|6275|', '1', '132.235.1.2', 6275],
  ['|2|1080::8:800:200C:417A|5282|', '2', '1080::8:800:200C:417A', 5282],
  ['!1!132.235.1.2!6275!', '1', '132.235.1.2', 6275],
  ['~2~::ffff:192.0.2.1~65535~', '2', '::ffff:192.0.2.1', 65_535],
  ['|9|anything at all|1|', '9', 'anything at all', 1],
])('%j is an extended address', (text, family, address, port) => {
  expect(parseExtendedPort(text)).toEqual({ family, address, port });
});

it.each([
  '',
  '|',
  '|||||',
  '|1|132.235.1.2|6275',
  '|1|132.235.1.2|6275|x',
  '|1|132.235.1.2|65536|',
  '|1|132.235.1.2||',
  '|1|132.235.1.256|6275|',
  '|1|::1|6275|',
  '|2|132.235.1.2|6275|',
  '|2|:|6275|',
  '|2|fe80::1%eth0|6275|',
  `|2|${':'.repeat(46)}|6275|`,
  '|1||6275|',
  '||132.235.1.2|6275|',
  '|one|132.235.1.2|6275|',
  ' 1 132.235.1.2 6275 ',
  '\x7f1\x7f132.235.1.2\x7f6275\x7f',
])('%j is no extended address', (text) => {
  expect(parseExtendedPort(text)).toBeUndefined();
});

it('never throws on any text', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('|', '1', '2', '.', ':', ',', 'a', ' ') }), (text) => {
      parseHostPort(text);
      parseExtendedPort(text);
    }),
  );
});
