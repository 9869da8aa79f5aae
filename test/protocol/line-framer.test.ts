import fc from 'fast-check';
import { type Framed, LineFramer } from '../../runtime/protocol/line-framer';

const latin1 = (text: string) => Buffer.from(text, 'latin1');

function shown(framed: readonly Framed[]): string[] {
  return framed.map((event) =>
    event.kind === 'too-long' ? 'too long' : `${event.kind} ${JSON.stringify(event.bytes.toString('latin1'))}`,
  );
}

function frame(text: string, framer = new LineFramer()): string[] {
  return shown(framer.push(latin1(text)));
}

function frameByteByByte(bytes: Buffer, framer = new LineFramer()): string[] {
  return [...bytes].flatMap((byte) => shown(framer.push(Buffer.from([byte]))));
}

const lines: readonly (readonly [string, string, readonly string[]])[] = [
  ['CRLF ends a line', 'NOOP\r\n', ['line "NOOP"']],
  ['a bare LF ends a line, scripts send that', 'NOOP\n', ['line "NOOP"']],
  ['several commands come in one segment', 'USER a\r\nPASS b\nPWD\r\n', ['line "USER a"', 'line "PASS b"', 'line "PWD"']],
  ['a line without its end waits', 'NOOP', []],
  ['a CR alone ends nothing', 'NOOP\r', []],
  ['a CR in the middle stays in the text', 'DELE a\rb\r\n', ['line "DELE a\\rb"']],
  ['CR NUL is a literal CR', 'DELE a\r\0b\r\n', ['line "DELE a\\rb"']],
  ['CR CR LF leaves one CR in the text', 'DELE a\r\r\n', ['line "DELE a\\r"']],
  ['a NUL that follows no CR stays', 'DELE a\0b\r\n', ['line "DELE a\\u0000b"']],
  ['an empty line is a line', '\r\n', ['line ""']],
  ['bytes from 0x80 on come through', 'STOR \xe4\xf0\xfe\r\n', ['line "STOR \xe4\xf0\xfe"']],
];

const telnet: readonly (readonly [string, string, readonly string[]])[] = [
  ['WILL is answered by DONT', '\xff\xfb\x01NOOP\r\n', ['answer "\xff\xfe\\u0001"', 'line "NOOP"']],
  ['DO is answered by WONT', '\xff\xfd\x06NOOP\r\n', ['answer "\xff\xfc\\u0006"', 'line "NOOP"']],
  ['WONT and DONT get no answer, or there would be a loop', '\xff\xfc\x01\xff\xfe\x01NOOP\r\n', ['line "NOOP"']],
  ['the option may be 255', '\xff\xfb\xffNOOP\r\n', ['answer "\xff\xfe\xff"', 'line "NOOP"']],
  ['the option may be an LF', '\xff\xfd\nNOOP\r\n', ['answer "\xff\xfc\\n"', 'line "NOOP"']],
  ['IAC IAC is the byte 255', 'STOR a\xff\xffb\r\n', ['line "STOR a\xffb"']],
  ['Interrupt Process and Data Mark go', '\xff\xf4\xff\xf2ABOR\r\n', ['line "ABOR"']],
  ['the urgent byte is lost: FF F4 FF before ABOR', '\xff\xf4\xffABOR\r\n', ['line "ABOR"']],
  ['the urgent byte is lost: FF F4 F2 before ABOR', '\xff\xf4\xf2ABOR\r\n', ['line "ABOR"']],
  ['a Data Mark alone at the start of a line goes', '\xf2ABOR\r\n', ['line "ABOR"']],
  ['a sequence in the middle of a line goes', 'STOR a\xff\xf1b\r\n', ['line "STOR ab"']],
  ['an IAC before an ordinary byte goes alone', 'STOR a\xffb\r\n', ['line "STOR ab"']],
  ['0xEF is the last ordinary byte behind an IAC, 0xF0 the first command', 'STOR a\xff\xefb\xff\xf0c\r\n', ['line "STOR a\xefbc"']],
  ['an IAC before the line end goes alone', 'NOOP\xff\r\n', ['line "NOOP"']],
  ['an IAC between CR and LF does not split them', 'NOOP\r\xff\xf1\nPWD\r\n', ['line "NOOP"', 'line "PWD"']],
];

describe.each([
  ['lines', lines],
  ['telnet', telnet],
] as const)('%s', (_, table) => {
  it.each(table)('%s', (_name, bytes, expected) => {
    expect(frame(bytes)).toEqual(expected);
    expect(frameByteByByte(latin1(bytes))).toEqual(expected);
  });
});

const noise = fc
  .array(
    fc.oneof(
      fc.constantFrom('\r', '\n', '\0', '\r\n', '\xff', '\xfb', '\xfd', '\xf4', '\xf2', 'ABOR\r', 'NOOP\r\n', 'STOR x'),
      fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte)),
    ),
    { maxLength: 60 },
  )
  .map((pieces) => latin1(pieces.join('')));

