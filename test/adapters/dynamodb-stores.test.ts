import { DynamoLeaseStore } from '../../runtime/adapters/dynamodb/dynamodb-lease-store';
import { DynamoMetadataStore } from '../../runtime/adapters/dynamodb/dynamodb-metadata-store';
import { DynamoUserDirectory } from '../../runtime/adapters/dynamodb/dynamodb-user-directory';
import { describeLeaseStore } from '../contracts/lease-store.contract';
import { describeMetadataStore } from '../contracts/metadata-store.contract';
import { describeUserDirectory } from '../contracts/user-directory.contract';
import { FakeClock } from '../support/fake-clock';
import { oneAtATime, openTable, stillClock } from './dynamodb-fixture';
import { describeOn, dynamodbLocal, moto } from './dynamodb-servers';

/** moto answers a transaction in as many milliseconds as the table has rows, and counts two changes at once as one. */
const factsOf = {
  'dynamodb-local': { rows: 4_000, counters: 25, atomic: true, memories: [30_000, 0] },
  moto: { rows: 300, counters: 8, atomic: false, memories: [30_000] },
};

for (const [server, facts] of [
  [dynamodbLocal, factsOf['dynamodb-local']],
  [moto, factsOf.moto],
] as const) {
  describeOn(server, (running) => {
    const open = async (options?: Parameters<typeof openTable>[1]) => {
      const dynamo = await openTable(running().endpoint, options);
      return facts.atomic ? dynamo : oneAtATime(dynamo);
    };

    describeMetadataStore(
      'dynamodb',
      async () => {
        const store = new DynamoMetadataStore(await open());
        return { store, end: () => store.close() };
      },
      facts,
    );

    for (const cacheFor of facts.memories) {
      describeUserDirectory(`dynamodb with a memory of ${cacheFor} ms`, async () => {
        const dynamo = await open();
        return { users: new DynamoUserDirectory(dynamo, { cacheFor }), end: async () => dynamo.close() };
      });
    }

    describeLeaseStore('dynamodb', async () => {
      // From now on: a table takes away what expired long ago.
      const clock = new FakeClock(Date.now());
      const dynamo = await open({ clock: stillClock(clock) });
      return { leases: new DynamoLeaseStore(dynamo), clock, end: async () => dynamo.close() };
    });
  });
}
