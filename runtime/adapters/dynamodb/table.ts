import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  CreateTableCommand,
  DeleteItemCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ResourceInUseException,
  type TableDescription,
  TransactWriteItemsCommand,
  UpdateItemCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { untilAnswered } from './attempts';
import { encode, encodeKey } from './attributes';
import type { Dynamo } from './dynamo';
import { explain, outcomeOf } from './errors';
import { probeKey, workIndex, workPartition } from './keys';

/** The table itself: made on a local endpoint, and looked at before the first partner depends on it. On AWS the stack makes it. */

const timeToLive = 'ttl';
const indexKeys = { partition: 'work', sort: 'workSort' };
const looks = 60;
const betweenLooks = 500;

/** Resolves when the table can be used. One that is there already is left as it is. */
export async function createTable(dynamo: Dynamo): Promise<'created' | 'there-already'> {
  const { client, table: TableName } = dynamo;
  const text = (AttributeName: string) => ({ AttributeName, AttributeType: 'S' }) as const;
  const keys = (partition: string, sort: string) => [
    { AttributeName: partition, KeyType: 'HASH' } as const,
    { AttributeName: sort, KeyType: 'RANGE' } as const,
  ];
  const definition = new CreateTableCommand({
    TableName,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: ['pk', 'sk', indexKeys.partition, indexKeys.sort].map(text),
    KeySchema: keys('pk', 'sk'),
    GlobalSecondaryIndexes: [
      { IndexName: workIndex, KeySchema: keys(indexKeys.partition, indexKeys.sort), Projection: { ProjectionType: 'KEYS_ONLY' } },
    ],
  });
  try {
    await client.send(definition);
  } catch (error) {
    if (error instanceof ResourceInUseException) return 'there-already';
    throw new Error(explain(error, dynamo), { cause: error });
  }
  await untilActive(dynamo);
  const expiry = new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification: { AttributeName: timeToLive, Enabled: true } });
  await untilAnswered(dynamo, () => client.send(expiry));
  return 'created';
}

async function untilActive(dynamo: Dynamo): Promise<void> {
  for (let look = 0; look < looks; look++) {
    const { Table } = await untilAnswered(dynamo, () => dynamo.client.send(new DescribeTableCommand({ TableName: dynamo.table })));
    if (Table?.TableStatus === 'ACTIVE' && Table.GlobalSecondaryIndexes?.every(({ IndexStatus }) => IndexStatus === 'ACTIVE')) return;
    await dynamo.clock.sleep(betweenLooks);
  }
  throw new Error(`the table ${dynamo.table} in ${dynamo.place} was made but does not become active`);
}

/** Everything that would stop a server on this table, a line each; empty when there is nothing. */
export async function checkTable(opened: Dynamo): Promise<readonly string[]> {
  const dynamo = { ...opened, place: opened.place || (await regionFound(opened)) };
  let looked: Looked;
  try {
    looked = await untilAnswered(dynamo, () => lookAtTable(dynamo));
  } catch (error) {
    return [explain(causeOf(error), dynamo)];
  }
  const faults = [...clockFaults(dynamo, looked), ...shapeFaults(dynamo, looked.description)];
  return faults.length > 0 ? faults : [...(await expiryFaults(dynamo)), ...(await rightsFaults(dynamo))];
}

/** As the SDK finds it: an operator who has set it elsewhere shall see which. */
function regionFound({ client }: Dynamo): Promise<string> {
  // Without any, every request says so.
  return client.config.region().catch(() => 'no region');
}

interface Looked {
  readonly description: TableDescription | undefined;
  /** How far the clock of this machine is ahead of the service's, as far as a header with whole seconds can tell. */
  readonly ahead: number | undefined;
}

async function lookAtTable({ client, table, clock }: Dynamo): Promise<Looked> {
  let ahead: number | undefined;
  const command = new DescribeTableCommand({ TableName: table });
  command.middlewareStack.add(
    (next) => async (sent) => {
      const result = await next(sent);
      const { headers } = result.response as { headers?: Record<string, string> };
      const date = Date.parse(headers?.['date'] ?? '');
      if (!Number.isNaN(date)) ahead = clock.now() - date;
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'dateOfAnswer' },
  );
  // With options, of whatever kind, the handler is this request's own.
  const { Table } = await client.send(command, {});
  return { description: Table, ahead };
}

/** Times of uploads are compared between tasks; a header counts whole seconds, and the answer was under way for a while. */
const toleratedClock = 2_500;

function clockFaults({ place }: Dynamo, { ahead = 0 }: Looked): string[] {
  if (Math.abs(ahead) <= toleratedClock) return [];
  const seconds = Math.round(Math.abs(ahead) / 1_000);
  return [`the clock of this machine is ${seconds} s ${ahead > 0 ? 'ahead of' : 'behind'} that of ${place}: set it by NTP`];
}

