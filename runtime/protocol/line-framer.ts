/**
 * Bytes of the control connection to command lines. A line ends at CRLF or at a bare LF (scripts send that); `CR NUL` inside a line is a literal CR
 * (RFC 2640 §3.1), which every path then refuses. Telnet sequences are taken out and negotiation is refused (RFC 1123 §4.1.2.12).
 *
 * The framer keeps everything it knows between two pushes in fields, so that the same lines come out however the bytes were cut.
 */
export type Framed =
  | { readonly kind: 'line'; readonly bytes: Buffer }
  /** The line was longer than allowed; it is discarded up to its LF. */
  | { readonly kind: 'too-long' }
  /** Bytes to send: the refusal of a Telnet option. */
  | { readonly kind: 'answer'; readonly bytes: Buffer };

const CR = 13;
const LF = 10;
const NUL = 0;
const IAC = 255;
const WILL = 251;
const WONT = 252;
const DO = 253;
const DONT = 254;

export class LineFramer {
  private line: number[] = [];
  private discarding = false;
  private sawCr = false;
  /** An ABOR was taken as a line without its LF, which may only have been late: then it is not an empty line of its own. */
  private lateLf = false;
  /** Telnet: after IAC; after IAC and a negotiation verb. */
  private telnet: 'none' | 'iac' | { verb: number } = 'none';

  /** @param limit Longest line in bytes with its line end. */
  constructor(private readonly limit = 4096) {}

  push(bytes: Buffer): Framed[] {
    const framed: Framed[] = [];
    for (const byte of bytes) this.take(byte, framed);
    return framed;
  }

  private take(byte: number, framed: Framed[]): void {
    if (this.telnet === 'iac') {
      this.afterIac(byte, framed);
      return;
    }
    if (typeof this.telnet === 'object') {
      const { verb } = this.telnet;
      this.telnet = 'none';
      // Only offers are answered; answering a refusal would make a loop.
      if (verb === WILL || verb === DO) framed.push({ kind: 'answer', bytes: Buffer.from([IAC, verb === WILL ? DONT : WONT, byte]) });
      return;
    }
    if (byte === IAC) {
      this.telnet = 'iac';
      return;
    }
    // Data Mark and Interrupt Process whose IAC was lost with the urgent byte: nothing that can begin a verb.
    if (byte >= 0xf0 && this.line.length === 0 && !this.sawCr) return;
    this.append(byte, framed);
  }

  private afterIac(byte: number, framed: Framed[]): void {
    this.telnet = 'none';
    if (byte === IAC) this.append(IAC, framed);
    else if (byte >= WILL) this.telnet = { verb: byte };
    // `FF` before an ordinary byte is what is left of an urgent sequence: only the FF goes. FF and a command byte go together.
    else if (byte < 0xf0) this.append(byte, framed);
  }

  private append(byte: number, framed: Framed[]): void {
    const late = this.lateLf;
    this.lateLf = false;
    if (byte === LF) {
      if (!late) this.end(framed);
      return;
    }
    if (this.sawCr) {
      this.sawCr = false;
      this.keep(CR, framed);
      if (byte === NUL) return;
    }
    if (byte === CR) this.sawCr = this.hasRoom(framed);
    else this.keep(byte, framed);
  }

  private keep(byte: number, framed: Framed[]): void {
    if (this.hasRoom(framed)) this.line.push(byte);
  }

  /** For one more byte, and behind it the LF. */
  private hasRoom(framed: Framed[]): boolean {
    if (this.discarding) return false;
    if (this.line.length + 2 <= this.limit) return true;
    this.discarding = true;
    this.line = [];
    framed.push({ kind: 'too-long' });
    return false;
  }

  private end(framed: Framed[]): void {
    if (!this.discarding) framed.push({ kind: 'line', bytes: Buffer.from(this.line) });
    this.line = [];
    this.sawCr = false;
    this.discarding = false;
  }

  /** Bytes of an unfinished line are here: behind a command that changes the protection they are an injection. */
  get hasPartial(): boolean {
    return this.line.length > 0 || this.sawCr || this.discarding || this.telnet !== 'none';
  }

  /**
   * Exactly `ABOR` and a CR have come. Clients that send it as urgent data lose the last byte, its LF; after a short wait it counts as a line.
   */
  get pendingAbort(): boolean {
    return this.sawCr && Buffer.from(this.line).toString('latin1').toUpperCase() === 'ABOR';
  }

  flushAbort(): Framed[] {
    if (!this.pendingAbort) return [];
    const framed: Framed[] = [];
    this.end(framed);
    this.lateLf = true;
    return framed;
  }
}
