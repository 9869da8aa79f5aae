import { Failure, type FailureKind } from '../model/failure';
import { failed, type failureCodes } from '../protocol/replies';
import type { Reply } from '../protocol/reply';

/** The one map from reasons to replies. A 4yz promises that trying again may help. */
const situations: Record<FailureKind, keyof typeof failureCodes> = {
  'not-found': 'refused',
  'is-a-directory': 'refused',
  'not-a-directory': 'refused',
  exists: 'refused',
  'not-empty': 'refused',
  'name-not-allowed': 'nameRefused',
  'not-allowed': 'refused',
  'may-not-overwrite': 'nameRefused',
  quota: 'tooLarge',
  'too-large': 'tooLarge',
  'disk-full': 'noSpace',
  'too-many-uploads': 'busy',
  busy: 'busy',
  parked: 'refused',
  'restart-not-possible': 'restartImpossible',
  'restart-moved-on': 'busy',
  overtaken: 'storage',
  'base-changed': 'storage',
  unconfirmed: 'storage',
  'store-unavailable': 'storage',
  'store-refused': 'storage',
  'not-stored': 'storage',
  'no-data-connection': 'noDataConnection',
  'wrong-peer': 'noDataConnection',
  'data-tls': 'dataTls',
  'data-not-resumed': 'dataTls',
  cut: 'transferBroken',
  stalled: 'transferBroken',
  short: 'transferBroken',
  aborted: 'transferBroken',
  'control-lost': 'transferBroken',
  shutdown: 'transferBroken',
  'taken-over': 'storage',
};

/** Undefined: no failure but a bug, which costs the session. */
export function failureReply(error: unknown): Reply | undefined {
  return error instanceof Failure ? failed(situations[error.kind], error.message) : undefined;
}
