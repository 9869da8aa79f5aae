import { modeAndPath, type SubCommand, utime } from '../../protocol/arguments';
import * as replies from '../../protocol/replies';
import type { Result } from '../command';
import type { Context } from '../context';
import { faultReply } from '../gate';

/** SITE. What copies, links or executes does not exist here: that is where servers were taken over (CVE-2015-3306, CVE-2019-12815). */
export async function site({ word, rest }: SubCommand, context: Context): Promise<Result> {
  const { state, view, user } = context;
  const at = { cwd: state.cwd, legacyCharset: user.switches.legacyCharset };
  switch (word) {
    case 'HELP':
      return replies.help(['CHMOD HELP UMASK UTIME']);
    case 'CHMOD': {
      const parsed = modeAndPath(rest, at);
      if ('fault' in parsed) return faultReply(parsed);
      await view.stat(parsed.value, 'exists');
      return replies.modeIgnored;
    }
    case 'UTIME': {
      const parsed = utime(rest, at);
      if ('fault' in parsed) return faultReply(parsed);
      await view.setModified(parsed.value.path, parsed.value.time);
      return replies.timeSet;
    }
    case 'UMASK':
      return replies.umask;
    default:
      // z/OS sends its attributes before each PUT by itself, and its batch jobs stop on an error.
      return /^(LRECL|RECFM|BLKSIZE|PRIMARY|SECONDARY|CYLINDERS|TRACKS|FIX|VAR|NAMEFMT|IDLE|GROUP|FILETYPE|UNIT|VOLUME|DIRECTORY)/.test(
        word,
      )
        ? replies.siteIgnored
        : replies.unknownCommand;
  }
}
