import { Failure } from '../model/failure';
import type { Reply } from '../protocol/reply';
import type { Result, Row } from './command';
import type { Context } from './context';
import { failureReply } from './failure-reply';
import { checkAccess, checkReady, checkTurn, faultReply } from './gate';

/**
 * From a row and its argument to a result: who asks, through the gate, to the handler; whatever they throw that has a reply becomes it. It writes nothing and
 * keeps nothing, so the order of everything that can refuse a command is read in one place.
 */
export async function dispatch(row: Row<unknown>, argument: Buffer | undefined, context: Context): Promise<Result> {
  let result: Result;
  try {
    result = await decide(row, argument, context);
  } catch (error) {
    const reply = failureReply(error);
    if (!reply) throw error;
    if (error instanceof Failure && error.cause) context.log.warn('store.error', { text: error.message, cause: error.cause });
    result = reply;
  }
  // A refused transfer must not leave its client waiting on a connection that has been made already.
  if ('code' in result && (row.data === 'send' || row.data === 'receive')) context.data.refuse();
  return result;
}

async function decide(row: Row<unknown>, argument: Buffer | undefined, context: Context): Promise<Result> {
  const close = await barredNow(row, context);
  if (close) return { close };
  const refused = checkAccess(row, context);
  if (refused) return refused;
  const parsed = row.argument(argument, context.surroundings());
  if ('fault' in parsed) return faultReply(parsed);
  const early = checkTurn(row, context) ?? checkReady(row, context);
  return early ?? row.run(parsed.value, context);
}

async function barredNow(row: Row<unknown>, context: Context): Promise<Reply | undefined> {
  try {
    return await context.barred();
  } catch (error) {
    // The directory of partners does not answer. QUIT, NOOP and their like need nothing from it.
    if (error instanceof Failure && row.phase !== 'ready') return undefined;
    throw error;
  }
}
