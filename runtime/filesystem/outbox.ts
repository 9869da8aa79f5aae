import type { EventSink } from '../ports/event-sink';
import type { Filesystem } from './filesystem';
import { scanRows } from './rows';

/** Rows in a row that somebody else took: he is at work here, and what he leaves is there at the next pass. */
const mostMissed = 3;

/**
 * Delivers what the commits have announced, a path's events in order, each at least once: a row goes only after the sink has taken its event.
 *
 * Without a sink there is nobody to tell here and the rows just go. In a fleet that is so too: the table's stream has told every row when it was written, and
 * keeps that whether or not the row is still there. So it does not matter when a row goes, or which task removes it; only that tasks which come at once do not
 * pay for the same rows. A row is never written twice, so its revision is condition enough.
 */
export async function deliverOutbox(fs: Filesystem, sink: EventSink | undefined): Promise<number> {
  let delivered = 0;
  let missed = 0;
  let oldest = fs.clock.now();
  // A path whose delivery failed waits as a whole: a later event must not overtake an earlier one.
  const failed = new Set<string>();
  for await (const { key, value, revision } of scanRows(fs, 'outbox')) {
    oldest = Math.min(oldest, value.time);
    if (failed.has(value.key)) continue;
    try {
      await sink?.deliver(value);
    } catch (error) {
      failed.add(value.key);
      fs.log.warn('store.error', { path: value.key, text: 'an event was not delivered yet', cause: error });
      continue;
    }
    try {
      if (await fs.metadata.transact([{ kind: 'remove', key, expected: revision }])) {
        delivered++;
        missed = 0;
      } else if (!sink && ++missed >= mostMissed) {
        break;
      }
    } catch (cause) {
      // Removed or not: if not, the next pass delivers it again, under the same id.
      fs.log.warn('store.error', { path: value.key, text: 'the row of an event was perhaps not removed', cause });
      break;
    }
  }
  // As found: a pass that does not come to its end leaves rows that the next one finds older.
  fs.metrics.gauge('outbox.oldest-seconds', Math.round((fs.clock.now() - oldest) / 1_000));
  return delivered;
}
