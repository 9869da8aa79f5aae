import type { Claim } from '../../model/change';
import type { UploadRecord } from '../../model/upload-record';
import type { RowKey, TableName, Tables } from '../../ports/metadata-store';
import type { Item } from './dynamo';
import { itemKey, workKey } from './keys';
import { decodeParts, encodeParts, type SplitParts } from './part-chunks';

/**
 * Rows as items. Beside key, revision and content an item has what DynamoDB itself works with: its place in the index of work while somebody has to look
 * after the row, and the time after which it may be collected when nobody has to.
 */

/** Clocks differ, and nothing hurries: TTL only collects what every reader takes for expired already. */
const collectionMargin = 3_600_000;

type Value = Tables[TableName];

export function hasProgress(table: TableName): table is 'upload' | 'ended' {
  return table === 'upload' || table === 'ended';
}

/** @param split The parts of a record, already in the table; undefined for rows of other kinds. */
export function encodeItem(key: RowKey, value: Value, revision: string, split: SplitParts | undefined): Item {
  const expires = expiryOf(key.table, value);
  return {
    ...itemKey(key),
    rev: revision,
    value: JSON.stringify(split ? withoutParts(value as UploadRecord) : value),
    ...(split && { parts: encodeParts(split.tail) }),
    ...(split && split.chunks.length > 0 && { chunks: split.chunks }),
    ...(needsSomebody(key.table, value) && workKey(key)),
    ...(expires !== undefined && { ttl: Math.ceil((expires + collectionMargin) / 1_000) }),
  };
}

function withoutParts(record: UploadRecord): UploadRecord {
  return { ...record, progress: { ...record.progress, parts: [] } };
}

export function splitOf(item: Item): SplitParts & { uploadId: string | undefined } {
  const { progress } = JSON.parse(item.value) as UploadRecord;
  return {
    uploadId: progress.uploadId,
    chunks: (item['chunks'] as string[] | undefined) ?? [],
    tail: decodeParts(item['parts'] as string),
  };
}

export function decodeItem<T extends TableName>(item: Item, parts: UploadRecord['progress']['parts'] | undefined): Tables[T] {
  const value = JSON.parse(item.value) as Tables[T];
  if (parts === undefined) return value;
  const record = value as UploadRecord;
  return { ...record, progress: { ...record.progress, parts } } as Tables[T];
}

/** Whether a sweep has something to do for the row, now or later. Free claims and ended uploads without leftovers only grow old. */
export function needsSomebody(table: TableName, value: Value): boolean {
  switch (table) {
    case 'entry':
      return false;
    case 'claim':
      return (value as Claim).state === 'held';
    case 'ended':
      return (value as UploadRecord).leftovers === true;
    case 'upload':
    case 'journal':
    case 'outbox':
      return true;
  }
}

function expiryOf(table: TableName, value: Value): number | undefined {
  if (needsSomebody(table, value)) return undefined;
  if (table === 'claim') return (value as Extract<Claim, { state: 'free' }>).expires;
  return table === 'ended' ? (value as UploadRecord).expires : undefined;
}
