import { DeleteItemCommand, PutItemCommand, type TransactWriteItem, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { Attempts } from './attempts';
import { type Attributes, encode, encodeKey } from './attributes';
import type { Dynamo, Item, ItemKey } from './dynamo';
import { outcomeOf, unavailable } from './errors';
import { nameOf } from './keys';
import { getItems } from './read-items';

/**
 * Writes on condition of the revisions that the writer saw, all or none.
 *
 * An answer that is lost leaves open whether the writes were applied, and a repetition then finds its own effect and is refused by it. DynamoDB knows a
 * repetition by its request token, but for ten minutes only, only in a transaction, and only from the same request; so the rows themselves are asked as
 * well: each one that is written carries a revision that is this attempt's alone.
 *
 * - A row shows it: everything was applied.
 * - A row still has the revision that was to be replaced or removed: nothing was applied, since revisions never come back.
 * - Neither, which is so after a removal: nobody can know. That is said (`store-unavailable`), and the rule that asked reads again and decides on what is
 *   true then. A removal leaves no witness behind, a row written only for this moment would cost more than all the moments.
 */
export type ItemWrite =
  | { readonly kind: 'put'; readonly item: Item; readonly expected: string }
  | { readonly kind: 'remove' | 'check'; readonly item: ItemKey; readonly expected: string };

/** What the revision of a row that is not there is called. */
export const absent = 'absent';

export async function writeItems(dynamo: Dynamo, writes: readonly ItemWrite[], revision: string): Promise<boolean> {
  if (writes.length === 0) return true;
  const send = requestOf(dynamo, writes, revision);
  const attempts = new Attempts(dynamo);
  let inDoubt = false;
  for (;;) {
    try {
      await send();
      return true;
    } catch (error) {
      const outcome = outcomeOf(error);
      if (outcome === 'refused') return inDoubt ? wasApplied(dynamo, writes, revision, error) : false;
      inDoubt ||= outcome === 'unknown';
      try {
        await attempts.again(error, outcome);
      } catch (exhausted) {
        // The last word: an attempt that has been applied after all is no failure. A table that is away does not answer this either.
        if (inDoubt && (await isWritten(dynamo, writes, revision))) return true;
        throw exhausted;
      }
    }
  }
}

async function wasApplied(dynamo: Dynamo, writes: readonly ItemWrite[], revision: string, cause: unknown): Promise<boolean> {
  const verdict = await askRows(dynamo, writes, revision);
  if (verdict === 'unknown') throw unavailable(cause);
  return verdict === 'applied';
}

async function isWritten(dynamo: Dynamo, writes: readonly ItemWrite[], revision: string): Promise<boolean> {
  return (await askRows(dynamo, writes, revision)) === 'applied';
}

async function askRows(dynamo: Dynamo, writes: readonly ItemWrite[], revision: string): Promise<'applied' | 'not-applied' | 'unknown'> {
  const changes = writes.filter(({ kind }) => kind !== 'check');
  const rows = await getItems(
    dynamo,
    changes.map(({ item }) => item),
  );
  const revisionNow = ({ item }: ItemWrite) => rows.get(nameOf(item))?.rev;
  if (changes.some((write) => revisionNow(write) === revision)) return 'applied';
  return changes.length === 0 || changes.some((write) => revisionNow(write) === write.expected) ? 'not-applied' : 'unknown';
}

/**
 * One row that replaces another goes alone, at half the price of a transaction: with a revision for its condition it cannot be applied twice. One that is
 * new could be, if somebody removed it between two attempts; so it goes as a transaction, whose token excludes that.
 */
function requestOf(dynamo: Dynamo, writes: readonly ItemWrite[], revision: string): () => Promise<unknown> {
  const { client, table: TableName } = dynamo;
  const [only] = writes as readonly [ItemWrite];
  if (writes.length === 1 && only.expected !== absent && only.kind !== 'check') {
    const condition = { TableName, ...conditionOf(only.expected) };
    if (only.kind === 'put') {
      const command = new PutItemCommand({ ...condition, Item: encode(only.item) });
      return () => client.send(command);
    }
    const command = new DeleteItemCommand({ ...condition, Key: encodeKey(only.item) });
    return () => client.send(command);
  }
  const command = new TransactWriteItemsCommand({
    ClientRequestToken: revision,
    TransactItems: writes.map((write) => transactItem(TableName, write)),
  });
  return () => client.send(command);
}

function transactItem(TableName: string, write: ItemWrite): TransactWriteItem {
  const condition = { TableName, ...conditionOf(write.expected) };
  if (write.kind === 'put') return { Put: { ...condition, Item: encode(write.item) } };
  const keyed = { ...condition, Key: encodeKey(write.item) };
  return write.kind === 'remove' ? { Delete: keyed } : { ConditionCheck: keyed };
}

function conditionOf(expected: string): { ConditionExpression: string; ExpressionAttributeValues?: Attributes } {
  if (expected === absent) return { ConditionExpression: 'attribute_not_exists(pk)' };
  return { ConditionExpression: 'rev = :seen', ExpressionAttributeValues: { ':seen': { S: expected } } };
}
