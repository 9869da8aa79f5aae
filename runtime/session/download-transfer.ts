import type { VirtualPath } from '../model/virtual-path';
import * as replies from '../protocol/replies';
import type { Transfer } from './command';
import type { Context } from './context';
import { dataProtection } from './state';

/** A download as a transfer: the version is pinned before 150, so the size that 150 names is the size that comes. */
export async function downloadTransfer(context: Context, path: VirtualPath): Promise<Transfer> {
  const { state, view, data, user } = context;
  const offset = state.restart ?? 0;
  const file = await view.open(path, offset);
  const { switches } = user;
  const protection = dataProtection(state, switches);
  let bytes = () => 0;
  return {
    opening: replies.openingFile(file.size - offset),
    direction: 'down',
    path,
    committing: () => false,
    bytes: () => bytes(),
    run: async (signal) => {
      const connection = data.open({ direction: 'send', protection, switches, signal });
      bytes = () => connection.bytes;
      await connection.send(await file.read(signal));
      return replies.transferComplete;
    },
  };
}
