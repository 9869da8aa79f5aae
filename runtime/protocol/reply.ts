/** A reply as a value and as text. Numbers are typed in `replies.ts` only. */
export interface Reply {
  readonly code: number;
  /** One line, or several: then all but the first and last are written with one space in front, so that none can begin with a digit. */
  readonly lines: readonly string[];
}

/** C0 and DEL become `?`: a name must not end a reply and begin another one. */
export function sanitise(text: string): string {
  return text.replace(/[\u0000-\u001F\u007F]/g, '?');
}

/** A path in quotes, as 257 wants it (RFC 959 Appendix II). */
export function quotePath(path: string): string {
  return `"${sanitise(path).replaceAll('"', '""')}"`;
}

/**
 * `ddd text` or a multi-line reply (RFC 959 §4.2). Error replies end in the session id, by which whoever reads them finds the session in the log.
 */
export function encodeReply(reply: Reply, sessionId: string): string {
  const { code } = reply;
  const lines = reply.lines.map(sanitise);
  const id = code >= 400 ? ` [${sessionId}]` : '';
  const last = `${code} ${lines.at(-1) ?? ''}${id}\r\n`;
  if (lines.length < 2) return last;
  const inner = lines.slice(1, -1).map((line) => ` ${line}\r\n`);
  return `${code}-${lines[0]}\r\n${inner.join('')}${last}`;
}
