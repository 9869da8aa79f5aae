import type { PartnerView } from '../filesystem/partner-view';
import type { User } from '../model/user';
import type { Clock } from '../ports/clock';
import type { Log } from '../ports/log';
import type { Metrics } from '../ports/metrics';
import type { Surroundings } from '../protocol/arguments';
import type { Reply } from '../protocol/reply';
import type { ControlChannel, DataChannel } from './channels';
import type { Login } from './login';
import type { SessionLimits } from './session-limits';
import type { SessionState } from './state';

/** What a handler works on. It never sees a socket. */
export interface Context {
  readonly id: string;
  readonly state: SessionState;
  readonly control: ControlChannel;
  readonly data: DataChannel;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly login: Login;
  readonly limits: SessionLimits;
  /** The partner as he is now; throws before login. */
  readonly user: User;
  readonly view: PartnerView;
  /** The control connection can still be answered, or a QUIT came before it ended. */
  readonly mayFinish: () => boolean;
  /** Line for line what STAT says of a running transfer. */
  readonly progress: () => readonly string[];
  /** Logs the session in: opens its view. */
  readonly enter: (user: User) => void;
  /** Logs it out, if it is in. */
  readonly leave: () => void;
  /** Looks the partner up again, so that what the operator changed holds from here on. A reply: he may not be here any more. */
  readonly barred: () => Promise<Reply | undefined>;
  /** Where a path argument is read from, and in which charset. */
  readonly surroundings: () => Surroundings;
}
