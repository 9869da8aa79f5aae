import type { PartnerView } from '../filesystem/partner-view';
import type { User } from '../model/user';
import type { Log } from '../ports/log';
import type { Context } from './context';

/** What changes while a session lives. */
interface Live {
  readonly log: () => Log;
  readonly user: () => User | undefined;
  readonly view: () => PartnerView | undefined;
}

/** The context of a session's handlers: whatever changes is read when it is asked for, so a handler that waited sees the present. */
export function liveContext(lasting: Omit<Context, 'log' | 'user' | 'view' | 'surroundings'>, live: Live): Context {
  return {
    ...lasting,
    get log() {
      return live.log();
    },
    get user() {
      const user = live.user();
      if (!user) throw new Error('there is no user before login');
      return user;
    },
    get view() {
      const view = live.view();
      if (!view) throw new Error('there is no view before login');
      return view;
    },
    surroundings: () => ({ cwd: lasting.state.cwd, legacyCharset: live.user()?.switches.legacyCharset }),
  };
}
