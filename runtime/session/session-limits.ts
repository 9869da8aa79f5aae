/** What one session may take of time and of the server; a file of its own because timers, input and handlers each read some of it. */
export interface SessionLimits {
  /** Milliseconds. */
  readonly loginTimeout: number;
  readonly idleTimeout: number;
  readonly longestSession: number;
  /** How long an upload that has ended waits for a store that does not answer. */
  readonly giveUpAfter: number;
  /** Bytes of a command line with its line end. */
  readonly lineLength: number;
  /** Failed logins before the session is closed. */
  readonly loginFailures: number;
  /** Entries of a directory that STAT lists. */
  readonly statusEntries: number;
  /**
   * Behind a load balancer that says who a client is only with the client's first bytes: on a clear data connection to be written to there never are any. No
   * switch of a partner allows it then.
   */
  readonly protectedDataOnly?: boolean;
}
