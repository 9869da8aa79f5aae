import type { Clock, Timer } from '../ports/clock';
import type { SessionLimits } from './session-limits';

/** The clocks of a session: a login must come soon, silence ends it, and nothing keeps it for ever. */
export type TimeOut = 'login' | 'idle' | 'age';

export class SessionTimers {
  private readonly started: number;
  private lastActivity: number;
  private loggedIn = false;
  private timer: Timer | undefined;
  private loginDue: number;
  private idleTimeout: number;

  constructor(
    private readonly clock: Clock,
    private readonly limits: SessionLimits,
    /** A transfer, or a command that takes its time: the silence is not the client's. */
    private readonly isBusy: () => boolean,
    private readonly onTimeOut: (what: TimeOut) => void,
  ) {
    this.started = clock.monotonic();
    this.lastActivity = this.started;
    this.loginDue = this.started + limits.loginTimeout;
    this.idleTimeout = limits.idleTimeout;
    this.arm();
  }

  /** From now on this much silence is enough, also before login. */
  hasten(idleTimeout: number): void {
    this.idleTimeout = Math.min(this.idleTimeout, idleTimeout);
    this.arm();
  }

  activity(): void {
    this.lastActivity = this.clock.monotonic();
  }

  login(): void {
    this.loggedIn = true;
    this.activity();
  }

  /** REIN: the next login must come as soon as the first. */
  logout(): void {
    this.loggedIn = false;
    this.loginDue = this.clock.monotonic() + this.limits.loginTimeout;
    this.arm();
  }

  stop(): void {
    this.timer?.cancel();
  }

  private arm(): void {
    const { loginTimeout, longestSession } = this.limits;
    const hastened = this.idleTimeout < this.limits.idleTimeout;
    this.timer?.cancel();
    const now = this.clock.monotonic();
    const due = Math.min(
      this.loggedIn ? Number.POSITIVE_INFINITY : this.loginDue,
      this.lastActivity + Math.max(this.idleTimeout, this.loggedIn || hastened ? 0 : loginTimeout),
      Math.max(this.started + longestSession, now + 1_000),
    );
    this.timer = this.clock.timer(Math.max(due - now, 1), () => this.look());
  }

  private look(): void {
    const now = this.clock.monotonic();
    if (this.isBusy()) this.lastActivity = now;
    if (!this.loggedIn && now >= this.loginDue) this.onTimeOut('login');
    else if (now - this.lastActivity >= this.idleTimeout) this.onTimeOut('idle');
    else if (now - this.started >= this.limits.longestSession && !this.isBusy()) this.onTimeOut('age');
    else this.arm();
  }
}
