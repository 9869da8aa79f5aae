import { randomBytes, randomInt } from 'node:crypto';
import type { Ids } from '../ports/ids';

/** Crockford's base 32: no letter that is taken for another. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

export const randomIds: Ids = {
  session: () => `s-${letters(6)}`,
  token: () => letters(26),
  random: (below) => (below < 1 ? 0 : randomInt(Math.floor(below))),
};

function letters(count: number): string {
  let text = '';
  for (const byte of randomBytes(count)) text += alphabet[byte % 32];
  return text;
}