it('gives the same lines, answers and complaints however the bytes are cut', () => {
  fc.assert(
    fc.property(noise, fc.array(fc.nat({ max: 30 }), { maxLength: 20 }), (bytes, cuts) => {
      const whole = shown(new LineFramer(20).push(bytes));
      const framer = new LineFramer(20);
      const cut: string[] = [];
      let at = 0;
      for (const length of cuts) {
        cut.push(...shown(framer.push(bytes.subarray(at, at + length))));
        at += length;
      }
      cut.push(...shown(framer.push(bytes.subarray(at))));
      expect(cut).toEqual(whole);
      expect(frameByteByByte(bytes, new LineFramer(20))).toEqual(whole);
    }),
  );
});

it('never frames a line that holds an LF or is longer than allowed', () => {
  fc.assert(
    fc.property(noise, (bytes) => {
      for (const framed of new LineFramer(20).push(bytes)) {
        if (framed.kind !== 'line') continue;
        expect(framed.bytes.includes(10)).toBe(false);
        expect(framed.bytes.length).toBeLessThanOrEqual(18);
      }
    }),
  );
});

it('never answers with more bytes than it was sent', () => {
  fc.assert(
    fc.property(noise, (bytes) => {
      const answers = new LineFramer().push(bytes).filter(({ kind }) => kind === 'answer');
      expect(answers.length * 3).toBeLessThanOrEqual(bytes.length);
    }),
  );
});

describe('the longest line', () => {
  it.each([
    [4094, ['line of 4094', 'line of 4']],
    [4095, ['too long', 'line of 4']],
    [10_000_000, ['too long', 'line of 4']],
  ])('of %i bytes without its CRLF', (length, expected) => {
    const framed = new LineFramer().push(latin1(`${'x'.repeat(length)}\r\nNOOP\r\n`));
    expect(framed.map((event) => (event.kind === 'line' ? `line of ${event.bytes.length}` : 'too long'))).toEqual(expected);
  });

  it.each([
    [4095, ['line of 4095', 'line of 4']],
    [4096, ['too long', 'line of 4']],
  ])('of %i bytes without its bare LF', (length, expected) => {
    const framed = new LineFramer().push(latin1(`${'x'.repeat(length)}\nNOOP\n`));
    expect(framed.map((event) => (event.kind === 'line' ? `line of ${event.bytes.length}` : 'too long'))).toEqual(expected);
  });

  it('counts what Telnet left, not what came', () => {
    expect(frame(`${'\xff\xf1'.repeat(5_000)}NOOP\r\n`)).toEqual(['line "NOOP"']);
    expect(frame(`ABC${'\xff\xff'.repeat(7)}\r\n`, new LineFramer(12))).toEqual([`line "ABC${'\xff'.repeat(7)}"`]);
    expect(frame(`ABC${'\xff\xff'.repeat(8)}\r\n`, new LineFramer(12))).toEqual(['too long']);
  });

  it('is reported once, when it is known, and discarded up to its LF', () => {
    const framer = new LineFramer(8);
    expect(frame('1234567', framer)).toEqual([]);
    expect(frame('8', framer)).toEqual(['too long']);
    expect(frame('9\r\0\r0123456789', framer)).toEqual([]);
    expect(framer.hasPartial).toBe(true);
    expect(frame('\r\nPWD\r\n', framer)).toEqual(['line "PWD"']);
    expect(frame('12345678\n12345678\n', framer)).toEqual(['too long', 'too long']);
  });
});

describe('hasPartial', () => {
  it.each([
    ['', false],
    ['NOOP\r\n', false],
    ['\xff\xf1', false],
    ['\xf2', false],
    ['U', true],
    ['\r', true],
    ['NOOP\r\n\r', true],
    ['AUTH TLS\r\nUSER mallory', true],
    ['\xff', true],
    ['\xff\xfd', true],
  ])('after %j is %j', (bytes, expected) => {
    const framer = new LineFramer();
    framer.push(latin1(bytes));
    expect(framer.hasPartial).toBe(expected);
  });
});

describe('an ABOR whose LF was lost with the urgent byte', () => {
  it.each([
    ['ABOR\r', true],
    ['abor\r', true],
    ['\xff\xf4\xff\xf2ABOR\r', true],
    ['NOOP\r\nABOR\r', true],
    ['ABOR', false],
    ['ABOR\r\n', false],
    ['ABOR \r', false],
    ['XABOR\r', false],
    ['ABOR\rX', false],
    ['QUIT\r', false],
  ])('%j is pending: %j', (bytes, expected) => {
    const framer = new LineFramer();
    framer.push(latin1(bytes));
    expect(framer.pendingAbort).toBe(expected);
    expect(framer.flushAbort()).toHaveLength(expected ? 1 : 0);
  });

  it('becomes a line once, and the next command is read as usual', () => {
    const framer = new LineFramer();
    framer.push(latin1('ABOR\r'));
    expect(shown(framer.flushAbort())).toEqual(['line "ABOR"']);
    expect(framer.flushAbort()).toEqual([]);
    expect(framer.hasPartial).toBe(false);
    expect(frame('\r\nPWD\r\n', framer)).toEqual(['line ""', 'line "PWD"']);
  });

  it('may find its LF after all: that is no empty line', () => {
    const framer = new LineFramer();
    framer.push(latin1('ABOR\r'));
    framer.flushAbort();
    expect(frame('\nPWD\r\n\n', framer)).toEqual(['line "PWD"', 'line ""']);
  });
});
