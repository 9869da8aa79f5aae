import { childPath, type VirtualPath } from '../../model/virtual-path';
import * as replies from '../../protocol/replies';
import type { Reply } from '../../protocol/reply';
import type { Result } from '../command';
import type { Context } from '../context';
import { downloadTransfer } from '../download-transfer';
import { uploadTransfer } from '../upload-transfer';

/** RETR, STOR, APPE, STOU, ABOR. */

export async function retrieve(path: VirtualPath, context: Context): Promise<Result> {
  return { transfer: await downloadTransfer(context, path) };
}

export async function store(path: VirtualPath, context: Context): Promise<Result> {
  const { restart } = context.state;
  return { transfer: await uploadTransfer(context, path, restart === undefined ? { kind: 'new' } : { kind: 'at', offset: restart }) };
}

/** After REST it must behave like STOR (RFC 3659 §5.3). */
export async function append(path: VirtualPath, context: Context): Promise<Result> {
  const { restart } = context.state;
  return { transfer: await uploadTransfer(context, path, restart === undefined ? { kind: 'append' } : { kind: 'at', offset: restart }) };
}

export function uniqueInTurn({ state }: Context): Reply | undefined {
  return state.restart === undefined ? undefined : replies.badSequence('STOU makes a new file: it cannot follow REST.');
}

export async function storeUnique(argument: { directory: VirtualPath; stem: VirtualPath | undefined }, context: Context): Promise<Result> {
  const path = argument.stem && argument.stem !== '/' ? argument.stem : childPath(argument.directory, 'upload');
  return { transfer: await uploadTransfer(context, path, { kind: 'unique' }) };
}

export function abort(): Result {
  return { abort: true };
}
