import { Failure } from '../model/failure';
import type { RowKey, TableName, Tables, Write } from '../ports/metadata-store';
import type { Filesystem } from './filesystem';

/**
 * Optimistic transactions over the metadata store. A rule reads what it decides on, decides, and writes; the store applies the writes only if
 * everything that was read with `get` is still so. When it is not, the rule runs again on what is true now. So each rule is written as if it were
 * alone, and "a conditional write that one still owns it" is every write.
 *
 * A rule may run several times, also after an attempt of its own whose answer was lost: it must recognise its own effect by its token.
 */
export class Transaction {
  private readonly seen = new Map<string, Seen>();
  private readonly writes = new Map<string, { key: RowKey; value: unknown }>();

  constructor(private readonly fs: Filesystem) {}

  /** Strong read; the commit is refused if the row changes after it. */
  async get<T extends TableName>(key: RowKey<T>): Promise<Tables[T] | undefined> {
    const written = this.writes.get(nameOf(key));
    if (written) return written.value as Tables[T] | undefined;
    const known = this.seen.get(nameOf(key));
    if (known) {
      known.listed = false;
      return known.value as Tables[T] | undefined;
    }
    const [row] = await this.fs.metadata.get([key]);
    this.seen.set(nameOf(key), { key, value: row?.value, revision: row?.revision ?? 'absent', listed: false });
    return row?.value;
  }

  /** Reads these rows in one request, for the `get`s that follow. */
  async load(keys: readonly RowKey[]): Promise<void> {
    const unknown = keys.filter((key) => !this.seen.has(nameOf(key)));
    if (unknown.length === 0) return;
    const rows = await this.fs.metadata.get(unknown);
    for (const [index, key] of unknown.entries()) {
      const row = rows[index];
      this.seen.set(nameOf(key), { key, value: row?.value, revision: row?.revision ?? 'absent', listed: false });
    }
  }

  /**
   * Strong read of open uploads of one path. Each row that comes back is a condition, a row that is added later is not; of more rows than a transaction takes
   * only those are that the rule then asks for or writes.
   */
  async page<T extends TableName>(table: T, partition: string, prefix: string): Promise<Tables[T][]> {
    const rows = await this.fs.metadata.page(table, partition, { prefix, limit: 1_000 });
    return rows.map((row) => {
      const name = nameOf(row.key);
      if (!this.seen.has(name)) this.seen.set(name, { key: row.key, value: row.value, revision: row.revision, listed: true });
      return row.value;
    });
  }

  put<T extends TableName>(key: RowKey<T>, value: Tables[T]): void {
    this.write(key, value);
  }

  remove(key: RowKey): void {
    this.write(key, undefined);
  }

  private write(key: RowKey, value: unknown): void {
    // A blind write could not tell its own earlier attempt from somebody else's row.
    if (!this.seen.has(nameOf(key))) throw new Error(`row ${key.table} is written without having been read`);
    this.writes.set(nameOf(key), { key, value });
  }

  /** False: something that was read has changed. */
  async commit(): Promise<boolean> {
    const writes: Write[] = [];
    const tooMany = this.seen.size > this.fs.metadata.maxWrites;
    for (const [name, { key, revision, listed }] of this.seen) {
      const write = this.writes.get(name);
      if (!write && listed && tooMany) continue;
      if (!write) writes.push({ kind: 'check', key, expected: revision });
      else if (write.value !== undefined) writes.push({ kind: 'put', key, value: write.value as Tables[TableName], expected: revision });
      else if (revision !== 'absent') writes.push({ kind: 'remove', key, expected: revision });
      else writes.push({ kind: 'check', key, expected: revision });
    }
    if (this.writes.size === 0) return true;
    return this.fs.metadata.transact(writes);
  }
}

interface Seen {
  readonly key: RowKey;
  readonly value: unknown;
  readonly revision: string;
  /** It came in a list, and nothing has asked for it by itself. */
  listed: boolean;
}

const maxRefusals = 50;
const maxOutages = 5;

/**
 * Runs a rule until its writes are applied. Throws what the rule throws; `busy` after 50 refusals in a row, `store-unavailable` after five
 * attempts whose outcome is unknown.
 */
export async function transact<T>(fs: Filesystem, rule: (tx: Transaction) => Promise<T>): Promise<T> {
  let outages = 0;
  for (let refusals = 0; ; ) {
    try {
      const tx = new Transaction(fs);
      const result = await rule(tx);
      if (await tx.commit()) return result;
      if (++refusals >= maxRefusals) throw new Failure('busy', 'Too many changes of this path at once; try again.');
    } catch (error) {
      if (!(error instanceof Failure && error.kind === 'store-unavailable') || ++outages >= maxOutages) throw error;
    }
    const backoff = Math.min(2 ** Math.max(refusals, outages * 3), 500);
    await fs.clock.sleep(fs.ids.random(backoff) + (outages > 0 ? 100 : 0));
  }
}

function nameOf(key: RowKey): string {
  return `${key.table}\u0000${key.partition}\u0000\u0000${key.sort}`;
}
