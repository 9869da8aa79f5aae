import fc from 'fast-check';
import { encodeReply, quotePath, sanitise } from '../../runtime/protocol/reply';

const session = 's-7F3K2Q';

it.each([
  [200, ['OK.'], '200 OK.\r\n'],
  [226, ['Transfer complete.'], '226 Transfer complete.\r\n'],
  [350, ['Restarting at 4.'], '350 Restarting at 4.\r\n'],
  [421, ['Closing.'], '421 Closing. [s-7F3K2Q]\r\n'],
  [550, ['Not a directory.'], '550 Not a directory. [s-7F3K2Q]\r\n'],
  [211, ['Features:', 'UTF8', 'SIZE', 'End'], '211-Features:\r\n UTF8\r\n SIZE\r\n211 End\r\n'],
  [250, ['Listing /a', 'type=file; /a', 'End'], '250-Listing /a\r\n type=file; /a\r\n250 End\r\n'],
  [250, ['Listing /a', ' /a', 'End'], '250-Listing /a\r\n  /a\r\n250 End\r\n'],
  [214, ['Commands:', 'End'], '214-Commands:\r\n214 End\r\n'],
  [212, ['Status:', '213 is a name', 'End'], '212-Status:\r\n 213 is a name\r\n212 End\r\n'],
  [450, ['one', 'two'], '450-one\r\n450 two [s-7F3K2Q]\r\n'],
  [200, [''], '200 \r\n'],
])('%i %j', (code, lines, expected) => {
  expect(encodeReply({ code, lines }, session)).toBe(expected);
});

it('errors carry the session id, and nothing else does', () => {
  for (let code = 100; code < 600; code++) expect(encodeReply({ code, lines: ['x'] }, session).includes(session)).toBe(code >= 400);
});

it.each([
  ['a\r\n226 Transfer complete.', 'a??226 Transfer complete.'],
  ['\0\x01\x1f\x7f', '????'],
  ['tab\there', 'tab?here'],
  ['ä\u0085😀\u2028', 'ä\u0085😀\u2028'],
])('%j is echoed as %j', (text, expected) => {
  expect(sanitise(text)).toBe(expected);
});

it.each([
  ['/', '"/"'],
  ['/a b', '"/a b"'],
  ['/say "hello"', '"/say ""hello"""'],
  ['/"', '"/"""'],
  ['/a\r\nb', '"/a??b"'],
])('the path %s is quoted as %s', (path, expected) => {
  expect(quotePath(path)).toBe(expected);
});

it('is exactly one reply, whatever stands in its lines', () => {
  const line = fc.string({
    unit: fc.oneof(
      fc.constantFrom('\r', '\n', '\0', '2', '0', ' ', '-', '"', '220 '),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    ),
  });
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 599 }), fc.array(line, { minLength: 1, maxLength: 6 }), (code, lines) => {
      const text = encodeReply({ code, lines }, session);
      expect(text.endsWith('\r\n')).toBe(true);
      const sent = text.slice(0, -2).split('\r\n');
      expect(sent).toHaveLength(lines.length);
      expect(text.replaceAll('\r\n', '')).not.toMatch(/[\u0000-\u001F\u007F]/);
      expect(sent.at(-1)?.startsWith(`${code} `)).toBe(true);
      if (sent.length > 1) expect(sent[0]?.startsWith(`${code}-`)).toBe(true);
      for (const inner of sent.slice(1, -1)) expect(inner.startsWith(' ')).toBe(true);
    }),
  );
});
