import { Failure } from '../../model/failure';
import type { MetadataStore, Row, RowKey, TableName, Tables, Write } from '../../ports/metadata-store';
import type { Environment } from './environment';
import { decodeKey, encodeKey, endOfPrefix, endOfTable, successor } from './row-codec';

/** Tables that grow with what partners store; the others only while something is under way. */
const growing: ReadonlySet<TableName> = new Set(['entry', 'upload']);

/** How many transactions may pass before the headroom is measured again: far fewer than fill it. */
const measureEvery = 200;

export class LmdbMetadataStore implements MetadataStore {
  readonly maxWrites = 1_000;
  private transactions = 0;

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

  private range<T extends TableName>(table: T, start: Buffer, end: Buffer, limit: number): Row<T>[] {
    const rows: Row<T>[] = [];
    for (const { key, value } of this.environment.db.getRange({ start, end, limit })) {
      rows.push({ key: decodeKey(table, key), value: value.v as Tables[T], revision: value.r });
    }
    return rows;
  }

  async transact(writes: readonly Write[]): Promise<boolean> {
    if (writes.length > this.maxWrites) throw new Error(`a transaction of ${writes.length} writes, at most ${this.maxWrites} are allowed`);
    const prepared = writes.map((write) => ({ write, key: encodeKey(write.key.table, write.key.partition, write.key.sort) }));
    if (new Set(prepared.map(({ key }) => key.toString('latin1'))).size !== writes.length)
      throw new Error('a transaction names a key twice');
    this.requireRoom(writes);
    const { db } = this.environment;
    try {
      // Not `transaction`: what that wrote before a throw stays written.
      return await db.childTransaction(() => {
        for (const { write, key } of prepared) {
          if ((db.get(key)?.r ?? 'absent') !== write.expected) return false;
        }
        for (const { write, key } of prepared) {
          if (write.kind === 'put') db.putSync(key, { r: this.environment.nextRevision(), v: write.value });
          if (write.kind === 'remove') db.removeSync(key);
        }
        return true;
      });
    } catch (error) {
      throw new Failure('store-unavailable', 'The index is not available; try again later.', { cause: error });
    }
  }

  private requireRoom(writes: readonly Write[]): void {
    if (++this.transactions % measureEvery === 0) this.environment.measureHeadroom();
    if (!this.environment.isShort) return;
    const adds = writes.some((write) => write.kind === 'put' && write.expected === 'absent' && growing.has(write.key.table));
    // The commit of an upload writes its entry and ends its record: that is under way and uses the rest.
    const finishes = writes.some((write) => write.kind === 'remove');
    if (adds && !finishes) throw new Failure('disk-full', 'No space left for another name; delete files or enlarge the disk.');
  }

  async close(): Promise<void> {
    await this.environment.close();
  }
}
