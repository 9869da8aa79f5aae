import type { MetadataStore, Write } from '../../runtime/ports/metadata-store';
import { entryKey, fileEntry, putRow } from '../contracts/metadata-rows';
import { cancelled, type DynamodbFault, type DynamodbFaultProxy, errorAnswer } from '../support/dynamodb-fault-proxy';
import { fastClock } from '../support/fast-clock';
import { type Between, openBetween } from './dynamodb-fixture';
import { describeOn, dynamodbLocal } from './dynamodb-servers';

/** What the network and the service do to a write, and what becomes of it. Everything goes to a real table, with somebody in between. */

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
  const other = entryKey('p', 'b');

  /** The two ways a write goes: a row that replaces another, and a transaction. */
  const ways: [string, string, () => Promise<Write[]>][] = [
    ['a single row', 'PutItem', async () => [putRow(key, 2, await between.revisionAt(key))]],
    ['a transaction', 'TransactWriteItems', async () => [putRow(key, 2, await between.revisionAt(key)), putRow(other, 2)]],
  ];

  describe.each(ways)('a write of %s (%s)', (_way, operation, writesOf) => {
    let writes: Write[];

    beforeEach(async () => {
      await direct.transact([putRow(key, 1)]);
      writes = await writesOf();
    });

    it.each<[string, DynamodbFault]>([
      ['is lost on its way', 'drop-before'],
      ['is applied and its answer is lost', 'drop-after'],
      ['is applied and its answer is cut', 'cut-answer'],
      ['meets an internal error', errorAnswer('InternalServerError', {}, 500)],
      ['meets a service that is away', errorAnswer('ServiceUnavailable', {}, 503)],
      ['is throttled', errorAnswer('ProvisionedThroughputExceededException')],
      ['is throttled as a request', errorAnswer('ThrottlingException')],
      ['meets a transaction', errorAnswer('TransactionConflictException')],
      ['meets a transaction, as one of several items', cancelled('None', 'TransactionConflict')],
      ['is short of capacity, as one of several items', cancelled('ThrottlingError', 'None')],
      ['is signed with what has just expired', errorAnswer('ExpiredTokenException')],
      ['is still being applied', errorAnswer('TransactionInProgressException')],
    ])('succeeds once when it %s', async (_what, fault) => {
      proxy.plan(operation, fault);
      expect(await store.transact(writes)).toBe(true);
      expect(await between.sizeAt(key)).toBe(2);
      expect(proxy.of(operation)).toHaveLength(2);
    });

    it('is the same request each time, with the same token', async () => {
      proxy.plan(operation, 'drop-before', errorAnswer('InternalServerError', {}, 500), 'drop-after');
      expect(await store.transact(writes)).toBe(true);
      const bodies = proxy.of(operation).map(({ body }) => JSON.stringify(body));
      expect(bodies.length).toBe(4);
      expect(new Set(bodies).size).toBe(1);
    });

    it('finds its own effect when the table has forgotten the token, or never knew it', async () => {
      proxy.plan(operation, 'drop-after', cancelled('ConditionalCheckFailed', 'None'));
      expect(await store.transact(writes)).toBe(true);
    });

    it('is refused without a second look when the first answer says so', async () => {
      await direct.transact([putRow(key, 9, await between.revisionAt(key))]);
      proxy.forget();
      expect(await store.transact(writes)).toBe(false);
      expect(proxy.seen).toHaveLength(1);
      expect(await between.sizeAt(key)).toBe(9);
    });

    it('is never said to be refused when it was applied, and somebody wrote over it', async () => {
      const overwrite = async () => {
        await direct.transact([putRow(key, 9, await between.revisionAt(key))]);
        const revision = await between.revisionAt(other);
        if (revision !== 'absent') await direct.transact([putRow(other, 9, revision)]);
      };
      proxy.plan(operation, 'drop-after', { first: overwrite, next: cancelled('ConditionalCheckFailed', 'None') });
      await expect(store.transact(writes)).rejects.toMatchObject(unavailable);
      expect(await between.sizeAt(key)).toBe(9);
    });

    it.each<[string, DynamodbFault, number]>([
      ['conflicts', cancelled('TransactionConflict'), 10],
      ['throttling', errorAnswer('ThrottlingException'), 8],
      ['internal errors', errorAnswer('InternalServerError', {}, 500), 6],
      ['lost connections', 'drop-before', 6],
      ['expired credentials', errorAnswer('ExpiredTokenException'), 3],
      ['denied access', errorAnswer('AccessDeniedException'), 1],
    ])('gives up when there is nothing but %s', async (_what, fault, most) => {
      proxy.keep(operation, fault);
      await expect(store.transact(writes)).rejects.toMatchObject(unavailable);
      expect(proxy.of(operation).length).toBeLessThanOrEqual(most);
      expect(proxy.of(operation).length).toBeGreaterThanOrEqual(Math.min(most, 2));
      expect(await between.sizeAt(key)).toBe(1);
      proxy.keep(operation, undefined);
      expect(await store.transact(writes)).toBe(true);
    });

    it('is a success when only the answers are lost, all of them', async () => {
      proxy.keep(operation, 'drop-after');
      expect(await store.transact(writes)).toBe(true);
    });

    it('is not repeated after a pause in which the table may have forgotten its token', async () => {
      let asleep = 0;
      const clock = fastClock(20);
      await between.close();
      await open({ clock: { ...clock, monotonic: () => clock.monotonic() + asleep } });
      await direct.transact([putRow(key, 1)]);
      writes = await writesOf();
      const sleep = () => {
        asleep = 11 * 60_000;
      };
      proxy.plan(operation, { first: sleep, next: 'drop-after' });
      expect(await store.transact(writes)).toBe(true);
      expect(proxy.of(operation)).toHaveLength(1);
      asleep = 0;
      proxy.forget();
      proxy.plan(operation, { first: sleep, next: 'drop-before' });
      await expect(
        store.transact([putRow(key, 3, await between.revisionAt(key))].concat(operation === 'PutItem' ? [] : [putRow(entryKey('p', 'c'))])),
      ).rejects.toMatchObject(unavailable);
      expect(proxy.of(operation)).toHaveLength(1);
    });

    it('that the table finds malformed is a bug, and is not sent again', async () => {
      proxy.keep(operation, errorAnswer('ValidationException'));
      await expect(store.transact(writes)).rejects.toThrow(/refused a request as wrong/);
      expect(proxy.of(operation)).toHaveLength(1);
    });
  });

  it.each<DynamodbFault>(['stall-before', 'stall-after'])(
    'waits no longer than the time-out for an answer, and tries again (%s)',
    async (fault) => {
      await between.close();
      await open({ clock: fastClock(1), request: 150 });
      proxy.plan('TransactWriteItems', fault);
      expect(await store.transact([putRow(key, 1), putRow(other, 1)])).toBe(true);
      proxy.plan('GetItem', 'stall-before');
      expect(await store.get([key])).toMatchObject([{ value: fileEntry(1) }]);
    },
  );

  it('says refused after a doubt when a row proves that nothing was applied', async () => {
    await direct.transact([putRow(key, 1), putRow(other, 1)]);
    const writes = [putRow(key, 2, await between.revisionAt(key)), putRow(other, 2, await between.revisionAt(other))];
    const race = async () => direct.transact([putRow(other, 9, await between.revisionAt(other))]);
    proxy.plan('TransactWriteItems', 'drop-before', { first: race, next: 'pass' });
    expect(await store.transact(writes)).toBe(false);
    expect([await between.sizeAt(key), await between.sizeAt(other)]).toEqual([1, 9]);
  });

  it('does not make a row again that was made and removed between two attempts', async () => {
    const remove = async () => direct.transact([{ kind: 'remove', key, expected: await between.revisionAt(key) }]);
    proxy.plan('TransactWriteItems', 'drop-after', { first: remove, next: 'pass' });
    expect(await store.transact([putRow(key, 1)])).toBe(true);
    expect(await between.revisionAt(key)).toBe('absent');
  });

  describe('a removal', () => {
    let removal: Write[];

    beforeEach(async () => {
      await direct.transact([putRow(key, 1)]);
      removal = [{ kind: 'remove', key, expected: await between.revisionAt(key) }];
    });

    it('happens once when it is lost on its way', async () => {
      proxy.plan('DeleteItem', 'drop-before');
      expect(await store.transact(removal)).toBe(true);
      expect(await between.revisionAt(key)).toBe('absent');
    });

    it('whose answer is lost is not told from one by somebody else, and says so', async () => {
      proxy.plan('DeleteItem', 'drop-after');
      await expect(store.transact(removal)).rejects.toMatchObject(unavailable);
      expect(await between.revisionAt(key)).toBe('absent');
    });

    it('is proven by whatever was written with it', async () => {
      proxy.plan('TransactWriteItems', 'drop-after', cancelled('ConditionalCheckFailed'));
      expect(await store.transact([...removal, putRow(other, 2)])).toBe(true);
      expect([await between.sizeAt(key), await between.sizeAt(other)]).toEqual([undefined, 2]);
    });

    it('of several rows is known by the token', async () => {
      await direct.transact([putRow(other, 1)]);
      proxy.plan('TransactWriteItems', 'drop-after');
      expect(await store.transact([...removal, { kind: 'remove', key: other, expected: await between.revisionAt(other) }])).toBe(true);
    });
  });

  it('asks again for checks alone, which leave nothing behind', async () => {
    proxy.plan('TransactWriteItems', 'drop-after');
    expect(await store.transact([{ kind: 'check', key, expected: 'absent' }])).toBe(true);
    expect(await store.transact([{ kind: 'check', key, expected: 'a revision' }])).toBe(false);
    expect(await store.transact([])).toBe(true);
  });
});
