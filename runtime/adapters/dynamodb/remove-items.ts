import { BatchWriteItemCommand, type WriteRequest } from '@aws-sdk/client-dynamodb';
import { Attempts, untilAnswered } from './attempts';
import { encodeKey } from './attributes';
import type { Dynamo, ItemKey } from './dynamo';

const keysOfBatch = 25;

/** Removes items without a condition; what is not there is fine. */
export async function removeItems(dynamo: Dynamo, keys: readonly ItemKey[]): Promise<void> {
  const { client, table } = dynamo;
  for (let first = 0; first < keys.length; first += keysOfBatch) {
    const attempts = new Attempts(dynamo);
    const batch = keys.slice(first, first + keysOfBatch);
    for (let left: WriteRequest[] = batch.map((key) => ({ DeleteRequest: { Key: encodeKey(key) } })); left.length > 0; ) {
      const command = new BatchWriteItemCommand({ RequestItems: { [table]: left } });
      const answer = await untilAnswered(dynamo, () => client.send(command));
      const unprocessed = answer.UnprocessedItems?.[table] ?? [];
      if (unprocessed.length >= left.length) await attempts.again(new Error('the table processed none of the removals'), 'throttled');
      left = unprocessed;
    }
  }
}
