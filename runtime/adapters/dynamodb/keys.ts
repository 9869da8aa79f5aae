import { createHash } from 'node:crypto';
import { compareNames } from '../../model/entry';
import type { RowKey, TableName } from '../../ports/metadata-store';
import type { ItemKey } from './dynamo';

/**
 * Where each row lies in the one table. Entry, claim and open uploads of a path share their parent's partition and are told apart by the first letter of
 * the sort key; every partition key begins with its kind, so that no object key can be taken for anything else. DynamoDB orders sort keys by UTF-8 bytes,
 * which is the order of listings.
 *
 * The sort key of an open upload keeps its NUL (name, NUL, token): any other separator would put `a.b` before `a`.
 */
const kinds: Readonly<Record<TableName, { readonly partition: string; readonly sort: string }>> = {
  entry: { partition: 'D/', sort: 'E/' },
  claim: { partition: 'D/', sort: 'C/' },
  upload: { partition: 'D/', sort: 'U/' },
  ended: { partition: 'T/', sort: 'T/' },
  journal: { partition: 'J/', sort: 'J/' },
  outbox: { partition: 'O/', sort: 'O/' },
};

export const chunkPartition = 'P/';
export const partnersPartition = 'partners';
/** Where `checkTable` tries what it may do. */
export const probeKey: ItemKey = { pk: 'probe', sk: 'probe' };

export function itemKey({ table, partition, sort }: RowKey): ItemKey {
  const { partition: pk, sort: sk } = kinds[table];
  return { pk: pk + partition, sk: sk + sort };
}

export function rowKey<T extends TableName>(table: T, { pk, sk }: ItemKey): RowKey<T> {
  return { table, partition: pk.slice(kinds[table].partition.length), sort: sk.slice(kinds[table].sort.length) };
}

export function isOf(table: TableName, { pk, sk }: ItemKey): boolean {
  return pk.startsWith(kinds[table].partition) && sk.startsWith(kinds[table].sort);
}

/** Name of an item in maps: a partition key holds no tab, because names hold no control characters and vendors' handles none either. */
export const nameOf = ({ pk, sk }: ItemKey): string => `${pk}\t${sk}`;

/** The range of sort keys of a page, both ends inclusive; undefined where nothing can be. */
export function rangeOf(table: TableName, after: string | undefined, prefix: string): { from: string; to: string } | undefined {
  const first = kinds[table].sort + prefix;
  // The smallest key behind `after`.
  const behind = after === undefined ? first : `${kinds[table].sort}${after}\u0000`;
  const from = compareNames(behind, first) > 0 ? behind : first;
  const to = endOf(first);
  return compareNames(from, to) > 0 ? undefined : { from, to };
}

/** The first key behind all that begin with `prefix`; it is in the range of its query, and is no key of ours. */
function endOf(prefix: string): string {
  const points = [...prefix];
  for (let last = points.pop() as string; ; last = points.pop() as string) {
    const next = (last.codePointAt(0) as number) + 1;
    // Kinds end in a slash, so a point that has a successor comes.
    if (next > 0x10ffff) continue;
    // UTF-8 has no surrogates.
    return points.join('') + String.fromCodePoint(next === 0xd800 ? 0xe000 : next);
  }
}

/** Index over what somebody has to look after: a partition key of its own so that a sweep does not read the whole table, in a few shards so that it is not hot. */
export const workIndex = 'work';
export const shards = 8;

export interface WorkKey {
  readonly work: string;
  readonly workSort: string;
}

/** Rows of one partition keep their order here too: events of one path are delivered in the order of the scan. */
export function workKey({ table, partition, sort }: RowKey): WorkKey {
  const hash = createHash('sha256').update(partition).digest();
  return { work: workPartition(table, (hash[0] as number) % shards), workSort: `${hash.toString('base64url', 1, 17)}/${sort}` };
}

export function workPartition(table: TableName, shard: number): string {
  return `${table}#${shard}`;
}

export function shardOf({ work }: WorkKey): number {
  return Number(work.slice(work.indexOf('#') + 1));
}
