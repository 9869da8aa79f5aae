import { QueryCommand, type QueryCommandOutput, ScanCommand } from '@aws-sdk/client-dynamodb';
import type { RowKey, TableName } from '../../ports/metadata-store';
import { untilAnswered } from './attempts';
import { type Attributes, decode, encode, encodeKey } from './attributes';
import type { Dynamo, ItemKey } from './dynamo';
import { isOf, itemKey, shardOf, shards, workIndex, workKey, workPartition } from './keys';

/**
 * Keys of rows over all partitions, as hints. What needs somebody is in an index of its own, which holds keys only: a row that changes while it stays there
 * costs nothing. Entries are in none, so the whole table is read for them.
 */

type Start = Attributes | undefined;

/** At most `limit` keys behind the row, in the order of the index; none: there are no more. */
export async function workBehind(dynamo: Dynamo, table: TableName, after: RowKey | undefined, limit: number): Promise<ItemKey[]> {
  const { client, table: TableName } = dynamo;
  const found: ItemKey[] = [];
  // A place in the index can be named without a row that lies there.
  let start: Start = after && encode({ ...itemKey(after), ...workKey(after) });
  for (let shard = after ? shardOf(workKey(after)) : 0; shard < shards; shard++) {
    do {
      const command = new QueryCommand({
        TableName,
        IndexName: workIndex,
        KeyConditionExpression: '#work = :work',
        ExpressionAttributeNames: { '#work': 'work' },
        ExpressionAttributeValues: { ':work': { S: workPartition(table, shard) } },
        Limit: limit - found.length,
        ...(start && { ExclusiveStartKey: start }),
      });
      const answer: QueryCommandOutput = await untilAnswered(dynamo, () => client.send(command));
      for (const item of answer.Items ?? []) found.push(decode<ItemKey>(item));
      if (found.length >= limit) return found;
      start = answer.LastEvaluatedKey;
    } while (start);
  }
  return found;
}

/** Of all rows, whatever is wanted: the table holds others between the entries. */
const scannedAtOnce = 1_000;

export async function entriesBehind(dynamo: Dynamo, table: TableName, after: RowKey | undefined, limit: number): Promise<ItemKey[]> {
  const { client, table: TableName } = dynamo;
  for (let start: Start = after && encodeKey(itemKey(after)); ; ) {
    const command = new ScanCommand({
      TableName,
      ConsistentRead: true,
      ProjectionExpression: 'pk, sk',
      Limit: scannedAtOnce,
      ...(start && { ExclusiveStartKey: start }),
    });
    const answer = await untilAnswered(dynamo, () => client.send(command));
    const found = (answer.Items ?? []).map((item) => decode<ItemKey>(item)).filter((key) => isOf(table, key));
    if (found.length > 0) return found.slice(0, limit);
    start = answer.LastEvaluatedKey;
    if (!start) return [];
  }
}
