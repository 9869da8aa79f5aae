import type { PartnerView, Shown } from '../filesystem/partner-view';
import { encodeText } from '../protocol/charset';
import type { ListedItem } from '../protocol/listing';
import * as replies from '../protocol/replies';
import type { Transfer } from './command';
import type { Context } from './context';
import { dataProtection } from './state';

/** A listing as a transfer: page by page, so that a directory of a million files needs no more memory than one of a thousand. */
export function listingTransfer(
  context: Context,
  path: string,
  pages: AsyncIterable<readonly Shown[]>,
  format: (item: ListedItem) => string,
): Transfer {
  const { state, view, data, user } = context;
  const { switches } = user;
  const protection = dataProtection(state, switches);
  let bytes = () => 0;
  return {
    opening: replies.openingData('Here comes the directory listing.'),
    direction: 'list',
    path,
    committing: () => false,
    bytes: () => bytes(),
    run: async (signal) => {
      const connection = data.open({ direction: 'send', protection, switches, signal });
      bytes = () => connection.bytes;
      await connection.send(encodePages(view, pages, (text) => encodeText(text, switches.legacyCharset), format, signal));
      return replies.transferComplete;
    },
  };
}

async function* encodePages(
  view: PartnerView,
  pages: AsyncIterable<readonly Shown[]>,
  encode: (text: string) => Buffer,
  format: (item: ListedItem) => string,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  for await (const page of pages) {
    signal.throwIfAborted();
    let text = '';
    for (const shown of page) text += format(listedItem(view, shown));
    if (text !== '') yield encode(text);
  }
}

export function listedItem(view: PartnerView, shown: Shown): ListedItem {
  const { path, name, kind, size, modified, unique } = shown;
  const may = (right: Parameters<PartnerView['may']>[1]) => view.may(path, right);
  const permissions = {
    read: may('read') && !shown.parked,
    write: may('write'),
    overwrite: may('overwrite') || shown.parked,
    delete: may('delete'),
    rename: may('rename') && !shown.parked,
    list: may('list'),
    mkdir: may('mkdir'),
  };
  return { name, kind, size, modified, unique, permissions };
}
