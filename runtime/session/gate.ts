import type { Right, User } from '../model/user';
import type { Fault } from '../protocol/arguments';
import * as replies from '../protocol/replies';
import { failed } from '../protocol/replies';
import type { Reply } from '../protocol/reply';
import type { Row } from './command';
import type { Context } from './context';
import { dataProtection, mayTransferInClear } from './state';

/**
 * The order of checks before a handler runs, all read from the row. A stranger learns nothing about arguments and paths before TLS and login have been asked;
 * every refusal comes before any 150.
 */
export function checkAccess(row: Row<unknown>, context: Context): Reply | undefined {
  const { state, control } = context;
  const secured = control.tls() !== undefined || state.clearedByCcc;
  if (row.control === 'tls' && !secured) return replies.tlsRequired;
  if (row.phase === 'ready') return state.phase === 'ready' ? undefined : replies.notLoggedIn;
  // What can be said before login is asked for its turn before its argument: PROT before AUTH is 503, whatever the level (RFC 2228 §3).
  return outOfTurn(row, context);
}

/** Sequence of a command that needs a login: after its argument has been understood. */
export function checkTurn(row: Row<unknown>, context: Context): Reply | undefined {
  return row.phase === 'ready' ? outOfTurn(row, context) : undefined;
}

function outOfTurn(row: Row<unknown>, context: Context): Reply | undefined {
  return row.sequence === 'none' ? undefined : row.sequence(context);
}

export function faultReply(fault: Fault): Reply {
  switch (fault.fault) {
    case 'syntax':
      return replies.syntaxError;
    case 'unsupported':
      return replies.unsupportedArgument;
    case 'name':
      return fault.why === 'charset' ? replies.undecodable(fault.creates) : replies.badName(reasons[fault.why], fault.creates);
  }
}

const reasons = {
  'control-character': 'it holds a control character',
  backslash: 'it holds a backslash',
  'look-alike': 'it looks like a dot or two',
  'segment-too-long': 'a part of it is longer than 255 bytes',
  'too-deep': 'it is more than 64 directories deep',
  'too-long': 'it is longer than 1024 bytes',
  'not-unicode': 'it holds a character that is not allowed in names',
} as const;

/** Protection, data connection, rights: in this order, when argument and sequence are right. */
export function checkReady(row: Row<unknown>, context: Context): Reply | undefined {
  const { state, data, limits } = context;
  if (row.phase !== 'ready') return undefined;
  const { user } = context;
  if (row.data === 'send' || row.data === 'receive') {
    if (dataProtection(state, user.switches) === 'clear' && !mayTransferInClear(user, limits)) return replies.protectionTooLow;
    if (!data.prepared) return replies.usePassiveFirst;
  }
  if (row.needs !== 'none' && !hasAnywhere(user, row.needs)) return failed('refused', 'Permission denied.');
  return undefined;
}

function hasAnywhere(user: User, needs: Right | readonly Right[]): boolean {
  const anyOf = typeof needs === 'string' ? [needs] : needs;
  const everywhere = [user.rights, ...Object.values(user.directories)];
  return everywhere.some((rights) => anyOf.some((right) => rights.includes(right)));
}
