import { tableSchema } from './table-schema';

/**
 * Between the table's stream and the event bus: a row of the outbox becomes the event that consumers read. The pipe calls it with the rows that its
 * filter let pass; what it throws on is tried again and then goes into the dead-letter queue.
 */
export interface StreamRecord {
  readonly eventName: string;
  readonly dynamodb: { readonly NewImage?: Readonly<Record<string, { readonly S?: string; readonly N?: string }>> };
}

/** One change of one file. `id` is the same in every delivery of it; of two events of one key the higher `sequence` is the later. */
export interface CompletionEvent {
  readonly version: 1;
  readonly id: string;
  readonly type: 'arrived' | 'moved' | 'removed';
  readonly bucket: string;
  readonly key: string;
  readonly sequence: number;
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly user?: string;
  /** Bytes; arrived and moved. */
  readonly size?: number;
  /** Eight hexadecimal digits; arrived and moved, and not when the store could not tell. */
  readonly crc32?: string;
  /** Key and sequence before; moved. */
  readonly from?: string;
  readonly fromSequence?: number;
}

export async function handler(records: readonly StreamRecord[]): Promise<CompletionEvent[]> {
  const bucket = process.env['CAUSEWAY_BUCKET'];
  if (!bucket) throw new Error('CAUSEWAY_BUCKET is not set');
  return records.map((record) => toCompletionEvent(record, bucket));
}

export function toCompletionEvent({ dynamodb: { NewImage: image } }: StreamRecord, bucket: string): CompletionEvent {
  const row: unknown = JSON.parse(image?.[tableSchema.value]?.S ?? 'null');
  if (!isRow(row)) throw new Error(`the row ${image?.[tableSchema.partition]?.S} ${image?.[tableSchema.sort]?.S} is not an event`);
  const { id, type, key, sequence, time, user, size, crc32, from, fromSequence } = row;
  return {
    version: 1,
    id,
    type,
    bucket,
    key,
    sequence,
    time: new Date(time).toISOString(),
    ...(user === undefined ? {} : { user }),
    ...(size === undefined ? {} : { size }),
    ...(crc32 === undefined ? {} : { crc32: crc32.toString(16).padStart(8, '0') }),
    ...(type === 'moved' ? { from, fromSequence } : {}),
  };
}

/** As the server writes it. */
interface Row extends Omit<CompletionEvent, 'version' | 'bucket' | 'time' | 'crc32'> {
  readonly time: number;
  readonly crc32?: number;
}

function isRow(value: unknown): value is Row {
  if (typeof value !== 'object' || value === null) return false;
  const { id, type, key, sequence, time } = value as Partial<Record<keyof Row, unknown>>;
  const known = type === 'arrived' || type === 'moved' || type === 'removed';
  return known && typeof id === 'string' && typeof key === 'string' && typeof sequence === 'number' && typeof time === 'number';
}
