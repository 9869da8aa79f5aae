import { BatchGetItemCommand, GetItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { Attempts, untilAnswered } from './attempts';
import { type Attributes, decode, encode, encodeKey } from './attributes';
import type { Dynamo, Item, ItemKey } from './dynamo';
import { nameOf } from './keys';

/** Strong reads by key and by range; DynamoDB's limits on a single answer end here. */

const keysOfBatch = 100;
const batchesAtOnce = 4;

/** Items by `nameOf`; what is not there is not in the map. */
export async function getItems<T extends ItemKey = Item>(dynamo: Dynamo, keys: readonly ItemKey[]): Promise<Map<string, T>> {
  const wanted = [...new Map(keys.map((key) => [nameOf(key), key])).values()];
  const found = new Map<string, T>();
  const [only] = wanted;
  if (only && wanted.length === 1) {
    const item = await getItem<T>(dynamo, only);
    if (item) found.set(nameOf(only), item);
    return found;
  }
  const batches = Array.from({ length: Math.ceil(wanted.length / keysOfBatch) }, (_, batch) =>
    wanted.slice(batch * keysOfBatch, (batch + 1) * keysOfBatch),
  );
  for (let batch = 0; batch < batches.length; batch += batchesAtOnce) {
    const answers = await Promise.all(batches.slice(batch, batch + batchesAtOnce).map((some) => getBatch<T>(dynamo, some)));
    for (const item of answers.flat()) found.set(nameOf(item), item);
  }
  return found;
}

export async function getItem<T extends ItemKey = Item>(dynamo: Dynamo, key: ItemKey): Promise<T | undefined> {
  const { client, table } = dynamo;
  const command = new GetItemCommand({ TableName: table, Key: encodeKey(key), ConsistentRead: true });
  const { Item: item } = await untilAnswered(dynamo, () => client.send(command));
  return item && decode<T>(item);
}

async function getBatch<T extends ItemKey>(dynamo: Dynamo, keys: readonly ItemKey[]): Promise<T[]> {
  const { client, table } = dynamo;
  const found: T[] = [];
  const attempts = new Attempts(dynamo);
  for (let left = keys.map(encodeKey); left.length > 0; ) {
    const command = new BatchGetItemCommand({ RequestItems: { [table]: { Keys: left, ConsistentRead: true } } });
    const answer = await untilAnswered(dynamo, () => client.send(command));
    for (const item of answer.Responses?.[table] ?? []) found.push(decode<T>(item));
    const unprocessed = answer.UnprocessedKeys?.[table]?.Keys ?? [];
    // Short of capacity; an answer that brought something was only too large for one piece.
    if (unprocessed.length >= left.length) await attempts.again(new Error('the table processed none of the keys of a read'), 'throttled');
    left = unprocessed;
  }
  return found;
}

/** Up to `limit` items of a partition, sort keys between `from` and `to`, both inclusive. */
export async function queryItems<T extends ItemKey = Item>(
  dynamo: Dynamo,
  pk: string,
  { from, to, limit }: { from: string; to: string; limit: number },
): Promise<T[]> {
  const { client, table } = dynamo;
  const found: T[] = [];
  for (let start: Attributes | undefined; ; ) {
    const command = new QueryCommand({
      TableName: table,
      KeyConditionExpression: 'pk = :pk AND sk BETWEEN :from AND :to',
      ExpressionAttributeValues: encode({ ':pk': pk, ':from': from, ':to': to }),
      ConsistentRead: true,
      Limit: limit - found.length,
      ...(start && { ExclusiveStartKey: start }),
    });
    const answer = await untilAnswered(dynamo, () => client.send(command));
    for (const item of answer.Items ?? []) found.push(decode<T>(item));
    start = answer.LastEvaluatedKey;
    if (!start || found.length >= limit) return found;
  }
}