function shapeFaults({ table, place }: Dynamo, description: TableDescription | undefined): string[] {
  if (description?.TableStatus !== 'ACTIVE' && description?.TableStatus !== 'UPDATING')
    return [`the table ${table} in ${place} cannot be used yet: it is ${description?.TableStatus ?? 'unknown'}`];
  const { KeySchema, AttributeDefinitions, GlobalSecondaryIndexes } = description;
  const isText = (name: string) => AttributeDefinitions?.some((one) => one.AttributeName === name && one.AttributeType === 'S') === true;
  const hasKeys = (schema: TableDescription['KeySchema'], partition: string, sort: string) =>
    schema?.length === 2 &&
    schema[0]?.AttributeName === partition &&
    schema[1]?.AttributeName === sort &&
    isText(partition) &&
    isText(sort);
  if (!hasKeys(KeySchema, 'pk', 'sk'))
    return [`the table ${table} in ${place} is not Causeway's: its keys must be the strings "pk" and "sk"`];
  const index = GlobalSecondaryIndexes?.find(({ IndexName }) => IndexName === workIndex);
  if (!index || !hasKeys(index.KeySchema, indexKeys.partition, indexKeys.sort))
    return [
      `the table ${table} in ${place} lacks the index "${workIndex}" on the strings "${indexKeys.partition}" and "${indexKeys.sort}"`,
    ];
  if (index.IndexStatus !== 'ACTIVE')
    return [`the index "${workIndex}" of the table ${table} cannot be used yet: it is ${index.IndexStatus}`];
  return [];
}

async function expiryFaults(dynamo: Dynamo): Promise<string[]> {
  const { client, table } = dynamo;
  try {
    const answer = await untilAnswered(dynamo, () => client.send(new DescribeTimeToLiveCommand({ TableName: table })));
    const { TimeToLiveStatus: status, AttributeName: attribute } = answer.TimeToLiveDescription ?? {};
    if ((status === 'ENABLED' || status === 'ENABLING') && attribute === timeToLive) return [];
    return [`the table ${table} does not collect what has expired: turn its time to live on, by the attribute "${timeToLive}"`];
  } catch (error) {
    return [explain(causeOf(error), dynamo)];
  }
}

/** Everything that is ever asked of the table is asked once, of a row that nothing else uses. */
async function rightsFaults(dynamo: Dynamo): Promise<string[]> {
  const { client, table: TableName } = dynamo;
  const row = { TableName, Key: encodeKey(probeKey) };
  const ttl = Math.ceil(dynamo.clock.now() / 1_000) + 3_600;
  const requests: (() => Promise<unknown>)[] = [
    () => client.send(new PutItemCommand({ TableName, Item: encode({ ...probeKey, ttl }) })),
    () => client.send(new GetItemCommand({ ...row, ConsistentRead: true })),
    () => client.send(new BatchGetItemCommand({ RequestItems: { [TableName]: { Keys: [row.Key], ConsistentRead: true } } })),
    () =>
      client.send(new UpdateItemCommand({ ...row, UpdateExpression: 'ADD probes :one', ExpressionAttributeValues: encode({ ':one': 1 }) })),
    () => client.send(queryOf(TableName, undefined, 'pk', probeKey.pk)),
    () => client.send(queryOf(TableName, workIndex, indexKeys.partition, workPartition('journal', 0))),
    () =>
      client.send(
        new TransactWriteItemsCommand({ TransactItems: [{ ConditionCheck: { ...row, ConditionExpression: 'attribute_exists(pk)' } }] }),
      ),
    () => client.send(new DeleteItemCommand(row)),
    () => client.send(new BatchWriteItemCommand({ RequestItems: { [TableName]: [{ DeleteRequest: { Key: row.Key } }] } })),
  ];
  const faults = new Set<string>();
  for (const request of requests) {
    try {
      await untilAnswered(dynamo, request);
    } catch (error) {
      // Another server that starts now has taken the row away: the right was there.
      if (outcomeOf(error) === 'refused' || outcomeOf(causeOf(error)) === 'refused') continue;
      faults.add(explain(causeOf(error), dynamo));
    }
  }
  return [...faults];
}

function queryOf(TableName: string, IndexName: string | undefined, key: string, value: string): QueryCommand {
  return new QueryCommand({
    TableName,
    ...(IndexName && { IndexName }),
    KeyConditionExpression: '#key = :value',
    ExpressionAttributeNames: { '#key': key },
    ExpressionAttributeValues: encode({ ':value': value }),
    Limit: 1,
  });
}

/** What was thrown after the last attempt wraps what the service said. */
function causeOf(error: unknown): unknown {
  return (error as { cause?: unknown }).cause ?? error;
}
