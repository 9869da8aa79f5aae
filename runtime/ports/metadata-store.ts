import type { Claim, Journal, OutboxEvent } from '../model/change';
import type { Entry } from '../model/entry';
import type { UploadRecord } from '../model/upload-record';

/**
 * Rows with revisions, strong reads, and transactions whose every write names the revision it saw. That is all the rules need: whoever read what
 * he decided on, and writes on condition that it is still so, has decided correctly. The rules themselves live in `filesystem`.
 *
 * Keys are (table, partition, sort); rows of one partition are listed in byte order of `sort`. Every read is strongly consistent.
 */
export interface Tables {
  /** partition: parent key, sort: name */
  entry: Entry;
  /** partition: parent key, sort: name */
  claim: Claim;
  /** Open uploads. partition: parent key, sort: name, NUL, token */
  upload: UploadRecord;
  /** Ended uploads, an hour. partition: token, sort: '' */
  ended: UploadRecord;
  /** partition: token, sort: '' */
  journal: Journal;
  /** partition: object key, sort: sequence as 16 digits, so that one path's events stay in order */
  outbox: OutboxEvent;
}

export type TableName = keyof Tables;

export interface RowKey<T extends TableName = TableName> {
  readonly table: T;
  readonly partition: string;
  readonly sort: string;
}

export interface Row<T extends TableName = TableName> {
  readonly key: RowKey<T>;
  readonly value: Tables[T];
  /** Changes with every write of the row, never comes back. */
  readonly revision: string;
}

/** The revision the writer saw; `absent`: there was no row. */
export type Expected = string | 'absent';

export type Write =
  | { readonly kind: 'put'; readonly key: RowKey; readonly value: Tables[TableName]; readonly expected: Expected }
  | { readonly kind: 'remove'; readonly key: RowKey; readonly expected: Expected }
  | { readonly kind: 'check'; readonly key: RowKey; readonly expected: Expected };

export interface MetadataStore {
  /** One row per key, in the order of the keys. Throws `Failure('store-unavailable')`. */
  get<T extends TableName>(keys: readonly RowKey<T>[]): Promise<(Row<T> | undefined)[]>;

  /**
   * One page of a partition in byte order of `sort`: rows with `sort` > `after` and starting with `prefix`. `limit` is 1 to 1,000; a page shorter than
   * `limit` is the last one.
   */
  page<T extends TableName>(table: T, partition: string, options: { after?: string; prefix?: string; limit: number }): Promise<Row<T>[]>;

  /**
   * One page over all partitions of a table, in an order of the store's own that keeps the order within a partition; `after` is the key of the last row of
   * the page before. The sweeper's way to find open work: what it reads is a hint and is read again before anything is done. A row that needs nobody (a free
   * claim, an ended upload without leftovers) may be left out by a store that removes it by itself when it has expired, and a row that has just been written
   * may come a moment later.
   */
  scan<T extends TableName>(table: T, options: { after?: RowKey<T>; limit: number }): Promise<Row<T>[]>;

  /**
   * All writes or none; durable when it resolves. False: a condition was refused and nothing was written. At most `maxWrites`, no key twice.
   * Throws `Failure('store-unavailable')` when the outcome is unknown, `Failure('disk-full')` when there is no room for another entry.
   */
  transact(writes: readonly Write[]): Promise<boolean>;

  /** Largest transaction: 1,000 embedded (a larger one stalls the event loop), 100 on DynamoDB. */
  readonly maxWrites: number;

  close(): Promise<void>;
}
