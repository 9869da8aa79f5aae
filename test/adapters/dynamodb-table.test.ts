import { CreateTableCommand, type CreateTableCommandInput, DescribeTableCommand, UpdateTimeToLiveCommand } from '@aws-sdk/client-dynamodb';
import type { Dynamo } from '../../runtime/adapters/dynamodb/dynamo';
import { checkTable, createTable } from '../../runtime/adapters/dynamodb/table';
import { DynamodbFaultProxy, errorAnswer } from '../support/dynamodb-fault-proxy';
import { fastClock } from '../support/fast-clock';
import { openOn } from './dynamodb-fixture';
import { describeOn, dynamodbLocal, moto } from './dynamodb-servers';

for (const server of [dynamodbLocal, moto]) {
  describeOn(server, (running) => {
    let dynamo: Dynamo;
    let proxy: DynamodbFaultProxy;

    beforeEach(async () => {
      proxy = await DynamodbFaultProxy.open(running().endpoint);
      dynamo = openOn(proxy.endpoint, { clock: { ...fastClock(20), now: () => Date.now() } });
    });

    afterEach(async () => {
      dynamo.close();
      await proxy.close();
    });

    const createAs = (changes: Partial<CreateTableCommandInput>) =>
      dynamo.client.send(
        new CreateTableCommand({
          TableName: dynamo.table,
          BillingMode: 'PAY_PER_REQUEST',
          AttributeDefinitions: ['pk', 'sk'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
          KeySchema: [
            { AttributeName: 'pk', KeyType: 'HASH' },
            { AttributeName: 'sk', KeyType: 'RANGE' },
          ],
          ...changes,
        }),
      );

    it('is made whole, once, and then has no faults', async () => {
      expect(await createTable(dynamo)).toBe('created');
      expect(await createTable(dynamo)).toBe('there-already');
      expect(await checkTable(dynamo)).toEqual([]);
      expect(await checkTable(dynamo)).toEqual([]);
    });

    it('costs by the request, and its index holds keys only', async () => {
      await createTable(dynamo);
      const { Table } = await dynamo.client.send(new DescribeTableCommand({ TableName: dynamo.table }));
      expect(Table?.BillingModeSummary?.BillingMode).toBe('PAY_PER_REQUEST');
      expect(Table?.GlobalSecondaryIndexes?.[0]?.Projection).toEqual({ ProjectionType: 'KEYS_ONLY' });
    });

    it('is said to be missing', async () => {
      expect(await checkTable(dynamo)).toEqual([
        expect.stringMatching(/^there is no table causeway-\w+ in us-east-1 at http:.*CAUSEWAY_TABLE.*region/),
      ]);
    });

    it('is said to be another when its keys have other names, or are no strings', async () => {
      await createAs({
        AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      });
      expect(await checkTable(dynamo)).toEqual([expect.stringContaining("is not Causeway's")]);
    });

    it('is said to be another when its keys are no strings', async () => {
      await createAs({
        AttributeDefinitions: [
          { AttributeName: 'pk', AttributeType: 'S' },
          { AttributeName: 'sk', AttributeType: 'N' },
        ],
      });
      expect(await checkTable(dynamo)).toEqual([expect.stringContaining('must be the strings "pk" and "sk"')]);
    });

    it('is said to lack its index', async () => {
      await createAs({});
      expect(await checkTable(dynamo)).toEqual([expect.stringContaining('lacks the index "work"')]);
    });

    it('is said not to collect what has expired', async () => {
      await createTable(dynamo);
      const off = new UpdateTimeToLiveCommand({
        TableName: dynamo.table,
        TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: false },
      });
      // The servers of tests allow it at once; AWS makes one wait an hour.
      await dynamo.client.send(off);
      expect(await checkTable(dynamo)).toEqual([expect.stringContaining('turn its time to live on, by the attribute "ttl"')]);
    });

    it.each(['PutItem', 'GetItem', 'BatchGetItem', 'UpdateItem', 'Query', 'TransactWriteItems', 'DeleteItem', 'BatchWriteItem'])(
      'says which right is missing (%s)',
      async (operation) => {
        await createTable(dynamo);
        const message = `User: arn:aws:sts::123456789012:assumed-role/task is not authorized to perform: dynamodb:${operation} on resource: arn`;
        proxy.keep(operation, errorAnswer('AccessDeniedException', { message }));
        expect(await checkTable(dynamo)).toEqual([expect.stringMatching(new RegExp(`no rights .* does not allow dynamodb:${operation}$`))]);
      },
    );

    it.each([
      ['UnrecognizedClientException', 'The security token included in the request is invalid.', /credentials .* are not valid there/],
      ['ExpiredTokenException', 'The security token included in the request is expired', /have expired/],
      ['InvalidSignatureException', 'The request signature we calculated does not match', /the secret key .* is wrong/],
      ['InvalidSignatureException', 'Signature expired: 20251122T000000Z is now earlier than', /clock of this machine differs/],
      [
        'AccessDeniedException',
        'is not authorized to perform: dynamodb:DescribeTable on resource',
        /does not allow dynamodb:DescribeTable/,
      ],
    ])('explains %s: %s', async (type, message, line) => {
      proxy.keep('*', errorAnswer(type, { message }));
      expect(await checkTable(dynamo)).toEqual([expect.stringMatching(line)]);
    });

    it.each([
      [30_000, /30 s behind|29 s behind|31 s behind/],
      [-30_000, /30 s ahead|29 s ahead|31 s ahead/],
    ])('says how wrong the clock is (%i ms)', async (offset, line) => {
      await createTable(dynamo);
      proxy.ahead = offset;
      expect(await checkTable(dynamo)).toEqual([expect.stringMatching(line)]);
    });

    it('is said not to answer when nobody listens', async () => {
      await proxy.close();
      expect(await checkTable(dynamo)).toEqual([expect.stringMatching(/^nobody answers at the endpoint of the table/)]);
    });

    it('is said not to be usable yet while it is being made', async () => {
      proxy.keep('DescribeTable', { status: 200, body: { Table: { TableName: dynamo.table, TableStatus: 'CREATING' } } });
      expect(await checkTable(dynamo)).toEqual([expect.stringContaining('it is CREATING')]);
    });

    it('that never becomes active is not waited for without end', async () => {
      proxy.keep('DescribeTable', { status: 200, body: { Table: { TableName: dynamo.table, TableStatus: 'CREATING' } } });
      await expect(createTable(dynamo)).rejects.toThrow(/does not become active/);
      expect(proxy.of('DescribeTable')).toHaveLength(60);
    });
  });
}
