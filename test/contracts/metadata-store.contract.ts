import type { FileEntry } from '../../runtime/model/entry';
import type { UploadRecord } from '../../runtime/model/upload-record';
import type { MetadataStore, Row, RowKey, TableName, Tables, Write } from '../../runtime/ports/metadata-store';
import { entryKey, eventOf, fileEntry, freeClaim, heldClaim, journal, putRow, someParts, uploadKey, uploadOf } from './metadata-rows';

/** What every metadata store must do. `make` gives an empty one. */

const sortsOf = (rows: readonly Row[]) => rows.map(({ key }) => key.sort);

const sizeOf = (row: Row | undefined) => (row?.value as FileEntry | undefined)?.size;

async function revisionOf(store: MetadataStore, key: RowKey): Promise<string> {
  const [row] = await store.get([key]);
  return row?.revision ?? 'absent';
}

export interface MetadataStoreFacts {
  /** Rows of the largest directory: as many as the store can be given in the time of a test. */
  readonly rows: number;
  /** How many count at once. */
  readonly counters: number;
}

export function describeMetadataStore(
  name: string,
  make: () => Promise<{ store: MetadataStore; end(): Promise<void> }>,
  { rows: manyRows, counters }: MetadataStoreFacts = { rows: 100_000, counters: 50 },
): void {
  describe(`${name} as a metadata store`, () => {
    let store: MetadataStore;
    let end: () => Promise<void>;

    beforeEach(async () => {
      ({ store, end } = await make());
    });

    afterEach(() => end());

    it('gives one answer per key, in the order of the keys', async () => {
      await store.transact([putRow(entryKey('p', 'a'), 1), putRow(entryKey('p', 'c'), 3)]);
      const rows = await store.get([entryKey('p', 'c'), entryKey('p', 'b'), entryKey('p', 'a')]);
      expect(rows.map(sizeOf)).toEqual([3, undefined, 1]);
      expect(rows[0]?.key).toEqual(entryKey('p', 'c'));
      expect(rows[0]?.value).toEqual(fileEntry(3));
    });

    it('keeps the tables apart', async () => {
      await store.transact([putRow(entryKey('p', 'a'))]);
      expect(await store.get([{ table: 'claim', partition: 'p', sort: 'a' }])).toEqual([undefined]);
      expect(await store.page('claim', 'p', { limit: 10 })).toEqual([]);
      expect(await store.scan('claim', { limit: 10 })).toEqual([]);
    });

    it('keeps the partitions apart, also where one name begins with the other', async () => {
      await store.transact([
        putRow(entryKey('p', 'a')),
        putRow(entryKey('p/q', 'b')),
        putRow(entryKey('', 'p')),
        putRow(entryKey('pq', 'c')),
      ]);
      expect(sortsOf(await store.page('entry', 'p', { limit: 10 }))).toEqual(['a']);
      expect(sortsOf(await store.page('entry', '', { limit: 10 }))).toEqual(['p']);
      expect(sortsOf(await store.page('entry', 'p/q', { limit: 10 }))).toEqual(['b']);
    });

    it('lets one of eight racers make a row', async () => {
      const results = await Promise.all(Array.from({ length: 8 }, (_, racer) => store.transact([putRow(entryKey('p', 'a'), racer)])));
      expect(results.filter(Boolean)).toHaveLength(1);
      const [row] = await store.get([entryKey('p', 'a')]);
      expect(sizeOf(row)).toBe(results.indexOf(true));
    });

    it('lets one of eight racers change a row from the revision they all saw', async () => {
      await store.transact([putRow(entryKey('p', 'a'))]);
      const seen = await revisionOf(store, entryKey('p', 'a'));
      const results = await Promise.all(Array.from({ length: 8 }, (_, racer) => store.transact([putRow(entryKey('p', 'a'), racer, seen)])));
      expect(results.filter(Boolean)).toHaveLength(1);
    });

    it(`counts exactly when ${counters} count at once`, async () => {
      const key = entryKey('p', 'counter');
      await store.transact([putRow(key, 0)]);
      const countOne = async () => {
        for (;;) {
          const [row] = await store.get([key]);
          if (await store.transact([putRow(key, (sizeOf(row) ?? 0) + 1, row?.revision)])) return;
        }
      };
      await Promise.all(Array.from({ length: counters }, countOne));
      const [row] = await store.get([key]);
      expect(sizeOf(row)).toBe(counters);
    });

    it('shows a write to every read that begins after it has resolved', async () => {
      for (let turn = 0; turn < 20; turn++) {
        const key = entryKey('p', `row ${turn}`);
        expect(await store.get([key])).toEqual([undefined]);
        expect(await store.transact([putRow(key, turn)])).toBe(true);
        expect((await store.get([key]))[0]?.value).toEqual(fileEntry(turn));
        expect(await store.page('entry', 'p', { limit: 100 })).toHaveLength(turn + 1);
      }
    });

    it.each([1, 2, 3, 4])('writes nothing when condition %i of four is refused', async (refused) => {
      const keys = [1, 2, 3, 4].map((row) => entryKey('p', `row ${row}`));
      await store.transact(keys.slice(0, 2).map((key) => putRow(key, 1)));
      const seen = await Promise.all(keys.map((key) => revisionOf(store, key)));
      const writes = keys.map((key, index): Write => {
        const expected = index + 1 === refused ? 'some other revision' : (seen[index] as string);
        return index === 0 ? { kind: 'remove', key, expected } : putRow(key, 2, expected);
      });
      expect(await store.transact(writes)).toBe(false);
      expect(await Promise.all(keys.map((key) => revisionOf(store, key)))).toEqual(seen);
    });

    it('checks rows that it does not write', async () => {
      await store.transact([putRow(entryKey('p', 'parent'))]);
      const seen = await revisionOf(store, entryKey('p', 'parent'));
      const check = (key: RowKey, expected: string): Write => ({ kind: 'check', key, expected });
      expect(await store.transact([check(entryKey('p', 'parent'), seen), putRow(entryKey('p', 'child'))])).toBe(true);
      expect(await store.transact([check(entryKey('p', 'gone'), 'absent'), putRow(entryKey('p', 'second'))])).toBe(true);
      expect(await store.transact([check(entryKey('p', 'gone'), seen), putRow(entryKey('p', 'third'))])).toBe(false);
      expect(await revisionOf(store, entryKey('p', 'parent'))).toBe(seen);
      expect(await revisionOf(store, entryKey('p', 'third'))).toBe('absent');
    });

    it('refuses to make a row that is there and to change one that is not', async () => {
      expect(await store.transact([putRow(entryKey('p', 'a'), 1, 'a revision')])).toBe(false);
      expect(await store.transact([{ kind: 'remove', key: entryKey('p', 'a'), expected: 'a revision' }])).toBe(false);
      await store.transact([putRow(entryKey('p', 'a'))]);
      expect(await store.transact([putRow(entryKey('p', 'a'))])).toBe(false);
    });

    it('never repeats a revision, not for the same value and not after a removal', async () => {
      const key = entryKey('p', 'a');
      const seen = new Set<string>();
      for (let turn = 0; turn < 50; turn++) {
        await store.transact([putRow(key, 1, await revisionOf(store, key))]);
        seen.add(await revisionOf(store, key));
        if (turn % 5 === 0) await store.transact([{ kind: 'remove', key, expected: await revisionOf(store, key) }]);
      }
      expect(seen.size).toBe(50);
      expect(seen).not.toContain('absent');
    });

    it('takes the largest transaction, refuses a larger one, and refuses a key that is named twice', async () => {
      const writes = Array.from({ length: store.maxWrites + 1 }, (_, row) => putRow(entryKey('p', `row ${row}`)));
      await expect(store.transact(writes)).rejects.toThrow(/at most/);
      expect(await store.transact(writes.slice(1))).toBe(true);
      await expect(store.transact([putRow(entryKey('p', 'x')), putRow(entryKey('p', 'x'))])).rejects.toThrow(/twice/);
    });

    it('takes the longest path that a partner can send, with characters of every length', async () => {
      const key = entryKey(`${'\u00e9'.repeat(500)}/a`, '\u{1F600}'.repeat(63));
      expect(await store.transact([putRow(key)])).toBe(true);
      expect(await store.scan('entry', { limit: 2 })).toMatchObject([{ key }]);
    });

    it('pages in the order of UTF-8 bytes, which is not the order of JavaScript', async () => {
      const names = ['a', 'B', '~', '\u00e9', '\uffe6', '\u{1F600}', 'a b', 'a-b', 'a.b', 'a/b', '\u4e2d'];
      await store.transact(names.map((sort) => putRow(entryKey('p', sort))));
      const expected = [...names].sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
      expect(sortsOf(await store.page('entry', 'p', { limit: 100 }))).toEqual(expected);
      expect(expected.indexOf('\uffe6')).toBeLessThan(expected.indexOf('\u{1F600}'));
      const one = await store.page('entry', 'p', { after: '\uffe6', limit: 1 });
      expect(sortsOf(one)).toEqual(['\u{1F600}']);
    });

    it('pages by prefix, after a row, and after one that has gone', async () => {
      await store.transact(['a', 'b\u0000t1', 'b\u0000t2', 'b.txt', 'c'].map((sort) => putRow(entryKey('p', sort))));
      expect(sortsOf(await store.page('entry', 'p', { prefix: 'b\u0000', limit: 10 }))).toEqual(['b\u0000t1', 'b\u0000t2']);
      expect(sortsOf(await store.page('entry', 'p', { prefix: 'b\u0000', after: 'b\u0000t1', limit: 10 }))).toEqual(['b\u0000t2']);
      expect(sortsOf(await store.page('entry', 'p', { prefix: 'b', after: 'a', limit: 1 }))).toEqual(['b\u0000t1']);
      expect(sortsOf(await store.page('entry', 'p', { prefix: 'b', after: 'c', limit: 1 }))).toEqual([]);
      expect(sortsOf(await store.page('entry', 'p', { after: 'bb', limit: 10 }))).toEqual(['c']);
      expect(await store.page('entry', 'nowhere', { limit: 10 })).toEqual([]);
    });

    const scanAll = async <T extends TableName>(table: T, limit: number): Promise<Row<T>[]> => {
      const found: Row<T>[] = [];
      for (let after: RowKey<T> | undefined; ; ) {
        const page = await store.scan(table, { after, limit });
        found.push(...page);
        if (page.length < limit) return found;
        after = page.at(-1)?.key;
      }
    };
    const placesOf = (rows: readonly Row[]) => rows.map(({ key }) => `${key.partition}|${key.sort}`).sort();

    it('scans a table page by page, every row once', async () => {
      const keys = ['', 'p', 'p/q', 'z'].flatMap((partition) => ['a', 'b', '\u{1F600}'].map((sort) => entryKey(partition, sort)));
      await store.transact(keys.map((key) => putRow(key)));
      expect(placesOf(await scanAll('entry', 5))).toEqual(keys.map(({ partition, sort }) => `${partition}|${sort}`).sort());
    });

    it('scans everything that needs somebody, whatever lies beside it', async () => {
      const work: { [T in TableName]?: [RowKey<T>, Tables[T]][] } = {
        upload: ['', 'p', 'p/q', 'p/q/r'].flatMap((partition) =>
          ['a', '\u{1F600}'].map((sort): [RowKey<'upload'>, UploadRecord] => [
            uploadKey(partition, sort, 't'),
            uploadOf('t', someParts(2)),
          ]),
        ),
        claim: ['a', 'b', 'c', 'd', 'e'].map((sort) => [{ table: 'claim', partition: 'p', sort }, heldClaim]),
        journal: ['t1', 't2'].map((partition) => [
          { table: 'journal', partition, sort: '' },
          { ...journal, token: partition },
        ]),
        ended: ['t3', 't4'].map((partition) => [
          { table: 'ended', partition, sort: '' },
          uploadOf(partition, someParts(1), { state: 'dropped', leftovers: true, expires: 10 }),
        ]),
      };
      const rows = Object.values(work).flat() as [RowKey, Tables[TableName]][];
      await store.transact(rows.map(([key, value]) => ({ kind: 'put', key, value, expected: 'absent' })));
      await store.transact([
        putRow(entryKey('p', 'a')),
        { kind: 'put', key: { table: 'claim', partition: 'q', sort: 'free' }, value: freeClaim, expected: 'absent' },
      ]);
      for (const table of Object.keys(work) as (keyof typeof work)[]) {
        const expected = (work[table] as [RowKey, Tables[TableName]][]).map(([key, value]) => ({ key, value }));
        const found = (await scanAll(table, 2)).filter(({ value }) => !('state' in value && value.state === 'free'));
        expect(placesOf(found)).toEqual(placesOf(expected as Row[]));
        for (const { key, value } of expected) {
          expect(found.find((row) => row.key.partition === key.partition && row.key.sort === key.sort)?.value).toEqual(value);
        }
      }
    });

    it('scans the events of a path in their order', async () => {
      const keyOf = (path: string, sequence: number): RowKey<'outbox'> => ({
        table: 'outbox',
        partition: path,
        sort: String(sequence).padStart(16, '0'),
      });
      for (const sequence of [12, 3, 100, 7]) {
        await store.transact(
          ['acme/a', 'acme/b', 'acme/c'].map((path) => ({
            kind: 'put',
            key: keyOf(path, sequence),
            value: eventOf(sequence),
            expected: 'absent',
          })),
        );
      }
      const found = await scanAll('outbox', 5);
      expect(found).toHaveLength(12);
      for (const path of ['acme/a', 'acme/b', 'acme/c']) {
        expect(found.filter(({ key }) => key.partition === path).map(({ value }) => value.sequence)).toEqual([3, 7, 12, 100]);
      }
    });

    it('no longer scans a row that has been removed', async () => {
      const key: RowKey<'journal'> = { table: 'journal', partition: 't', sort: '' };
      await store.transact([{ kind: 'put', key, value: journal, expected: 'absent' }]);
      await store.transact([{ kind: 'remove', key, expected: await revisionOf(store, key) }]);
      expect(await store.scan('journal', { limit: 10 })).toEqual([]);
    });

    it.each([0, 1, 63, 64, 65, 128, 129, 10_000])('keeps an upload of %i parts whole', async (count) => {
      const key = uploadKey('acme/in', 'a', 'token');
      const record = uploadOf('token', someParts(count), { settled: { size: 1, crc32: 2, proof: '' } });
      expect(await store.transact([{ kind: 'put', key, value: record, expected: 'absent' }])).toBe(true);
      expect((await store.get([key]))[0]?.value).toEqual(record);
      expect((await store.page('upload', 'acme/in', { prefix: 'a\u0000', limit: 10 }))[0]?.value).toEqual(record);
      expect((await store.scan('upload', { limit: 10 }))[0]?.value).toEqual(record);
    });

    it('gives the parts of an upload to the one that takes it over', async () => {
      const [parked, taker, ended] = [
        uploadKey('p', 'a', 't1'),
        uploadKey('p', 'a', 't2'),
        { table: 'ended', partition: 't1', sort: '' } as const,
      ];
      const record = uploadOf('t1', someParts(200));
      await store.transact([{ kind: 'put', key: parked, value: record, expected: 'absent' }]);
      const [seen] = await store.get([parked]);
      const { progress } = (seen as Row<'upload'>).value;
      const more = { ...progress, parts: [...progress.parts, ...someParts(1, 300)] };
      const writes: Write[] = [
        { kind: 'remove', key: parked, expected: (seen as Row).revision },
        { kind: 'put', key: ended, value: { ...record, progress, state: 'superseded' }, expected: 'absent' },
        { kind: 'put', key: taker, value: uploadOf('t2', [], { progress: more }), expected: 'absent' },
      ];
      expect(await store.transact(writes)).toBe(true);
      expect((await store.get([taker]))[0]?.value.progress).toEqual(more);
      expect((await store.get([ended]))[0]?.value.progress).toEqual(record.progress);
      expect(await store.get([parked])).toEqual([undefined]);
    });

    it(`pages through ${manyRows} rows of one directory, each once and in order`, async () => {
      const rows = manyRows;
      // 7,919 is a prime: the names come in no order, each once.
      const nameOf = (row: number) => `report-${(row * 7919) % rows}.csv`;
      for (let row = 0; row < rows; row += store.maxWrites) {
        const writes = Array.from({ length: Math.min(store.maxWrites, rows - row) }, (_, offset) =>
          putRow(entryKey('p', nameOf(row + offset))),
        );
        if (!(await store.transact(writes))) throw new Error('refused');
      }
      let count = 0;
      let last: string | undefined;
      for (;;) {
        const page = await store.page('entry', 'p', { after: last, limit: 1_000 });
        for (const { key } of page) {
          if (last !== undefined && Buffer.compare(Buffer.from(last), Buffer.from(key.sort)) >= 0)
            throw new Error(`${key.sort} after ${last}`);
          last = key.sort;
        }
        count += page.length;
        if (page.length < 1_000) break;
      }
      expect(count).toBe(rows);
    }, 60_000);
  });
}
