import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import type { ItemKey } from './dynamo';

/**
 * Values as a request carries them, and back. Done here and not by the SDK's document client, which puts its handlers together anew for each request: a third of
 * what a request costs.
 */
export type Attributes = Record<string, AttributeValue>;

/** Properties that are undefined are left out. */
export function encode(values: object): Attributes {
  return marshall(values, { removeUndefinedValues: true });
}

export function decode<T>(attributes: Attributes): T {
  return unmarshall(attributes) as T;
}

/** The key alone, of an item too. */
export function encodeKey({ pk, sk }: ItemKey): Attributes {
  return { pk: { S: pk }, sk: { S: sk } };
}
