import * as replies from '../protocol/replies';
import type { Reply } from '../protocol/reply';

/** Lines that are no command of ours, and how many of them are answered: a stranger who talks at random is no client, or not alone on the line. */

const mostUnknown = 3;
const mostTooLong = 3;

/** What a web browser or a mail server would send: somebody lets a victim's client talk to us (cross-protocol attacks, CVE-2021-3618). */
const foreignVerbs = new Set(['GET', 'POST', 'HEAD', 'PUT', 'HELO', 'EHLO', 'CONNECT', 'OPTIONS']);

export function isForeign(verb: string): boolean {
  return foreignVerbs.has(verb);
}

export class BadCommands {
  private unknown = 0;
  private tooLong = 0;

  /** The input is never echoed. `farewell`: that was the last one. */
  answer(kind: 'unknown' | 'too-long', loggedIn: boolean): { reply: Reply; farewell: Reply | undefined } {
    if (kind === 'too-long')
      return { reply: replies.lineTooLong, farewell: ++this.tooLong >= mostTooLong ? replies.tooManyLongLines : undefined };
    const enough = !loggedIn && ++this.unknown >= mostUnknown;
    return { reply: replies.unknownCommand, farewell: enough ? replies.tooManyBadCommands : undefined };
  }
}
