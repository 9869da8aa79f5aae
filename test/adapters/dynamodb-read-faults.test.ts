import { DeleteItemCommand } from '@aws-sdk/client-dynamodb';
import { DynamoLeaseStore } from '../../runtime/adapters/dynamodb/dynamodb-lease-store';
import { DynamoMetadataStore } from '../../runtime/adapters/dynamodb/dynamodb-metadata-store';
import type { MetadataStore, RowKey, Write } from '../../runtime/ports/metadata-store';
import { entryKey, putRow, someParts, uploadKey, uploadOf } from '../contracts/metadata-rows';
import { type DynamodbFault, type DynamodbFaultProxy, errorAnswer } from '../support/dynamodb-fault-proxy';
import { type Between, openBetween } from './dynamodb-fixture';
import { describeOn, dynamodbLocal } from './dynamodb-servers';

/** Reads of a table that is slow, short of capacity or away; an index that is late; part lists that are larger than a row. */

const unavailable = { name: 'Failure', kind: 'store-unavailable' };

describeOn(dynamodbLocal, (server) => {
  let between: Between;
  let proxy: DynamodbFaultProxy;
  let store: MetadataStore;
  let direct: MetadataStore;

  const open = async (options?: Parameters<typeof openBetween>[1]) => {
    between = await openBetween(server().endpoint, options);
    ({ proxy, store, direct } = between);
  };

  beforeEach(() => open());
  afterEach(() => between.close());

  const key = entryKey('p', 'a');

  describe('reads', () => {
    const keys = Array.from({ length: 150 }, (_, row) => entryKey('p', `row ${String(row).padStart(3, '0')}`));

    beforeEach(async () => {
      for (const some of [keys.slice(0, 100), keys.slice(100)]) await direct.transact(some.map((each, row) => putRow(each, row)));
    });

    it.each<[string, DynamodbFault]>([
      ['a lost connection', 'drop-before'],
      ['a cut answer', 'cut-answer'],
      ['throttling', errorAnswer('ThrottlingException')],
      ['an internal error', errorAnswer('InternalServerError', {}, 500)],
      ['credentials that have expired', errorAnswer('ExpiredTokenException')],
    ])('are asked again after %s', async (_what, fault) => {
      for (const operation of ['GetItem', 'BatchGetItem', 'Query']) proxy.plan(operation, fault);
      expect(await store.get([keys[0] as RowKey<'entry'>])).toMatchObject([{ key: keys[0] }]);
      expect((await store.get(keys)).map((row) => row?.key)).toEqual(keys);
      expect(await store.page('entry', 'p', { limit: 1_000 })).toHaveLength(150);
    });

    it('ask for the rest when the table has not processed all keys, and give up when it processes none', async () => {
      const none = {
        status: 200,
        body: { Responses: {}, UnprocessedKeys: { [between.dynamo.table]: { Keys: [{ pk: { S: 'D/p' }, sk: { S: 'E/row 000' } }] } } },
      };
      proxy.plan('BatchGetItem', none);
      expect((await store.get(keys.slice(0, 2))).map((row) => row?.key)).toEqual([keys[0], undefined]);
      const all = { Keys: keys.slice(0, 2).map((each) => ({ pk: { S: 'D/p' }, sk: { S: `E/${each.sort}` } })) };
      proxy.keep('BatchGetItem', { status: 200, body: { Responses: {}, UnprocessedKeys: { [between.dynamo.table]: all } } });
      await expect(store.get(keys.slice(0, 2))).rejects.toMatchObject(unavailable);
      expect(proxy.of('BatchGetItem').length).toBeLessThan(12);
    });

    it('are all strong', async () => {
      await store.get(keys);
      await store.get(keys.slice(0, 1));
      await store.page('entry', 'p', { limit: 1_000 });
      for (const { operation, body } of proxy.seen) {
        const asked = operation === 'BatchGetItem' ? (body['RequestItems'] as Record<string, object>)[between.dynamo.table] : body;
        expect(asked).toMatchObject({ ConsistentRead: true });
      }
    });

    it('ask for the rest of a page that is larger than one answer', async () => {
      for (let first = 0; first < 300; first += 50) {
        await direct.transact(
          Array.from({ length: 50 }, (_, row): Write => {
            const token = `t${first + row}`;
            return { kind: 'put', key: uploadKey('acme/in', 'a', token), value: uploadOf(token, someParts(64)), expected: 'absent' };
          }),
        );
      }
      const rows = await store.page('upload', 'acme/in', { limit: 1_000 });
      expect(new Set(rows.map(({ value }) => value.token)).size).toBe(300);
      expect(proxy.of('Query').length).toBeGreaterThan(1);
    });

    it('fail in bounded time while the table is away, and work when it is back', async () => {
      proxy.keep('*', 'drop-before');
      await expect(store.get(keys)).rejects.toMatchObject(unavailable);
      await expect(store.page('entry', 'p', { limit: 10 })).rejects.toMatchObject(unavailable);
      await expect(store.scan('claim', { limit: 10 })).rejects.toMatchObject(unavailable);
      expect(proxy.seen.length).toBeLessThan(40);
      proxy.keep('*', undefined);
      expect(await store.page('entry', 'p', { limit: 10 })).toHaveLength(10);
    });

    it('fail when nobody listens any more', async () => {
      await proxy.close();
      await expect(store.get(keys)).rejects.toMatchObject(unavailable);
    });
  });

  it('signs anew with the time of the service when its own clock is wrong', async () => {
    const ahead = new Date(Date.now() + 20 * 60_000).toUTCString();
    const message = 'Signature expired: 20251122T000000Z is now earlier than 20251122T001000Z';
    proxy.plan('GetItem', { ...errorAnswer('InvalidSignatureException', { message }), headers: { date: ahead } });
    expect(await store.get([key])).toEqual([undefined]);
    const [first, second] = proxy.of('GetItem').map(({ headers }) => String(headers['x-amz-date']));
    expect(minutesOf(second) - minutesOf(first)).toBeGreaterThan(18);
  });

  describe('the index of work', () => {
    const journalOf = (token: string): Write => ({
      kind: 'put',
      key: { table: 'journal', partition: token, sort: '' },
      value: { kind: 'delete', token, owner: 'task-1', key: 'a', storedKey: 'a', version: 'v', user: 'u' },
      expected: 'absent',
    });

    it('may be late: what has gone is not scanned, and what is scanned is as it is in the table', async () => {
      const claim: RowKey<'claim'> = { table: 'claim', partition: 'p', sort: 'a' };
      const held = { state: 'held', token: 't', owner: 'o', purpose: 'commit', sequence: 1, begun: 1 } as const;
      await direct.transact([{ kind: 'put', key: claim, value: held, expected: 'absent' }]);
      let late: DynamodbFault = 'pass';
      const keepAnswer = async () => {
        late = { status: 200, body: { Items: [{ pk: { S: 'D/p' }, sk: { S: 'C/a' } }], Count: 1 } };
      };
      await keepAnswer();
      proxy.plan('Query', late);
      expect(await store.scan('claim', { limit: 1 })).toMatchObject([{ value: held }]);
      await direct.transact([{ kind: 'put', key: claim, value: { ...held, owner: 'another' }, expected: await between.revisionAt(claim) }]);
      proxy.plan('Query', late);
      expect(await store.scan('claim', { limit: 1 })).toMatchObject([{ value: { owner: 'another' } }]);
      const free = { state: 'free', sequence: 1, begun: 1, expires: Date.now() + 90_000_000 } as const;
      await direct.transact([{ kind: 'put', key: claim, value: free, expected: await between.revisionAt(claim) }]);
      proxy.plan('Query', late);
      expect(await store.scan('claim', { limit: 1 })).toEqual([]);
      await direct.transact([{ kind: 'remove', key: claim, expected: await between.revisionAt(claim) }]);
      proxy.plan('Query', late);
      expect(await store.scan('claim', { limit: 1 })).toEqual([]);
    });

    it('decides nothing: everything else works while it is away', async () => {
      proxy.keep('Query', errorAnswer('InternalServerError', {}, 500));
      expect(await store.transact([journalOf('t1')])).toBe(true);
      expect(await store.get([journalOf('t1').key])).toMatchObject([{ value: { token: 't1' } }]);
      await expect(store.scan('journal', { limit: 10 })).rejects.toMatchObject(unavailable);
    });
  });

  describe('an upload of many parts', () => {
    const chunkWrites = () => proxy.of('PutItem').filter(({ body }) => JSON.stringify(body['Item']).includes('"P/')).length;
    const at = (token: string) => uploadKey('acme/in', 'a', token);
    const write = async (token: string, parts: ReturnType<typeof someParts>) =>
      store.transact([{ kind: 'put', key: at(token), value: uploadOf(token, parts), expected: await between.revisionAt(at(token)) }]);

    it('writes little for each part: 64 of them become a row of their own once', async () => {
      const parts = someParts(10_010);
      expect(await write('t1', parts.slice(0, 10_000))).toBe(true);
      expect(chunkWrites()).toBe(156);
      proxy.forget();
      for (let count = 10_001; count <= 10_010; count++) expect(await write('t1', parts.slice(0, count))).toBe(true);
      expect(chunkWrites()).toBe(0);
      expect(Math.max(...proxy.of('PutItem').map(({ bytes }) => bytes))).toBeLessThan(20_000);
    });

    it('is continued by another task without copying anything', async () => {
      await write('t1', someParts(1_000));
      const another = new DynamoMetadataStore({ ...between.dynamo });
      const [seen] = await another.get([at('t1')]);
      if (!seen) throw new Error('gone');
      proxy.forget();
      const writes: Write[] = [
        { kind: 'remove', key: at('t1'), expected: seen.revision },
        { kind: 'put', key: at('t2'), value: { ...seen.value, token: 't2' }, expected: 'absent' },
      ];
      expect(await another.transact(writes)).toBe(true);
      expect(proxy.seen.map(({ operation }) => operation)).toEqual(['TransactWriteItems']);
      expect((await direct.get([at('t2')]))[0]?.value.progress.parts).toEqual(someParts(1_000));
    });

    it('reads its chunks once, however often it is read', async () => {
      await write('t1', someParts(1_000));
      const another = new DynamoMetadataStore({ ...between.dynamo });
      proxy.forget();
      for (let turn = 0; turn < 5; turn++) await another.get([at('t1')]);
      expect(proxy.of('BatchGetItem')).toHaveLength(1);
      expect(proxy.of('GetItem')).toHaveLength(5);
    });

    it('is written when its chunks are there, not before', async () => {
      proxy.keep('PutItem', errorAnswer('InternalServerError', {}, 500));
      await expect(write('t1', someParts(100))).rejects.toMatchObject(unavailable);
      expect(await direct.get([at('t1')])).toEqual([undefined]);
    });

    it('that has lost a chunk is refused whole and does not stop a sweep', async () => {
      await write('t1', someParts(100));
      await write('t2', someParts(3));
      const [chunk] = proxy.of('PutItem').map(({ body }) => body['Item'] as Record<'pk' | 'sk', { S: string }>);
      await between.dynamo.client.send(
        new DeleteItemCommand({ TableName: between.dynamo.table, Key: { pk: chunk?.pk as { S: string }, sk: chunk?.sk as { S: string } } }),
      );
      const another = new DynamoMetadataStore({ ...between.dynamo });
      await expect(another.get([at('t1')])).rejects.toMatchObject(unavailable);
      expect((await another.scan('upload', { limit: 10 })).map(({ value }) => value.token)).toEqual(['t2']);
      expect(between.lines).toMatchObject([{ event: 'store.error' }]);
    });
  });

  describe('leases', () => {
    const lease = (nonce: string) => ({
      client: '192.0.2.1',
      port: 8192,
      task: 't',
      nonce,
      expires: between.dynamo.clock.now() + 60_000_000,
      cool: between.dynamo.clock.now() + 60_000_000,
    });

    it.each<DynamodbFault>(['drop-before', 'drop-after'])('are reserved once when the answer is lost (%s)', async (fault) => {
      const leases = new DynamoLeaseStore(between.dynamo);
      proxy.plan('PutItem', fault);
      expect(await leases.reserve(lease('a'))).toBe(true);
      expect(await leases.reserve(lease('b'))).toBe(false);
      expect((await leases.find('192.0.2.1', 8192))?.nonce).toBe('a');
    });

    it('are released once when the answer is lost', async () => {
      const leases = new DynamoLeaseStore(between.dynamo);
      await leases.reserve(lease('a'));
      proxy.plan('DeleteItem', 'drop-after');
      await leases.release(lease('a'));
      expect(await leases.find('192.0.2.1', 8192)).toBeUndefined();
    });

    it('say that the store is away', async () => {
      const leases = new DynamoLeaseStore(between.dynamo);
      proxy.keep('*', 'drop-before');
      await expect(leases.reserve(lease('a'))).rejects.toMatchObject(unavailable);
      await expect(leases.find('192.0.2.1', 8192)).rejects.toMatchObject(unavailable);
      await expect(leases.beat({ task: 't', silent: {} })).rejects.toMatchObject(unavailable);
      await expect(leases.addFailure({ user: 'u', address: 'a' }, 1_000)).rejects.toMatchObject(unavailable);
    });
  });
});

function minutesOf(stamp = ''): number {
  const [, year, month, day, hour, minute] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)/.exec(stamp) ?? [];
  return Date.UTC(Number(year), Number(month), Number(day), Number(hour), Number(minute)) / 60_000;
}
