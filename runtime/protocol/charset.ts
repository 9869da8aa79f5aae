import type { UserSwitches } from '../model/user';

/**
 * Bytes of the wire to text and back. UTF-8 goes first, whatever the partner's charset (RFC 2640 §3.1); a legacy charset is for bytes that are none, and for
 * what is sent to a partner who has one. The tables are our own: `TextDecoder` takes `iso-8859-1` for Windows-1252, and some releases of Node decode
 * Windows-1252 itself as Latin-1, so the same name would be another one after an update.
 */
export type LegacyCharset = NonNullable<UserSwitches['legacyCharset']>;

/** 0x80 to 0x9F of Windows-1252. The five bytes without a character stand for themselves, so that every name survives the way there and back. */
const windows1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';

/** Undefined: no UTF-8. Overlong forms and surrogates are none; they do not come back as the bytes they were. */
export function decodeUtf8(bytes: Buffer): string | undefined {
  const decoded = bytes.toString('utf8');
  return Buffer.from(decoded).equals(bytes) ? decoded : undefined;
}

/** Undefined: no UTF-8, and there is no charset to fall back on. */
export function decodeName(bytes: Buffer, charset: LegacyCharset | undefined): string | undefined {
  return decodeUtf8(bytes) ?? (charset && decodeLegacy(bytes, charset));
}

function decodeLegacy(bytes: Buffer, charset: LegacyCharset): string {
  const latin1 = bytes.toString('latin1');
  return charset === 'iso-8859-1'
    ? latin1
    : latin1.replace(/[\u0080-\u009F]/g, (character) => windows1252.charAt(character.charCodeAt(0) - 0x80));
}

/**
 * Lines of a listing. A line goes out as UTF-8 when the charset lacks one of its characters, and when its legacy bytes would come back as another name
 * because they happen to be UTF-8: the client sends what it was shown, and must find the file.
 */
export function encodeText(text: string, charset: LegacyCharset | undefined): Buffer {
  if (!charset || !/[^\u0000-\u007F]/.test(text)) return Buffer.from(text);
  return Buffer.concat(text.split(/(?<=\n)/).map((line) => encodeLine(line, charset)));
}

function encodeLine(line: string, charset: LegacyCharset): Buffer {
  const bytes: number[] = [];
  for (const character of line) {
    const byte = legacyByte(character, charset);
    if (byte === undefined) return Buffer.from(line);
    bytes.push(byte);
  }
  const encoded = Buffer.from(bytes);
  return decodeName(encoded, charset) === line ? encoded : Buffer.from(line);
}

function legacyByte(character: string, charset: LegacyCharset): number | undefined {
  const code = character.codePointAt(0) as number;
  if (code < 0x80 || (code >= 0xa0 && code <= 0xff)) return code;
  if (charset === 'iso-8859-1') return code <= 0xff ? code : undefined;
  const index = windows1252.indexOf(character);
  return index < 0 ? undefined : 0x80 + index;
}

const IAC = 255;

/** The same for replies: on the control connection, which is Telnet, the byte 255 is written twice. UTF-8 has none. */
export function encodeControlText(text: string, charset: LegacyCharset | undefined): Buffer {
  const bytes = encodeText(text, charset);
  return bytes.includes(IAC) ? Buffer.from([...bytes].flatMap((byte) => (byte === IAC ? [IAC, IAC] : [byte]))) : bytes;
}
