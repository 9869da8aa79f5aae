import { parentPath, type VirtualPath } from '../../model/virtual-path';
import * as replies from '../../protocol/replies';
import type { Result } from '../command';
import type { Context } from '../context';

/** CWD, CDUP, PWD, MKD, RMD. */

export async function changeDirectory(path: VirtualPath, { view, state }: Context): Promise<Result> {
  const shown = await view.stat(path, 'exists');
  if (shown.kind !== 'directory') return replies.notADirectory;
  state.cwd = path;
  return replies.directoryChanged;
}

/** At the root it stays there, with 250 all the same: PHP and Go insist on the code. */
export async function changeToParent(_: undefined, context: Context): Promise<Result> {
  return changeDirectory(parentPath(context.state.cwd), context);
}

export function tellDirectory(_: undefined, { state }: Context): Result {
  return replies.currentDirectory(state.cwd);
}

export async function makeDirectory(path: VirtualPath, { view }: Context): Promise<Result> {
  await view.makeDirectory(path);
  return replies.directoryMade(path);
}

export async function removeDirectory(path: VirtualPath, { view }: Context): Promise<Result> {
  await view.removeDirectory(path);
  return replies.directoryRemoved;
}
