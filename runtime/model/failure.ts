/**
 * The closed set of reasons why something did not happen. Adapters and the filesystem throw a `Failure`; it passes through untouched;
 * `session/failure-reply` turns its kind into a reply and the log gets its cause. A bug throws a plain `Error` instead and costs the session.
 *
 * `message` is one sentence for the person at the other end: what happened, what was kept, what to do. It never holds internals (keys outside
 * the home, paths of this machine, vendor texts): those belong into `cause`.
 */
export type FailureKind =
  // names and paths
  | 'not-found'
  | 'is-a-directory'
  | 'not-a-directory'
  | 'exists'
  | 'not-empty'
  | 'name-not-allowed'
  // rights and limits
  | 'not-allowed'
  | 'may-not-overwrite'
  | 'quota'
  | 'too-large'
  | 'disk-full'
  | 'too-many-uploads'
  // the moment
  | 'busy'
  | 'parked'
  | 'restart-not-possible'
  | 'restart-moved-on'
  // the commit
  | 'overtaken'
  | 'base-changed'
  | 'unconfirmed'
  | 'store-unavailable'
  | 'store-refused'
  | 'not-stored'
  // the data connection
  | 'no-data-connection'
  | 'wrong-peer'
  | 'data-tls'
  | 'data-not-resumed'
  | 'cut'
  | 'stalled'
  | 'short'
  | 'aborted'
  | 'control-lost'
  | 'shutdown'
  | 'taken-over';

export class Failure extends Error {
  override readonly name = 'Failure';

  constructor(
    readonly kind: FailureKind,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}
