import { Failure } from '../../model/failure';
import type { MetadataStore, Row, RowKey, TableName, Tables, Write } from '../../ports/metadata-store';
import type { Environment } from './environment';
import { decodeKey, encodeKey, endOfPrefix, endOfTable, successor } from './row-codec';

/** Rows that take longer than a turn of the event loop. */
const largePage = 500;

/** Tables that grow with what partners store; the others only while something is under way. */
const growing: ReadonlySet<TableName> = new Set(['entry', 'upload']);

export class LmdbMetadataStore implements MetadataStore {
  readonly maxWrites = 1_000;

  constructor(private readonly environment: Environment) {}

  async get<T extends TableName>(keys: readonly RowKey<T>[]): Promise<(Row<T> | undefined)[]> {
    return keys.map((key) => this.find(key));
  }

  private find<T extends TableName>(key: RowKey<T>): Row<T> | undefined {
    const stored = this.environment.db.get(encodeKey(key.table, key.partition, key.sort));
    return stored && { key, value: stored.v as Tables[T], revision: stored.r };
  }

  async page<T extends TableName>(
    table: T,
    partition: string,
    { after, prefix = '', limit }: { after?: string; prefix?: string; limit: number },
  ): Promise<Row<T>[]> {
    const first = encodeKey(table, partition, prefix);
    const behind = after === undefined ? first : successor(encodeKey(table, partition, after));
    return this.range(table, Buffer.compare(behind, first) > 0 ? behind : first, endOfPrefix(first), limit);
  }

  async scan<T extends TableName>(table: T, { after, limit }: { after?: RowKey<T>; limit: number }): Promise<Row<T>[]> {
    const first = encodeKey(table, '', '').subarray(0, 1);
    return this.range(table, after ? successor(encodeKey(table, after.partition, after.sort)) : first, endOfTable(table), limit);
  }

  private async range<T extends TableName>(table: T, start: Buffer, end: Buffer, limit: number): Promise<Row<T>[]> {
    const rows: Row<T>[] = [];
    for (const { key, value } of this.environment.db.getRange({ start, end, limit })) {
      rows.push({ key: decodeKey(table, key), value: value.v as Tables[T], revision: value.r });
    }
    // The answer is here at once, so whoever walks page after page would let nobody else have a turn: not for a second in a directory of 50,000.
    if (rows.length >= largePage) await new Promise((resolve) => setImmediate(resolve));
    return rows;
  }

  async transact(writes: readonly Write[]): Promise<boolean> {
    if (writes.length > this.maxWrites) throw new Error(`a transaction of ${writes.length} writes, at most ${this.maxWrites} are allowed`);
    const prepared = writes.map((write) => ({ write, key: encodeKey(write.key.table, write.key.partition, write.key.sort) }));
    if (new Set(prepared.map(({ key }) => key.toString('latin1'))).size !== writes.length)
      throw new Error('a transaction names a key twice');
    try {
      return await this.environment.write(writes.length, addsRows(writes), () => this.apply(prepared));
    } catch (error) {
      if (error instanceof Failure) throw error;
      throw new Failure('store-unavailable', 'The index is not available; try again later.', { cause: error });
    }
  }

  private apply(prepared: readonly { readonly write: Write; readonly key: Buffer }[]): Promise<boolean> {
    const { db } = this.environment;
    // Not `transaction`: what that wrote before a throw stays written.
    return db.childTransaction(() => {
      for (const { write, key } of prepared) {
        if ((db.get(key)?.r ?? 'absent') !== write.expected) return false;
      }
      for (const { write, key } of prepared) {
        if (write.kind === 'put') db.putSync(key, { r: this.environment.nextRevision(), v: write.value });
        if (write.kind === 'remove') db.removeSync(key);
      }
      return true;
    });
  }

  async close(): Promise<void> {
    await this.environment.close();
  }
}

/** The commit of an upload adds its entry and ends its record: that is under way, and goes on when nothing new may begin. */
function addsRows(writes: readonly Write[]): boolean {
  const adds = writes.some((write) => write.kind === 'put' && write.expected === 'absent' && growing.has(write.key.table));
  return adds && !writes.some((write) => write.kind === 'remove');
}
