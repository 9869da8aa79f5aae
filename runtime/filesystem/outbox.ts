import type { EventSink } from '../ports/event-sink';
import type { Filesystem } from './filesystem';
import { outboxKey, scanRows } from './rows';
import { transact } from './transaction';

/**
 * Delivers what the commits have announced, a path's events in order, each at least once: a row goes only after the sink has taken its event. Without a
 * sink there is nobody to tell and the rows just go.
 */
export async function deliverOutbox(fs: Filesystem, sink: EventSink | undefined): Promise<number> {
  let delivered = 0;
  // A path whose delivery failed waits as a whole: a later event must not overtake an earlier one.
  const failed = new Set<string>();
  for await (const { value } of scanRows(fs, 'outbox')) {
    if (failed.has(value.key)) continue;
    try {
      await sink?.deliver(value);
    } catch (error) {
      failed.add(value.key);
      fs.log.warn('store.error', { path: value.key, text: 'an event was not delivered yet', cause: error });
      continue;
    }
    const row = outboxKey(value.key, value.sequence);
    await transact(fs, async (tx) => {
      if ((await tx.get(row))?.id === value.id) tx.remove(row);
    });
    delivered++;
  }
  return delivered;
}
