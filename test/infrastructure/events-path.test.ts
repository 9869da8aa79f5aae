import { UpdateTableCommand } from '@aws-sdk/client-dynamodb';
import { type CompletionEvent, handler, type StreamRecord } from '../../lib/completion-event.lambda';
import { DynamoMetadataStore } from '../../runtime/adapters/dynamodb/dynamodb-metadata-store';
import { MemoryObjectStore } from '../../runtime/adapters/memory/memory-object-store';
import { systemClock } from '../../runtime/adapters/system-clock';
import type { Filesystem } from '../../runtime/filesystem/filesystem';
import { deliverOutbox } from '../../runtime/filesystem/outbox';
import { oneAtATime, openTable } from '../adapters/dynamodb-fixture';
import { describeOn, dynamodbLocal, moto } from '../adapters/dynamodb-servers';
import { at, events, makeFilesystem, put, viewOf } from '../support/filesystem';
import { synthesize } from './synthesize';
import { onlyResource } from './template';

/**
 * The way of a completion event, all of it that can run here: the row in a real table, what the table's stream says of it, the filter of the pipe as the
 * template has it, and the function. Tasks remove the rows meanwhile, as they do.
 */
interface Pattern {
  readonly eventName: readonly string[];
  readonly dynamodb: { readonly NewImage: Readonly<Record<string, { readonly S: readonly [{ readonly prefix: string }] }>> };
}

const { SourceParameters } = onlyResource(synthesize(), 'AWS::Pipes::Pipe').Properties as {
  SourceParameters: { FilterCriteria: { Filters: [{ Pattern: string }] } };
};
const pattern = JSON.parse(SourceParameters.FilterCriteria.Filters[0].Pattern) as Pattern;

/** The part of EventBridge's patterns that the filter uses. */
function passes({ eventName, dynamodb: { NewImage: image } }: StreamRecord): boolean {
  return (
    pattern.eventName.includes(eventName) &&
    Object.entries(pattern.dynamodb.NewImage).every(([name, { S }]) => image?.[name]?.S?.startsWith(S[0].prefix))
  );
}

describe.each([dynamodbLocal, moto])('the events of a table', (kind) => {
  describeOn(kind, (server) => {
    const before = process.env['CAUSEWAY_BUCKET'];
    beforeAll(() => {
      process.env['CAUSEWAY_BUCKET'] = 'files';
    });
    afterAll(() => {
      if (before === undefined) delete process.env['CAUSEWAY_BUCKET'];
      else process.env['CAUSEWAY_BUCKET'] = before;
    });

    async function ask<T>(operation: string, input: object): Promise<T> {
      const answer = await fetch(server().endpoint, {
        method: 'POST',
        headers: {
          'X-Amz-Target': `DynamoDBStreams_20120810.${operation}`,
          'Content-Type': 'application/x-amz-json-1.0',
          Authorization: 'AWS4-HMAC-SHA256 Credential=anybody/20261125/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0',
        },
        body: JSON.stringify(input),
        signal: AbortSignal.timeout(10_000),
      });
      if (!answer.ok) throw new Error(`${operation}: ${await answer.text()}`);
      return (await answer.json()) as T;
    }

    /** Everything that the stream has, in order. */
    async function streamed(StreamArn: string): Promise<StreamRecord[]> {
      const { StreamDescription } = await ask<{ StreamDescription: { Shards: { ShardId: string }[] } }>('DescribeStream', { StreamArn });
      const records: StreamRecord[] = [];
      for (const { ShardId } of StreamDescription.Shards) {
        const input = { StreamArn, ShardId, ShardIteratorType: 'TRIM_HORIZON' };
        let { ShardIterator: next } = await ask<{ ShardIterator?: string }>('GetShardIterator', input);
        for (let page = 0; next !== undefined && page < 50; page++) {
          const found: { Records: StreamRecord[]; NextShardIterator?: string } = await ask('GetRecords', { ShardIterator: next });
          records.push(...found.Records);
          if (found.Records.length === 0) break;
          next = found.NextShardIterator;
        }
      }
      return records;
    }

    it('each change of a file is one event, in the order of its path, though tasks remove the rows at once', async () => {
      const opened = await openTable(server().endpoint);
      // Changes of moto are not atomic when two come at once.
      const dynamo = kind === moto ? oneAtATime(opened) : opened;
      const { TableDescription } = await dynamo.client.send(
        new UpdateTableCommand({
          TableName: dynamo.table,
          StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' },
        }),
      );
      const stores = { metadata: new DynamoMetadataStore(dynamo), objects: new MemoryObjectStore() };
      const tasks = ['first', 'second'].map((name) => makeFilesystem(stores, systemClock, name)) as [Filesystem, Filesystem];
      const work = Promise.all(
        tasks.map(async (task, number) => {
          const view = viewOf(task);
          for (let file = 0; file < 4; file++) {
            await put(view, `/${number}-${file}`, 'one');
            await put(view, `/${number}-${file}`, 'three');
          }
          await view.deleteFile(at(`/${number}-0`));
        }),
      );
      let over = false;
      const sweeping = Promise.all(
        tasks.map(async (task) => {
          while (!over) {
            await deliverOutbox(task, undefined);
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
        }),
      );
      await work.finally(() => {
        over = true;
      });
      await sweeping;
      await deliverOutbox(tasks[0], undefined);
      expect(await events(tasks[0])).toEqual([]);

      const records = await streamed(TableDescription?.LatestStreamArn as string);
      const told: CompletionEvent[] = await handler(records.filter(passes));
      expect(told).toHaveLength(2 * (4 * 2 + 1));
      expect(new Set(told.map(({ id }) => id)).size).toBe(told.length);
      const of = (key: string) => told.filter((event) => event.key === key);
      expect(of('acme/0-0').map(({ type, size, user, bucket }) => [type, size, user, bucket])).toEqual([
        ['arrived', 3, 'acme', 'files'],
        ['arrived', 5, 'acme', 'files'],
        ['removed', undefined, 'acme', 'files'],
      ]);
      for (const { key } of told) {
        const sequences = of(key).map(({ sequence }) => sequence);
        expect(sequences).toEqual([...new Set(sequences)].sort((left, right) => left - right));
      }
      dynamo.close();
    }, 60_000);
  });
});
