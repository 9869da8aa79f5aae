import * as replies from '../../protocol/replies';
import type { Reply } from '../../protocol/reply';
import type { Result } from '../command';
import type { Context } from '../context';

/** USER, PASS, ACCT, REIN, QUIT (RFC 959 §4.1.1). */

/** Always 331, for every name (RFC 2577 §7). A second USER before PASS replaces the first. */
export function takeUser(name: string, { state }: Context): Result {
  if (state.phase === 'ready') return replies.alreadyLoggedIn;
  state.claimedName = name;
  state.phase = 'awaitingPassword';
  return replies.passwordPlease;
}

export function passwordInTurn({ state }: Context): Reply | undefined {
  if (state.phase === 'ready') return replies.alreadyPassed;
  return state.phase === 'awaitingPassword' ? undefined : replies.needsUserFirst;
}

export async function checkPassword(password: string, context: Context): Promise<Result> {
  const { id: session, state, login, control, limits, log } = context;
  const user = await login.check(state.claimedName, password, { address: control.peerAddress, session }, log);
  if (user === 'too-many') {
    state.phase = 'closing';
    return { close: replies.tooManySessions };
  }
  if (user) {
    state.phase = 'ready';
    context.enter(user);
    return replies.loggedIn;
  }
  state.phase = 'greeting';
  if (++state.failures < limits.loginFailures) return replies.loginIncorrect;
  return { close: replies.loginFailedTooOften };
}

export function accountInTurn({ state }: Context): Reply | undefined {
  if (state.phase === 'ready') return undefined;
  return state.phase === 'awaitingPassword' ? replies.needsPasswordFirst : replies.needsUserFirst;
}

export function takeAccount(): Result {
  return replies.accountSuperfluous;
}

export function quit(): Result {
  return { close: replies.goodbye };
}

/** The reply goes out inside TLS, then TLS ends (RFC 4217 §13). On the implicit port there is no clear state to go back to. */
export function reinitialise(_: undefined, context: Context): Result {
  const { state, control, data } = context;
  if (control.implicit) return replies.notImplemented;
  const reset = () => {
    data.close();
    context.leave();
    state.reset('clear');
  };
  if (control.tls()) return { stopTls: replies.reinitialised, after: reset };
  reset();
  return replies.reinitialised;
}
