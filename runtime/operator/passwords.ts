import type { Ids } from '../ports/ids';

/** No character that a shell, a URL or a reader takes for another: what is printed can be pasted and read over the telephone. */
const alphabet = 'abcdefghjkmnpqrstuvwxyzACDEFGHJKLMNPQRTUVWXY34679';
const length = 20;

/** 111 bits. */
export function generatePassword(ids: Ids): string {
  return Array.from({ length }, () => alphabet[ids.random(alphabet.length)]).join('');
}
