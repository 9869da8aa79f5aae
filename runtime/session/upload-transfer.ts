import type { PreparedUpload, UploadMode } from '../filesystem/partner-view';
import { Failure } from '../model/failure';
import type { VirtualPath } from '../model/virtual-path';
import type { ByteSource } from '../ports/byte-source';
import * as replies from '../protocol/replies';
import type { Reply } from '../protocol/reply';
import type { Transfer } from './command';
import type { Context } from './context';
import { dataProtection } from './state';

/**
 * An upload as a transfer: refused before 150 or not at all, then received, judged and committed. 226 is a receipt, so the verdict asks for everything that a
 * clean end of data does not prove: a client that gives up in the middle may close its data connection perfectly well.
 */
export async function uploadTransfer(context: Context, path: VirtualPath, how: UploadMode): Promise<Transfer> {
  const { state, view, data, user, clock } = context;
  const { announced } = state;
  state.announced = undefined;
  const upload = await view.prepareUpload(path, how, announced);
  const { switches } = user;
  const protection = dataProtection(state, switches);
  let lastByteAt: number | undefined;
  let barred: Reply | undefined;
  const verdict = (received: number) => {
    lastByteAt ??= clock.monotonic();
    if (barred) throw new Failure('not-allowed', 'Not stored: this account may not be used any more.');
    if (!context.mayFinish()) throw new Failure('control-lost', 'Upload incomplete: the control connection was lost.');
    if (announced !== undefined && state.type === 'I' && switches.announcedSize === 'check') checkAnnounced(announced, received);
  };
  let bytes = () => 0;
  return {
    opening:
      how.kind === 'unique'
        ? replies.openingUnique(upload.path.slice(upload.path.lastIndexOf('/') + 1))
        : replies.openingData('Ok to send data.'),
    direction: 'up',
    path: upload.path,
    committing: () => upload.committing,
    bytes: () => bytes(),
    lastByteAt: () => lastByteAt,
    run: async (signal) => {
      // The connection is taken from the session here: until the data ends, nothing else may use it.
      const connection = await openOrCancel(() => data.open({ direction: 'receive', protection, switches, signal }), upload);
      bytes = () => connection.bytes;
      const { source } = connection;
      const askedAtEnd: ByteSource = {
        deliver: async (accept, ready) => {
          await source.deliver(accept, ready);
          // The bytes may have taken hours, in which the operator has shut him out.
          barred = await barredAtLast(context, signal);
        },
      };
      await upload.receive(askedAtEnd, verdict, signal);
      return replies.transferComplete;
    },
  };
}

const askAgainAfter = 1_000;

/**
 * A directory of partners that does not answer is waited for, as the commit waits for the store: the bytes are here, and most clients would send all of them
 * again.
 */
async function barredAtLast({ barred, clock, limits }: Context, signal: AbortSignal): Promise<Reply | undefined> {
  const deadline = clock.monotonic() + limits.giveUpAfter;
  for (;;) {
    try {
      return await barred();
    } catch (error) {
      if (!(error instanceof Failure) || error.kind !== 'store-unavailable' || clock.monotonic() >= deadline) throw error;
      await clock.sleep(askAgainAfter, signal);
    }
  }
}

async function openOrCancel<T>(open: () => T, upload: PreparedUpload): Promise<T> {
  try {
    return open();
  } catch (error) {
    await upload.cancel();
    throw error;
  }
}

/** A lower bound for the whole file: some clients announce all of it, some only what is still to come. */
function checkAnnounced(announced: number, received: number): void {
  if (received >= announced) return;
  throw new Failure(
    'short',
    `Upload incomplete: ${announced} bytes were announced with ALLO and ${received} arrived. If the client announces wrong sizes, set announcedSize to ignore for this account.`,
  );
}
