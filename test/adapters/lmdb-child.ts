import { mkdirSync, openSync, writeSync } from 'node:fs';
import { Environment } from '../../runtime/adapters/lmdb/environment';
import { LmdbMetadataStore } from '../../runtime/adapters/lmdb/lmdb-metadata-store';
import { LmdbUserDirectory } from '../../runtime/adapters/lmdb/lmdb-user-directory';
import { Failure } from '../../runtime/model/failure';
import type { Row, RowKey } from '../../runtime/ports/metadata-store';
import { entryKey, fileEntry, putRow } from '../contracts/metadata-rows';
import { userNamed } from '../contracts/user-directory.contract';

/** A second process on an environment: what LMDB does to a process that meets a full disk cannot be tested in the one that runs the tests. */

const [, , task, folder] = process.argv as [string, string, string, string];

/** Counts to 200 beside others who count. */
async function count(): Promise<void> {
  const environment = new Environment(folder, `child-${process.pid}`);
  const store = new LmdbMetadataStore(environment);
  for (let done = 0; done < 200; ) {
    const [row] = await store.get([entryKey('p', 'counter')]);
    const size = row?.value.kind === 'file' ? row.value.size : 0;
    if (await store.transact([putRow(entryKey('p', 'counter'), size + 1, row?.revision ?? 'absent')])) done++;
  }
  await environment.close();
}

/** What the operator's command line does. */
async function addUser(): Promise<void> {
  const environment = new Environment(folder, `child-${process.pid}`);
  await new LmdbUserDirectory(environment).put(userNamed('added'), 'absent');
  await environment.close();
}

/** Fills the disk, then the index, until it is refused; then changes and deletes go on; then there is room again. */
async function fillDisk(rowsAtOnce: number): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const environment = new Environment(`${folder}/index`, 'filler');
  environment.maintain();
  const store = new LmdbMetadataStore(environment);
  fillUp(`${folder}/filler`);
  let rows = 0;
  let refusal: unknown;
  while (refusal === undefined) {
    const writes = Array.from({ length: rowsAtOnce }, (_, row) => putRow(entryKey('p', `row ${rows + row}`), rows + row));
    await store.transact(writes).catch((error: unknown) => {
      refusal = error;
    });
    if (refusal === undefined) rows += rowsAtOnce;
  }
  let deleted = 0;
  for (const row of await store.page('entry', 'p', { limit: 500 })) if (await deleteRow(store, row)) deleted++;
  environment.maintain();
  await environment.close();
  const again = new Environment(`${folder}/index`, 'again');
  const left = await countRows(new LmdbMetadataStore(again));
  await again.close();
  process.stdout.write(JSON.stringify({ rows, kind: refusal instanceof Failure ? refusal.kind : String(refusal), deleted, left }));
}

function fillUp(file: string): void {
  const descriptor = openSync(file, 'w');
  for (const size of [1024 * 1024, 4096]) {
    try {
      for (;;) writeSync(descriptor, Buffer.alloc(size));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }
}

function deleteRow(store: LmdbMetadataStore, row: Row<'entry'>): Promise<boolean> {
  const history: RowKey<'claim'> = { ...row.key, table: 'claim' };
  const event: RowKey<'outbox'> = { table: 'outbox', partition: row.key.sort, sort: '0000000000000001' };
  return store.transact([
    { kind: 'remove', key: row.key, expected: row.revision },
    { kind: 'put', key: history, value: { state: 'free', sequence: 1, begun: 1, expires: 1 }, expected: 'absent' },
    { kind: 'put', key: event, value: { id: 'id', key: row.key.sort, sequence: 1, time: 1, type: 'removed' }, expected: 'absent' },
  ]);
}

async function countRows(store: LmdbMetadataStore): Promise<number> {
  let rows = 0;
  let after: RowKey<'entry'> | undefined;
  for (;;) {
    const page: Row<'entry'>[] = await store.scan('entry', { after, limit: 1_000 });
    for (const { key, value } of page) {
      // Every row is still what was written.
      if (value.kind !== 'file' || key.sort !== `row ${value.size}` || value.token !== fileEntry(0).token)
        throw new Error(`row ${key.sort}`);
    }
    rows += page.length;
    if (page.length < 1_000) return rows;
    after = page.at(-1)?.key;
  }
}

const tasks: Record<string, () => Promise<void>> = {
  count,
  'add-user': addUser,
  'fill-disk-by-10': () => fillDisk(10),
  'fill-disk-by-1000': () => fillDisk(1_000),
};

tasks[task]?.().catch((error: unknown) => {
  process.stderr.write(String(error));
  process.exitCode = 1;
});
