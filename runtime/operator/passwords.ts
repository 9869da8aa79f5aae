import type { Ids } from '../ports/ids';
import { OperatorError } from './operator-error';

/** No character that a shell, a URL or a reader takes for another: what is printed can be pasted and read over the telephone. */
const alphabet = 'abcdefghjkmnpqrstuvwxyzACDEFGHJKLMNPQRTUVWXY34679';
const length = 20;

/** 111 bits. */
export function generatePassword(ids: Ids): string {
  return Array.from({ length }, () => alphabet[ids.random(alphabet.length)]).join('');
}

/** As it comes from a file or a program: its last line end is not part of it. */
export function readPassword(bytes: Buffer): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    // Read all the same it would be another one, and nobody would know it.
    throw new OperatorError('the password is not UTF-8', 'usage', { cause });
  }
  return text.replace(/\r?\n$/, '');
}
