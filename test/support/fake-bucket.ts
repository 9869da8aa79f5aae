import { RetryBudget } from '../../runtime/adapters/s3/attempts';
import type { Bucket, Send } from '../../runtime/adapters/s3/bucket';
import { presets } from '../../runtime/adapters/s3/profile';
import { s3ObjectStore } from '../../runtime/adapters/s3/s3-object-store';
import type { Clock } from '../../runtime/ports/clock';
import type { ObjectStore } from '../../runtime/ports/object-store';
import { type Command, FakeS3, type FakeS3Options } from './fake-s3';
import type { FaultyPorts } from './faults';
import { countingIds, quietLog } from './filesystem';

/** The store adapter of S3 on a bucket in memory, so that every request that it makes can be hit. */
export class FakeBucket {
  readonly s3: FakeS3;
  private landing: Promise<unknown>[] = [];

  constructor(
    private readonly clock: Clock,
    options: FakeS3Options,
  ) {
    this.s3 = new FakeS3({ now: () => clock.now(), ...options });
    this.s3.smallestPart = 0;
  }

  /** The store of a process that nothing happens to. */
  store(): ObjectStore {
    return this.storeOver((command) => this.s3.send(command));
  }

  /** A store whose requests the test sees, changes or delays. */
  through(intercept: (command: Command, send: (command: Command) => Promise<unknown>) => Promise<unknown>): ObjectStore {
    return this.storeOver((command) => intercept(command, (sent) => this.s3.send(sent)));
  }

  hit(ports: FaultyPorts): ObjectStore {
    return this.storeOver((command) =>
      ports.request(command.constructor.name, () => this.s3.send(command), { unanswered, later: (effect) => this.later(effect) }),
    );
  }

  /** Well within the time for which a request counts as under way. */
  private later(effect: () => Promise<unknown>): void {
    // It lands on what is there then; a refusal interests nobody any more.
    this.landing.push(this.clock.sleep(latest).then(() => effect().catch(() => undefined)));
  }

  private storeOver(send: (command: Command) => Promise<unknown>): ObjectStore {
    const { versions = false, order = 'complete' } = this.s3.options;
    const bucket: Bucket = {
      name: 'files',
      place: 'memory',
      profile: { ...presets.aws, order },
      keepsVersions: versions,
      keyPrefix: '',
      making: {},
      sizes: { partSize, budget: 64 * 1024 * 1024, partsInFlight: 2, largestCopy: partSize, copyPartSize: partSize },
      clock: this.clock,
      ids: countingIds('request-'),
      log: quietLog,
      budget: new RetryBudget(),
      send: send as unknown as Send,
      renewCredentials: () => undefined,
    };
    return s3ObjectStore(bucket);
  }
}

/** Small, so that what is tried in many parts moves few bytes. */
const partSize = 32 * 1024;
/** Milliseconds. */
const latest = 20_000;

/** As the SDK tells that no answer came in time. */
function unanswered(): Error {
  return Object.assign(new Error('the connection timed out'), { name: 'TimeoutError' });
}
