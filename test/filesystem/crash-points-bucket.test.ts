import { MemoryMetadataStore } from '../../runtime/adapters/memory/memory-metadata-store';
import { none, type OpenStores, type Scenario, scenariosWith, tryAll } from '../support/crash-run';
import { FakeBucket } from '../support/fake-bucket';
import type { FakeS3Options } from '../support/fake-s3';
import { requestFaults } from '../support/faults';
import { IdleClock } from '../support/idle-clock';

/** Every request to the bucket and every call of the index, times every way to fail there, times every kind of change, for each kind of bucket. */
const buckets: readonly (FakeS3Options & { readonly name: string })[] = [
  { name: 'ordered by begin, with versions, as AWS is', versions: true, order: 'begin' },
  { name: 'ordered by begin, without versions', versions: false, order: 'begin' },
  { name: 'ordered by completion, without versions', versions: false, order: 'complete' },
];

/** Parts of five mebibytes would make each of some ten thousand runs move many; what is tried does not depend on their size. */
jest.mock('../../runtime/adapters/s3/bucket', () => ({
  ...jest.requireActual<object>('../../runtime/adapters/s3/bucket'),
  smallestPart: 32 * 1024,
}));

/** Two parts and the begin of a third. */
const scenarios = scenariosWith('resumed '.repeat(10_000)) as Scenario[];

function open(options: FakeS3Options): OpenStores {
  const clock = new IdleClock();
  const bucket = new FakeBucket(clock, options);
  const metadata = new MemoryMetadataStore();
  return {
    stores: { metadata, objects: bucket.store() },
    hit: (ports) => ({ metadata: ports.wrapMetadata(metadata), objects: bucket.hit(ports) }),
    clock,
    settles: 65_000,
    // The begin of an upload whose answer was lost leaves a handle without a byte; the lifecycle rule of the bucket ends those.
    halfWritten: () => [...bucket.s3.uploads].filter(([, { parts }]) => parts.size > 0).map(([uploadId]) => uploadId),
    close: none,
  };
}

describe.each(buckets)('in a bucket $name', (options) => {
  describe.each(requestFaults)('a process that meets "%s" at any request', (fault) => {
    it.each(scenarios)(
      'during $name leaves nothing half done',
      async (scenario) => {
        expect(await tryAll(scenario, fault, async () => open(options))).toBeGreaterThan(3);
      },
      60_000,
    );
  });
});
