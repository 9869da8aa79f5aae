import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tableSchema } from '../../lib/table-schema';
import { createTable } from '../../runtime/adapters/dynamodb/table';

/** Where the infrastructure repeats what the server says, the two must say the same; what they may share is one file of names. */
const root = join(__dirname, '..', '..');

describe('lib and bin', () => {
  const files = ['lib', 'bin'].flatMap((folder) =>
    readdirSync(join(root, folder)).map((name) => ({ name: `${folder}/${name}`, text: readFileSync(join(root, folder, name), 'utf8') })),
  );
  const imports = files.flatMap(({ name, text }) =>
    [...text.matchAll(/(?:from|import|require\()\s*'([^']+)'/g)].map(([, from = '']) => ({ name, from })),
  );

  it('import nothing of the server but the names of its settings and what reads them', () => {
    const ofServer = imports.filter(({ from }) => from.includes('runtime'));
    expect(new Set(ofServer.map(({ from }) => from))).toEqual(new Set(['../runtime/config/variables', '../runtime/config/config']));
    expect(ofServer.every(({ name }) => name.startsWith('lib/'))).toBe(true);
  });

  it('lib needs no more than CDK', () => {
    const foreign = imports.filter(
      ({ name, from }) => name.startsWith('lib/') && !/^(\.{1,2}\/|aws-cdk-lib(\/|$)|constructs$|node:path$)/.test(from),
    );
    expect(foreign).toEqual([]);
  });

  it.each(files)('$name is short enough to be one thing', ({ text }) => {
    expect(text.split('\n').length).toBeLessThan(400);
  });
});

describe('the table that the stack makes', () => {
  it('is the one that the server makes on an endpoint of its own', async () => {
    const sent: Record<string, unknown>[] = [];
    const active = { Table: { TableStatus: 'ACTIVE', GlobalSecondaryIndexes: [{ IndexStatus: 'ACTIVE' }] } };
    const client = {
      send: async ({ input }: { input: Record<string, unknown> }) => {
        sent.push(input);
        return active;
      },
    };
    const clock = { monotonic: () => 0, now: () => 0, sleep: async () => undefined };
    await createTable({ client, table: 'table', place: 'here', clock, ids: {}, log: {} } as unknown as Parameters<typeof createTable>[0]);
    const { partition, sort, index, timeToLive } = tableSchema;
    const keys = (first: string, second: string) => [
      { AttributeName: first, KeyType: 'HASH' },
      { AttributeName: second, KeyType: 'RANGE' },
    ];
    expect(sent[0]).toMatchObject({
      KeySchema: keys(partition, sort),
      GlobalSecondaryIndexes: [
        { IndexName: index.name, KeySchema: keys(index.partition, index.sort), Projection: { ProjectionType: 'KEYS_ONLY' } },
      ],
    });
    expect(sent.at(-1)).toMatchObject({ TimeToLiveSpecification: { AttributeName: timeToLive, Enabled: true } });
  });
});
