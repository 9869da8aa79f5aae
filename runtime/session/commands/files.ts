import type { RenameSource } from '../../filesystem/partner-view';
import type { VirtualPath } from '../../model/virtual-path';
import type { TimedPath } from '../../protocol/arguments';
import { formatFacts } from '../../protocol/listing';
import * as replies from '../../protocol/replies';
import type { Reply } from '../../protocol/reply';
import { formatTimeValue } from '../../protocol/time-value';
import type { Result } from '../command';
import type { Context } from '../context';
import { listedItem } from '../listing-transfer';

/** SIZE, MDTM, MLST, MFMT, RNFR, RNTO, DELE. */

export async function tellSize(path: VirtualPath, { view }: Context): Promise<Result> {
  const shown = await view.stat(path, 'size');
  return shown.kind === 'file' ? replies.size(shown.size) : replies.notAPlainFile;
}

/** The whole argument is a path: a client that means to set a time this way would otherwise hit another file. */
export async function tellModified(path: VirtualPath, { view }: Context): Promise<Result> {
  const shown = await view.stat(path, 'time');
  return shown.kind === 'file' ? replies.modified(formatTimeValue(shown.modified)) : replies.notAPlainFile;
}

export async function tellFacts(path: VirtualPath, { view, state }: Context): Promise<Result> {
  const shown = await view.stat(path, 'size');
  return replies.facts(formatFacts(listedItem(view, shown), state.facts, path), path);
}

export async function setModified({ time, path }: TimedPath, { view }: Context): Promise<Result> {
  await view.setModified(path, time);
  return replies.modifySet(formatTimeValue(time), path);
}

export async function renameFrom(path: VirtualPath, { view, state }: Context): Promise<Result> {
  state.renameSource = await view.prepareRename(path);
  return replies.renameFromAccepted;
}

export function renameInTurn({ state }: Context): Reply | undefined {
  return state.renameSource ? undefined : replies.needsRenameFrom;
}

export async function renameTo(path: VirtualPath, { view, state }: Context): Promise<Result> {
  const source = state.renameSource as RenameSource;
  state.renameSource = undefined;
  await view.rename(source, path);
  return replies.renamed;
}

export async function deleteFile(path: VirtualPath, { view }: Context): Promise<Result> {
  await view.deleteFile(path);
  return replies.fileDeleted;
}
