import { explain, outcomeOf } from '../../runtime/adapters/dynamodb/errors';
import { isOf, itemKey, rangeOf, rowKey, shardOf, shards, workKey } from '../../runtime/adapters/dynamodb/keys';
import { decodeParts, encodeParts } from '../../runtime/adapters/dynamodb/part-chunks';
import type { RowKey, TableName } from '../../runtime/ports/metadata-store';

const bytes = (text: string) => Buffer.byteLength(text);
const inRange = (sort: string, { from, to }: { from: string; to: string }) =>
  Buffer.compare(Buffer.from(sort), Buffer.from(from)) >= 0 && Buffer.compare(Buffer.from(sort), Buffer.from(to)) <= 0;

describe('the keys of a table', () => {
  const rows: RowKey[] = (['entry', 'claim', 'upload', 'ended', 'journal', 'outbox'] as const).flatMap((table) =>
    ['', 'acme', 'T', 'T/acme', 'D/', 'partners', 'tasks', 'L#192.0.2.1#8192'].flatMap((partition) =>
      ['', 'a', 'E/a', 'a\u0000t'].map((sort) => ({ table, partition, sort })),
    ),
  );

  it('are all different, and say which row they are of', () => {
    expect(new Set(rows.map((row) => JSON.stringify(itemKey(row)))).size).toBe(rows.length);
    for (const row of rows) expect(rowKey(row.table, itemKey(row))).toEqual(row);
    for (const row of rows) {
      for (const table of ['entry', 'claim', 'upload', 'ended', 'journal', 'outbox'] as TableName[]) {
        expect(isOf(table, itemKey(row))).toBe(table === row.table);
      }
    }
  });

  it('are never empty and never too long for DynamoDB', () => {
    const longest: RowKey = { table: 'upload', partition: 'p'.repeat(1_024), sort: `${'\u00e9'.repeat(127)}x\u0000${'t'.repeat(26)}` };
    for (const row of [...rows, longest]) {
      const { pk, sk } = itemKey(row);
      const { work, workSort } = workKey(row);
      for (const [key, most] of [
        [pk, 2_048],
        [work, 2_048],
        [sk, 1_024],
        [workSort, 1_024],
      ] as const) {
        expect(bytes(key)).toBeGreaterThan(0);
        expect(bytes(key)).toBeLessThanOrEqual(most);
      }
    }
  });

  it.each([
    ['everything of a kind', undefined, '', ['E/', 'E/a', 'E/\u{10FFFF}', 'E/~'], ['D/a', 'E', 'E0a', 'U/a']],
    ['a prefix', undefined, 'b', ['E/b', 'E/b\u0000', 'E/bz', 'E/b\u{10FFFF}x'], ['E/a', 'E/azz', 'E/ca']],
    ['a prefix behind a row', 'b1', 'b', ['E/b1\u0000', 'E/b2'], ['E/b', 'E/b1', 'E/ca']],
    ['a prefix before which the row lies', 'a', 'b', ['E/b', 'E/bz'], ['E/a', 'E/ab']],
    ['a prefix at the end of the plane', undefined, '\uD7FF', ['E/\uD7FF', 'E/\uD7FFz'], ['E/\uE000a']],
    ['a prefix that nothing follows', undefined, 'a\u{10FFFF}', ['E/a\u{10FFFF}', 'E/a\u{10FFFF}z'], ['E/bb']],
  ])('are in the range of %s', (_what, after, prefix, inside, outside) => {
    const range = rangeOf('entry', after, prefix);
    if (!range) throw new Error('no range');
    for (const sort of inside) expect([sort, inRange(sort, range)]).toEqual([sort, true]);
    for (const sort of outside) expect([sort, inRange(sort, range)]).toEqual([sort, false]);
  });

  it('have no range behind a prefix', () => expect(rangeOf('entry', 'c', 'b')).toBeUndefined());

  it('are spread over the shards of the index, and the rows of one partition are kept together, in order', () => {
    const used = new Set(Array.from({ length: 200 }, (_, row) => shardOf(workKey({ table: 'journal', partition: `t${row}`, sort: '' }))));
    expect(used.size).toBe(shards);
    const events = ['0000000000000003', '0000000000000012'].map((sort) => workKey({ table: 'outbox', partition: 'acme/a', sort }));
    expect(events[0]?.work).toBe(events[1]?.work);
    expect((events[0]?.workSort ?? '') < (events[1]?.workSort ?? '')).toBe(true);
  });
});

describe('parts as text', () => {
  it('come back as they were, with and without an ETag', () => {
    const parts = [
      { number: 1, size: 0, crc32: 0 },
      { number: 9_999, size: 5_368_709_120, crc32: 4_294_967_295, etag: '"a\\b"' },
    ];
    expect(decodeParts(encodeParts(parts))).toEqual(parts);
    expect(decodeParts(encodeParts([]))).toEqual([]);
  });
});

describe('an error', () => {
  const cancelledBy = (...codes: string[]) => ({
    name: 'TransactionCanceledException',
    CancellationReasons: codes.map((Code) => ({ Code })),
  });

  it.each([
    [cancelledBy('None', 'ConditionalCheckFailed'), 'refused'],
    [cancelledBy('TransactionConflict', 'ConditionalCheckFailed'), 'refused'],
    [cancelledBy('TransactionConflict', 'ThrottlingError'), 'throttled'],
    [cancelledBy('ProvisionedThroughputExceeded', 'None'), 'throttled'],
    [cancelledBy('TransactionConflict'), 'conflict'],
    [cancelledBy('ValidationError', 'TransactionConflict'), 'fault'],
    [cancelledBy(), 'conflict'],
    [{ name: 'InternalServerError' }, 'unknown'],
    [{ name: 'TimeoutError' }, 'unknown'],
    [{ code: 'ECONNRESET' }, 'unknown'],
    [{ name: 'SomethingNew' }, 'unknown'],
    [new SyntaxError('Unexpected end of JSON input'), 'unknown'],
    [{ name: 'TransactionInProgressException' }, 'unknown'],
    [{ name: 'ResourceNotFoundException' }, 'denied'],
  ])('of %j is %s', (error, outcome) => expect(outcomeOf(error)).toBe(outcome));

  it.each([
    [Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' }), /cannot be resolved: check the region or the endpoint/],
    [Object.assign(new Error('late'), { name: 'TimeoutError' }), /does not answer in time/],
    [new Error('Region is missing'), /no region is set/],
    [Object.assign(new Error('Could not load credentials'), { name: 'CredentialsProviderError' }), /no credentials .* were found/],
    [
      Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }),
      /is not trusted \(self-signed certificate\): .*NODE_EXTRA_CA_CERTS$/,
    ],
    [Object.assign(new Error('write EPROTO 80:error:wrong version number'), { code: 'EPROTO' }), /does not speak TLS: .* http:\/\/$/],
    [
      new SyntaxError('Unexpected token "<" is not valid JSON\n  Deserialization error: to see the raw response, inspect the hidden field'),
      /does not speak DynamoDB: check CAUSEWAY_DYNAMODB_ENDPOINT$/,
    ],
    [new Error('something else'), /cannot be used: something else/],
  ])('is explained: %s', (error, line) => {
    expect(explain(error, { table: 'causeway', place: 'eu-west-1' })).toMatch(line);
    expect(explain(error, { table: 'causeway', place: 'eu-west-1' })).not.toContain('\n');
  });
});
