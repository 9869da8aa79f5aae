import type { OutboxEvent } from '../model/change';

/** Where completion events go. Delivered at least once; the id tells a repetition. */
export interface EventSink {
  deliver(event: OutboxEvent): Promise<void>;
}
