import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Clock } from '../../ports/clock';
import type { Ids } from '../../ports/ids';
import type { Log } from '../../ports/log';

/** One table, and what every store in it needs: handed from function to function. */
export interface Dynamo {
  readonly client: DynamoDBClient;
  readonly table: string;
  /** Region and endpoint as an operator would say them. */
  readonly place: string;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  /** A request has failed for good. */
  readonly onFailed?: () => void;
  /** Never given twice, by no process: it names a state of a row, and the transaction that wrote it. At most 36 characters. */
  nextRevision(): string;
  /** Credentials that the service calls expired are fetched anew. */
  renewCredentials(): Promise<void>;
  close(): void;
}

export interface ItemKey {
  readonly pk: string;
  readonly sk: string;
}

/** An item as it lies in the table. */
export interface Item extends ItemKey {
  readonly rev: string;
  /** The row as JSON: one string costs a third of the time that a map of typed attributes does, a page of a thousand rows is full of them. */
  readonly value: string;
  readonly [attribute: string]: unknown;
}
