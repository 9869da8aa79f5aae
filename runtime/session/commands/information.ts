import type { ListingArgument } from '../../protocol/arguments';
import * as replies from '../../protocol/replies';
import type { Result } from '../command';
import type { Context } from '../context';
import { dataProtection } from '../state';
import { statusOfPath } from './listings';

/** SYST, NOOP, STAT. FEAT and HELP are made from the table and live beside it. */

export function tellSystem(): Result {
  return replies.system;
}

export function noop(): Result {
  return replies.ok;
}

/** Without a path: this session, also in the middle of a transfer. No address of ours, no name of another. */
export async function status(argument: ListingArgument, context: Context): Promise<Result> {
  if (!argument.empty) return statusOfPath(argument, context);
  const { state, control, user } = context;
  const tls = control.tls();
  return replies.status([
    `Logged in as ${user.name} from ${control.peerAddress}`,
    tls ? `Control connection protected by ${tls.protocol}` : 'Control connection in clear',
    `Data connections ${dataProtection(state, user.switches) === 'private' ? 'protected' : 'in clear'}`,
    `TYPE ${state.type}, STRU F, MODE S`,
    ...context.progress(),
  ]);
}
