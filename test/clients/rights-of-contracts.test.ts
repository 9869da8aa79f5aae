import { DynamoLeaseStore } from '../../runtime/adapters/dynamodb/dynamodb-lease-store';
import { DynamoMetadataStore } from '../../runtime/adapters/dynamodb/dynamodb-metadata-store';
import { DynamoUserDirectory } from '../../runtime/adapters/dynamodb/dynamodb-user-directory';
import { openTable, stillClock } from '../adapters/dynamodb-fixture';
import { type BucketOptions, makeS3Store, s3Facts } from '../adapters/s3-fixture';
import { describeLeaseStore } from '../contracts/lease-store.contract';
import { describeMetadataStore } from '../contracts/metadata-store.contract';
import { describeObjectCopies } from '../contracts/object-copies.contract';
import { describeObjectStore } from '../contracts/object-store.contract';
import { describeObjectUploads } from '../contracts/object-uploads.contract';
import { describeUserDirectory } from '../contracts/user-directory.contract';
import { grantsOf, missing, unused } from '../infrastructure/granted';
import { synthesize } from '../infrastructure/synthesize';
import { statementsOf, taskRoleOf } from '../infrastructure/template';
import { FakeClock } from '../support/fake-clock';
import { describeFleet } from '../support/fleet-fixture';
import { type RecordedCalls, readDynamodb, readS3, recordCalls } from '../support/recorded-calls';
import { startDynamodbLocal } from '../support/servers/dynamodb-local';
import { hasMoto, startMoto } from '../support/servers/moto';
import type { RunningServer } from '../support/servers/start-server';
import { startVersitygw } from '../support/servers/versitygw';

/** The behaviour suites of the stores once more, every request of theirs compared with the rights of a task: they go into corners that no client can be led to. */
describeFleet('the behaviour suites of the stores', () => {
  const recorded: { objects: RecordedCalls; versions: RecordedCalls; index: RecordedCalls }[] = [];
  const servers: RunningServer[] = [];
  const started = () => recorded[0] as (typeof recorded)[0];
  const server = (number: number) => (servers[number] as RunningServer).endpoint;

  beforeAll(async () => {
    servers.push(await startVersitygw(), await startMoto(), await startDynamodbLocal());
    recorded.push({
      objects: await recordCalls(server(0), readS3),
      versions: await recordCalls(server(1), readS3),
      index: await recordCalls(server(2), readDynamodb),
    });
  }, 60_000);
  afterAll(async () => {
    for (const { objects, versions, index } of recorded) await Promise.all([objects.close(), versions.close(), index.close()]);
    for (const each of servers) await each.stop();
  });

  it('have the servers that they need', () => {
    expect(hasMoto()).toBe(true);
  });

  const plain: BucketOptions = { profile: 'versitygw' };
  const makePlain = () => makeS3Store(server(0), { ...plain, endpoint: started().objects.endpoint });
  describeObjectUploads('a bucket', makePlain, s3Facts);
  describeObjectStore('a bucket', makePlain, s3Facts);
  describeObjectCopies('a bucket', makePlain, s3Facts);
  it('a bucket: finds what a task that died has left', async () => {
    const { store, end } = await makePlain();
    for await (const left of store.halfWritten('acme/a')) throw new Error(`${left.uploadId} was there before`);
    await end();
  });
  const versioned: BucketOptions = { profile: 'moto', versions: true };
  const makeVersioned = () => makeS3Store(server(1), { ...versioned, endpoint: started().versions.endpoint });
  describeObjectStore('a bucket with versions', makeVersioned, { ...s3Facts, keepsVersions: true });
  describeObjectCopies('a bucket with versions', makeVersioned, { ...s3Facts, keepsVersions: true });

  const open = (clock?: FakeClock) =>
    openTable(server(2), { through: started().index.endpoint, ...(clock && { clock: stillClock(clock) }) });
  describeMetadataStore(
    'a table',
    async () => {
      const store = new DynamoMetadataStore(await open());
      return { store, end: () => store.close() };
    },
    { rows: 300, counters: 8 },
  );
  describeUserDirectory('a table', async () => {
    const dynamo = await open();
    return { users: new DynamoUserDirectory(dynamo, { cacheFor: 0 }), end: async () => dynamo.close() };
  });
  describeLeaseStore('a table', async () => {
    const clock = new FakeClock(Date.now());
    const dynamo = await open(clock);
    return { leases: new DynamoLeaseStore(dynamo), clock, end: async () => dynamo.close() };
  });

  describe('and the rights of a task', () => {
    const template = synthesize();
    const known = Object.fromEntries(
      Object.entries(template.Resources).flatMap(([id, { Type, Properties }]) => {
        const kind = Type === 'AWS::DynamoDB::Table' ? 'table' : Properties['VersioningConfiguration'] ? 'bucket' : id;
        return [
          [id, id],
          [`${id}.Arn`, `arn:${kind}`],
        ];
      }),
    );
    const names = { 'AWS::Region': 'us-east-1', 'AWS::Partition': 'aws', 'AWS::AccountId': '111122223333' };
    const grants = grantsOf(statementsOf(template, taskRoleOf(template)), { ...known, ...names });
    const arns = { bucket: 'arn:bucket', table: 'arn:table' };
    const called = () => [...started().objects.calls, ...started().versions.calls, ...started().index.calls];

    it('are enough for every call', () => {
      expect(called().length).toBeGreaterThan(15);
      expect(
        missing(grants, called(), arns, {
          'dynamodb:Scan': 'all entries are read by commands alone, whose users have the right from grantOperate',
        }),
      ).toEqual([]);
    });

    it('are no more than what is called', () => {
      expect(
        unused(grants, called(), arns, {
          'ecs:UpdateTaskProtection': 'by the agent beside the container',
          'ecs:GetTaskProtection': 'by the agent beside the container',
          'dynamodb:DescribeTable': 'when a server starts',
          'dynamodb:DescribeTimeToLive': 'when a server starts',
          's3:ListBucketVersions': 'where two uploads of one key end at once and the store orders them by their begin',
        }),
      ).toEqual([]);
    });
  });
});
