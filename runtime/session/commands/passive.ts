import type { ExtendedPort } from '../../protocol/address';
import * as replies from '../../protocol/replies';
import type { Reply } from '../../protocol/reply';
import type { Result } from '../command';
import type { Context } from '../context';
import { dataProtection } from '../state';

/** PASV and EPSV; PORT and EPRT are answered and refused, for a server that dials out where a client says can be pointed at others. */

export function onlyWithoutEpsvAll({ state }: Context): Reply | undefined {
  return state.extendedPassiveOnly ? replies.onlyExtendedPassive : undefined;
}

async function prepare(context: Context): Promise<{ port: number; address: string }> {
  const { user, data, state } = context;
  return data.prepare({ user: user.name, protection: dataProtection(state, user.switches), switches: user.switches });
}

export async function enterPassive(_: undefined, context: Context): Promise<Result> {
  if (context.control.ipv6) return replies.useExtendedPassive;
  const { address, port } = await prepare(context);
  return replies.enteringPassive(address, port);
}

export async function enterExtendedPassive(family: 'any' | 'all' | number, context: Context): Promise<Result> {
  const { state, control } = context;
  if (family === 'all') {
    state.extendedPassiveOnly = true;
    return replies.extendedPassiveOnly;
  }
  const own = control.ipv6 ? 2 : 1;
  if (family !== 'any' && family !== own) return replies.familyUnsupported(own);
  const { port } = await prepare(context);
  return replies.enteringExtendedPassive(port);
}

export function refuseActive(): Result {
  return replies.activeModeOff;
}

export function refuseExtendedActive({ family }: ExtendedPort, { control }: Context): Result {
  const own = control.ipv6 ? 2 : 1;
  return family === String(own) ? replies.activeModeOff : replies.familyUnsupported(own);
}

/** LPRT and LPSV of RFC 1639: historic, but EPSV ALL speaks of them too (RFC 2428 §4). */
export function refuseLong(): Result {
  return replies.unknownCommand;
}
