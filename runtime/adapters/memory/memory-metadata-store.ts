import { compareNames } from '../../model/entry';
import type { MetadataStore, Row, RowKey, TableName, Tables, Write } from '../../ports/metadata-store';

/** The metadata store of tests: everything in memory, one event-loop turn per call, the same conditions as the real ones. */
export class MemoryMetadataStore implements MetadataStore {
  readonly maxWrites: number;
  private readonly tables = new Map<TableName, Map<string, Partition>>();
  private revisions = 0;

  constructor(options: { maxWrites?: number } = {}) {
    this.maxWrites = options.maxWrites ?? 1_000;
  }

  async get<T extends TableName>(keys: readonly RowKey<T>[]): Promise<(Row<T> | undefined)[]> {
    await turn();
    return keys.map((key) => this.find(key));
  }

  async page<T extends TableName>(
    table: T,
    partition: string,
    { after, prefix = '', limit }: { after?: string; prefix?: string; limit: number },
  ): Promise<Row<T>[]> {
    await turn();
    const rows = this.tables.get(table)?.get(partition)?.from(after, prefix, limit) ?? [];
    return rows as Row<T>[];
  }

  async scan<T extends TableName>(table: T, { after, limit }: { after?: RowKey<T>; limit: number }): Promise<Row<T>[]> {
    await turn();
    const found: Row<T>[] = [];
    const partitions = [...(this.tables.get(table) ?? [])].sort(([left], [right]) => compareNames(left, right));
    for (const [name, partition] of partitions) {
      if (after && compareNames(name, after.partition) < 0) continue;
      found.push(...(partition.from(after?.partition === name ? after.sort : undefined, '', limit - found.length) as Row<T>[]));
      if (found.length >= limit) break;
    }
    return found;
  }

  async transact(writes: readonly Write[]): Promise<boolean> {
    await turn();
    if (writes.length > this.maxWrites) throw new Error(`a transaction of ${writes.length} writes, at most ${this.maxWrites} are allowed`);
    const names = new Set(writes.map(({ key }) => `${key.table}\u0000${key.partition}\u0000\u0000${key.sort}`));
    if (names.size !== writes.length) throw new Error('a transaction names a key twice');
    for (const { key, expected } of writes) {
      if ((this.find(key)?.revision ?? 'absent') !== expected) return false;
    }
    for (const write of writes) {
      if (write.kind === 'put') this.partition(write.key).set(write.key, structuredClone(write.value), String(++this.revisions));
      if (write.kind === 'remove') this.partition(write.key).delete(write.key.sort);
    }
    return true;
  }

  async close(): Promise<void> {
    await turn();
  }

  private find<T extends TableName>(key: RowKey<T>): Row<T> | undefined {
    return this.tables.get(key.table)?.get(key.partition)?.rows.get(key.sort) as Row<T> | undefined;
  }

  private partition(key: RowKey): Partition {
    const table = this.tables.get(key.table) ?? new Map<string, Partition>();
    this.tables.set(key.table, table);
    const partition = table.get(key.partition) ?? new Partition();
    table.set(key.partition, partition);
    return partition;
  }
}

class Partition {
  readonly rows = new Map<string, Row>();
  /** Sorted lazily: a test that adds 100,000 rows sorts once. */
  private order: string[] | undefined;

  set(key: RowKey, value: Tables[TableName], revision: string): void {
    if (!this.rows.has(key.sort)) this.order = undefined;
    this.rows.set(key.sort, { key, value, revision } as Row);
  }

  delete(sort: string): void {
    if (this.rows.delete(sort)) this.order = undefined;
  }

  from(after: string | undefined, prefix: string, limit: number): Row[] {
    this.order ??= [...this.rows.keys()].sort(compareNames);
    const found: Row[] = [];
    for (let index = this.firstAfter(this.order, after, prefix); index < this.order.length && found.length < limit; index++) {
      const sort = this.order[index] as string;
      if (!sort.startsWith(prefix)) {
        if (compareNames(sort, prefix) > 0) break;
        continue;
      }
      found.push(this.rows.get(sort) as Row);
    }
    return found;
  }

  private firstAfter(order: string[], after: string | undefined, prefix: string): number {
    let low = 0;
    let high = order.length;
    const before = (name: string) => (after === undefined ? compareNames(name, prefix) < 0 : compareNames(name, after) <= 0);
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (before(order[middle] as string)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Every real store answers later; a test must not pass because this one answers at once. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
