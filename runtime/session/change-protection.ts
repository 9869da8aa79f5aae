import type { Reply } from '../protocol/reply';
import { encodeReply } from '../protocol/reply';
import type { ControlChannel } from './channels';
import type { Result } from './command';

export type ProtectionChange = Extract<Result, { startTls: Reply } | { stopTls: Reply }>;

/** AUTH begins TLS behind its reply, CCC ends it. A file of its own, because it is the one result that waits for the client. */
export async function changeProtection(control: ControlChannel, change: ProtectionChange, session: string): Promise<void> {
  if ('startTls' in change) {
    await control.startTls(encodeReply(change.startTls, session));
  } else {
    await control.stopTls(encodeReply(change.stopTls, session));
    change.after();
  }
}
