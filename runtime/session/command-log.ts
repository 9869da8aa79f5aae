import { sanitise } from '../protocol/reply';
import type { Row } from './command';

/** What the log may hold of a command: its row decides, so that a secret never gets as far as a log. */

const longest = 1_024;

/** Of a verb without a row nothing is kept: it may be a password that was typed where a command belongs. */
export function loggedArgument(row: Row<unknown> | undefined, argument: Buffer | undefined): string | undefined {
  if (!row || !argument || argument.length === 0) return undefined;
  const text = sanitise(argument.toString('utf8')).slice(0, longest);
  switch (row.log) {
    case 'argument':
      return text;
    case 'word':
      return text.split(' ', 1)[0];
    case 'masked':
      return '***';
  }
}
