import type { ObjectKey, Place } from '../model/entry';
import type { MetadataStore, Row, RowKey, TableName } from '../ports/metadata-store';

/** Where each kind of row lies. Entry, claim and open uploads of a path share its parent's partition, so that a removal of the directory sees all three. */

export const entryKey = (place: Place): RowKey<'entry'> => ({ table: 'entry', partition: place.parent, sort: place.name });
export const claimKey = (place: Place): RowKey<'claim'> => ({ table: 'claim', partition: place.parent, sort: place.name });
export const uploadKey = (place: Place, token: string): RowKey<'upload'> => ({
  table: 'upload',
  partition: place.parent,
  sort: `${place.name}\u0000${token}`,
});
export const endedKey = (token: string): RowKey<'ended'> => ({ table: 'ended', partition: token, sort: '' });
export const journalKey = (token: string): RowKey<'journal'> => ({ table: 'journal', partition: token, sort: '' });
export const outboxKey = (key: ObjectKey, sequence: number): RowKey<'outbox'> => ({
  table: 'outbox',
  partition: key,
  sort: String(sequence).padStart(16, '0'),
});

const pageSize = 1_000;

/** Every row of a partition, page by page, in byte order. */
export async function* allRows<T extends TableName>(
  fs: { readonly metadata: MetadataStore },
  table: T,
  partition: string,
): AsyncGenerator<Row<T>> {
  for (let after: string | undefined; ; ) {
    const rows = await fs.metadata.page(table, partition, { after, limit: pageSize });
    yield* rows;
    after = rows.at(-1)?.key.sort;
    if (rows.length < pageSize) return;
  }
}

/** Every row of a table; what is written meanwhile may or may not come. */
export async function* scanRows<T extends TableName>(fs: { readonly metadata: MetadataStore }, table: T): AsyncGenerator<Row<T>> {
  for (let after: RowKey<T> | undefined; ; ) {
    const rows = await fs.metadata.scan(table, { after, limit: pageSize });
    yield* rows;
    after = rows.at(-1)?.key;
    if (rows.length < pageSize) return;
  }
}
