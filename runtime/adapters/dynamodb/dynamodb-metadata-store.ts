import type { Part, UploadRecord } from '../../model/upload-record';
import type { MetadataStore, Row, RowKey, TableName, Write } from '../../ports/metadata-store';
import type { Dynamo, Item } from './dynamo';
import { unavailable } from './errors';
import { itemKey, nameOf, rangeOf, rowKey } from './keys';
import { PartChunks } from './part-chunks';
import { getItems, queryItems } from './read-items';
import { decodeItem, encodeItem, hasProgress, needsSomebody, splitOf } from './row-items';
import { entriesBehind, workBehind } from './scan-keys';
import { type ItemWrite, writeItems } from './write-items';

/** The index of a fleet: one table that all its tasks share. */
export class DynamoMetadataStore implements MetadataStore {
  readonly maxWrites = 100;
  private readonly chunks: PartChunks;

  constructor(private readonly dynamo: Dynamo) {
    this.chunks = new PartChunks(dynamo);
  }

  async get<T extends TableName>(keys: readonly RowKey<T>[]): Promise<(Row<T> | undefined)[]> {
    const items = await getItems(this.dynamo, keys.map(itemKey));
    const rows = new Map<string, Row<T>>();
    for (const table of new Set(keys.map((key) => key.table))) {
      const found = keys.filter((key) => key.table === table).flatMap((key) => items.get(nameOf(itemKey(key))) ?? []);
      for (const row of whole(await this.rowsOf(table, found))) rows.set(nameOf(itemKey(row.key)), row);
    }
    return keys.map((key) => rows.get(nameOf(itemKey(key))));
  }

  async page<T extends TableName>(
    table: T,
    partition: string,
    { after, prefix = '', limit }: { after?: string; prefix?: string; limit: number },
  ): Promise<Row<T>[]> {
    const { pk } = itemKey({ table, partition, sort: '' });
    const range = rangeOf(table, after, prefix);
    const items = range ? await queryItems(this.dynamo, pk, { ...range, limit }) : [];
    const rows = whole(await this.rowsOf(table, items));
    return rows.filter(({ key }) => key.sort.startsWith(prefix));
  }

  /** The index of work says where to look, and may be late; what is given is read from the table itself. */
  async scan<T extends TableName>(table: T, { after, limit }: { after?: RowKey<T>; limit: number }): Promise<Row<T>[]> {
    const found: Row<T>[] = [];
    const keysBehind = table === 'entry' ? entriesBehind : workBehind;
    for (let last: RowKey | undefined = after; found.length < limit; ) {
      const keys = await keysBehind(this.dynamo, table, last, limit - found.length);
      if (keys.length === 0) break;
      last = rowKey(table, keys.at(-1) as Item);
      const items = await getItems(this.dynamo, keys);
      const rows = await this.rowsOf(
        table,
        keys.flatMap((key) => items.get(nameOf(key)) ?? []),
      );
      for (const row of rows) {
        // One upload that has outlived its parts must not keep all others from being swept.
        if ('missing' in row) this.dynamo.log.warn('store.error', { path: row.path, text: row.missing });
        else if (table === 'entry' || needsSomebody(table, row.value)) found.push(row);
      }
    }
    return found;
  }

  async transact(writes: readonly Write[]): Promise<boolean> {
    if (writes.length > this.maxWrites) throw new Error(`a transaction of ${writes.length} writes, at most ${this.maxWrites} are allowed`);
    if (new Set(writes.map(({ key }) => nameOf(itemKey(key)))).size !== writes.length) throw new Error('a transaction names a key twice');
    const revision = this.dynamo.nextRevision();
    return writeItems(this.dynamo, await Promise.all(writes.map((write) => this.prepare(write, revision))), revision);
  }

  private async prepare(write: Write, revision: string): Promise<ItemWrite> {
    const { key, expected, kind } = write;
    if (kind !== 'put') return { kind, item: itemKey(key), expected };
    const progress = hasProgress(key.table) ? (write.value as UploadRecord).progress : undefined;
    const split = progress && (await this.chunks.write(progress.uploadId, progress.parts));
    return { kind, item: encodeItem(key, write.value, revision, split), expected };
  }

  /** In the order of the items. */
  private async rowsOf<T extends TableName>(table: T, items: readonly Item[]): Promise<(Row<T> | Incomplete)[]> {
    const parts = hasProgress(table) ? await this.chunks.read(items.map(splitOf)) : undefined;
    return items.map((item, index) => {
      const list: Part[] | undefined = parts?.[index];
      if (parts && !list) return { missing: 'an upload is older than its list of parts is kept', path: item.sk };
      return { key: rowKey(table, item), value: decodeItem<T>(item, list), revision: item.rev };
    });
  }

  async close(): Promise<void> {
    this.dynamo.close();
  }
}

/** An upload whose chunks have been collected. Its store has ended it as well; half a list of parts would be worse than none. */
interface Incomplete {
  readonly missing: string;
  readonly path: string;
}

function whole<T extends TableName>(rows: readonly (Row<T> | Incomplete)[]): Row<T>[] {
  return rows.map((row) => {
    if ('missing' in row) throw unavailable(new Error(`${row.missing}: ${row.path}`));
    return row;
  });
}
