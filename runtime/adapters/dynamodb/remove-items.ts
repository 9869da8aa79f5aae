import { BatchWriteCommand } from '@aws-sdk/lib-dynamodb';
import { Attempts, untilAnswered } from './attempts';
import type { Dynamo, ItemKey } from './dynamo';

const keysOfBatch = 25;

/** Removes items without a condition; what is not there is fine. */
export async function removeItems(dynamo: Dynamo, keys: readonly ItemKey[]): Promise<void> {
  const { client, table } = dynamo;
  for (let first = 0; first < keys.length; first += keysOfBatch) {
    const attempts = new Attempts(dynamo);
    for (let left = keys.slice(first, first + keysOfBatch); left.length > 0; ) {
      const command = new BatchWriteCommand({
        RequestItems: { [table]: left.map(({ pk, sk }) => ({ DeleteRequest: { Key: { pk, sk } } })) },
      });
      const answer = await untilAnswered(dynamo, () => client.send(command));
      const unprocessed = (answer.UnprocessedItems?.[table] ?? []).map((request) => request.DeleteRequest?.Key as unknown as ItemKey);
      if (unprocessed.length >= left.length) await attempts.again(new Error('the table processed none of the removals'), 'throttled');
      left = unprocessed;
    }
  }
}
