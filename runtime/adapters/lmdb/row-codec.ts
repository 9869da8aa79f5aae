import type { RowKey, TableName } from '../../ports/metadata-store';

/**
 * Keys as bytes, so that LMDB's own order is the order of listings: table, partition, NUL, sort, each as UTF-8. Names hold no NUL; the one sort key that
 * does (open uploads: name, NUL, token) sorts right for the same reason.
 */
const tableBytes: Record<TableName | 'user', number> = { entry: 1, claim: 2, upload: 3, ended: 4, journal: 5, outbox: 6, user: 7 };

export function encodeKey(table: TableName | 'user', partition: string, sort: string): Buffer {
  return Buffer.concat([Buffer.from([tableBytes[table]]), Buffer.from(partition), separator, Buffer.from(sort)]);
}

const separator = Buffer.from([0]);

export function decodeKey<T extends TableName>(table: T, bytes: Buffer): RowKey<T> {
  const end = bytes.indexOf(0, 1);
  return { table, partition: bytes.toString('utf8', 1, end), sort: bytes.toString('utf8', end + 1) };
}

/** The first key that is not in the table. */
export function endOfTable(table: TableName | 'user'): Buffer {
  return Buffer.from([tableBytes[table] + 1]);
}

/** The first key behind all keys that begin with this one. UTF-8 never uses 0xFF. */
export function endOfPrefix(prefix: Buffer): Buffer {
  return Buffer.concat([prefix, Buffer.from([0xff])]);
}

/** The first key behind exactly this one. */
export function successor(key: Buffer): Buffer {
  return Buffer.concat([key, separator]);
}
