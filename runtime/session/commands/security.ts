import * as replies from '../../protocol/replies';
import type { Reply } from '../../protocol/reply';
import type { Result } from '../command';
import type { Context } from '../context';
import { mayTransferInClear } from '../state';

/** AUTH, PBSZ, PROT, CDC, CCC and the verbs of other mechanisms (RFC 2228, RFC 4217). */

export function authInTurn({ state, control }: Context): Reply | undefined {
  return control.tls() || state.clearedByCcc ? replies.alreadySecured : undefined;
}

/** TLS and TLS-C begin with clear data, SSL and TLS-P with protected (RFC 4217 §9, §17). The state is new once TLS is up. */
export function startTls(mechanism: 'TLS' | 'TLS-C' | 'SSL' | 'TLS-P', { state, data }: Context): Result {
  data.close();
  state.reset(mechanism === 'SSL' || mechanism === 'TLS-P' ? 'private' : 'clear');
  return { startTls: replies.authAccepted };
}

function needsTls({ state, control }: Context): Reply | undefined {
  if (state.clearedByCcc) return replies.frozenByCcc;
  return control.tls() ? undefined : replies.needsAuthFirst;
}

export { needsTls as bufferSizeInTurn };

export function setBufferSize(_: number, { state }: Context): Result {
  state.pbsz = true;
  return replies.bufferSizeAccepted;
}

/** PBSZ must come before PROT (RFC 4217 §9), unless the partner's client is known never to send it. */
export function protectionInTurn(context: Context): Reply | undefined {
  const early = needsTls(context);
  if (early) return early;
  const { state } = context;
  const lenient = state.phase === 'ready' && !context.user.switches.pbszRequired;
  return state.pbsz || lenient ? undefined : replies.needsPbszFirst;
}

export function setProtection(level: 'C' | 'P' | 'S' | 'E', context: Context): Result {
  const { state } = context;
  if (level === 'S' || level === 'E') return replies.levelUnsupported;
  if (level === 'P') {
    state.prot = 'private';
    state.protSeen = true;
    return replies.protectionPrivate;
  }
  return clearData(undefined, context);
}

/** PROT C and its alias CDC. Before login no partner's policy is known yet: the transfer itself is refused then. */
export function clearData(_: undefined, context: Context): Result {
  const { state, limits } = context;
  if (limits.protectedDataOnly || (state.phase === 'ready' && !mayTransferInClear(context.user, limits))) return replies.clearDataRefused;
  state.prot = 'clear';
  state.protSeen = true;
  return replies.protectionClear;
}

export function clearCommandsInTurn({ control }: Context): Reply | undefined {
  return control.tls() ? undefined : replies.cccOnClear;
}

export function clearCommands(_: undefined, context: Context): Result {
  const { state } = context;
  if (state.phase !== 'ready') return replies.cccBeforeLogin;
  if (!context.user.switches.allowCcc || context.control.implicit) return replies.cccRefused;
  return {
    stopTls: replies.commandChannelClear,
    after: () => {
      state.clearedByCcc = true;
    },
  };
}

/** ADAT: no mechanism of ours exchanges data. */
export function refuseExchange(): Result {
  return replies.noExchange;
}

/** MIC, CONF, ENC. */
export function refuseProtectedCommand(_: string | undefined, { control }: Context): Result {
  return control.tls() ? replies.protectedByTls : replies.needsAuthFirst;
}
