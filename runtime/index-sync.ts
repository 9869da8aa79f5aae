import { keysOfEvent } from './adapters/bucket-events/bucket-event';
import { pinoLog } from './adapters/pino-log';
import { readConfig } from './config/config';
import type { Filesystem } from './filesystem/filesystem';
import { syncKeys } from './filesystem/index-sync';
import type { ObjectKey } from './model/entry';
import { openSync } from './open-index-sync';

/**
 * Entry of the function that a queue with the bucket's events calls: the same look at the same keys as a server's own. A message whose path is being
 * changed, or that could not be looked at, is reported as failed and comes again.
 */
export interface QueueEvent {
  readonly Records: readonly { readonly messageId: string; readonly body: string }[];
}

export interface QueueResult {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

/** One for all calls of this instance of the function. */
let opened: ReturnType<typeof open> | undefined;

async function open() {
  const config = readConfig(process.env, 0);
  if ('faults' in config) throw new Error(config.faults.join('; '));
  if (config.objects.kind !== 's3') throw new Error('the events are those of a bucket, but CAUSEWAY_OBJECTS is not s3');
  const log = pinoLog(config.logLevel, (line) => process.stdout.write(line));
  return { ...(await openSync(config, config.objects, log)), bucket: config.objects.bucket };
}

export async function handler({ Records: messages }: QueueEvent): Promise<QueueResult> {
  opened ??= open().catch((error: unknown) => {
    // The next call tries anew.
    opened = undefined;
    throw error;
  });
  const { fs, bucket, beat } = await opened;
  // Between two calls the function stands still, and others may have declared it dead.
  await beat();
  const followed = await Promise.all(messages.map(({ body }) => follow(fs, keysOfEvent(body, bucket))));
  return { batchItemFailures: messages.filter((_, index) => !followed[index]).map(({ messageId }) => ({ itemIdentifier: messageId })) };
}

/** False: to be looked at again. */
async function follow(fs: Filesystem, keys: readonly ObjectKey[]): Promise<boolean> {
  try {
    return (await syncKeys(fs, keys)).busy.length === 0;
  } catch (cause) {
    fs.log.warn('store.error', { path: keys[0], text: 'an event of the bucket was not looked at; it comes again', cause });
    return false;
  }
}
