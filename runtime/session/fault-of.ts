import { Failure, type FailureKind } from '../model/failure';

/**
 * Whose fault it is that a transfer failed, for the counters: the client's and his network's; his who asked for what he may not or cannot have; ours. Only the
 * last wakes anybody, so it is another map than that of the replies.
 */
export type Fault = 'client' | 'refused' | 'server';

const faults: Readonly<Record<FailureKind, Fault>> = {
  'not-found': 'refused',
  'is-a-directory': 'refused',
  'not-a-directory': 'refused',
  exists: 'refused',
  'not-empty': 'refused',
  'name-not-allowed': 'refused',
  'not-allowed': 'refused',
  'may-not-overwrite': 'refused',
  quota: 'refused',
  'too-large': 'refused',
  'disk-full': 'server',
  'too-many-uploads': 'server',
  busy: 'server',
  parked: 'refused',
  'restart-not-possible': 'refused',
  'restart-moved-on': 'refused',
  // By another upload of the same path: two clients of one partner.
  overtaken: 'client',
  'base-changed': 'client',
  'taken-over': 'client',
  unconfirmed: 'server',
  'store-unavailable': 'server',
  'store-refused': 'server',
  'not-stored': 'server',
  'no-data-connection': 'client',
  'wrong-peer': 'client',
  'data-tls': 'client',
  'data-not-resumed': 'client',
  cut: 'client',
  stalled: 'client',
  short: 'client',
  aborted: 'client',
  'control-lost': 'client',
  // The end of the drain: a transfer that lasts longer than that.
  shutdown: 'server',
};

export function faultOf(error: unknown): Fault {
  return error instanceof Failure ? faults[error.kind] : 'server';
}
