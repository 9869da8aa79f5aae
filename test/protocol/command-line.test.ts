import fc from 'fast-check';
import { parseCommandLine } from '../../runtime/protocol/command-line';

const parse = (text: string) => {
  const command = parseCommandLine(Buffer.from(text, 'latin1'));
  return command && { verb: command.verb, argument: command.argument?.toString('latin1') };
};

it.each([
  ['NOOP', 'NOOP', undefined],
  ['noop', 'NOOP', undefined],
  ['Pwd', 'PWD', undefined],
  ['NOOP ', 'NOOP', ''],
  ['STOR a', 'STOR', 'a'],
  ['STOR  a ', 'STOR', ' a '],
  ['PASS  secret ', 'PASS', ' secret '],
  ['STOR \t', 'STOR', '\t'],
  ['STOR \xe4\xff\0', 'STOR', '\xe4\xff\0'],
  ['SITE CHMOD 644 a b', 'SITE', 'CHMOD 644 a b'],
  ['MD5 a', 'MD5', 'a'],
  ['xsha256 a', 'XSHA256', 'a'],
  ['ABCDEFGHIJKLMNOP', 'ABCDEFGHIJKLMNOP', undefined],
])('%j is the verb %j with the argument %j', (line, verb, argument) => {
  expect(parse(line)).toEqual({ verb, argument });
});

it.each([
  '',
  ' ',
  ' NOOP',
  'AB',
  'ABCDEFGHIJKLMNOPQ',
  'STOR\ta',
  'STOR\0',
  '1234',
  '5MD a',
  'A-B-C',
  'ST\xd6R a',
  'USER\ra',
  '\x16\x03\x01\x02\x00\x01',
  'GET/ HTTP',
])('%j is no command', (line) => {
  expect(parse(line)).toBeUndefined();
});

it('never throws, keeps every byte behind the space, and its verb is 3 to 16 capital letters and digits', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
        fc
          .tuple(fc.constantFrom('STOR ', 'x', 'LIST  ', 'pass '), fc.uint8Array({ maxLength: 40 }))
          .map(([verb, rest]) => Buffer.concat([Buffer.from(verb), rest])),
      ),
      (line) => {
        const command = parseCommandLine(line);
        if (!command) return;
        expect(command.verb).toMatch(/^[A-Z][A-Z0-9]{2,15}$/);
        const length = command.argument === undefined ? command.verb.length : command.verb.length + 1 + command.argument.length;
        expect(length).toBe(line.length);
        if (command.argument) expect(line.subarray(command.verb.length + 1).equals(command.argument)).toBe(true);
      },
    ),
  );
});
