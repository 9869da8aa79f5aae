import { untilAnswered } from '../../runtime/adapters/dynamodb/attempts';
import { openDynamo } from '../../runtime/adapters/dynamodb/open-dynamodb';
import { ProcessMetrics } from '../../runtime/adapters/process-metrics';
import { randomIds } from '../../runtime/adapters/random-ids';
import { RetryBudget, untilAnswered as untilS3Answered } from '../../runtime/adapters/s3/attempts';
import type { Bucket } from '../../runtime/adapters/s3/bucket';
import { quietLog } from '../support/filesystem';
import { IdleClock } from '../support/idle-clock';

/** A request that failed is counted once, after its last attempt: those in between are nobody's concern. */
const nobody = 'http://127.0.0.1:9';
const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };

function failing(times: number, error: Error): () => Promise<string> {
  let left = times;
  return async () => {
    if (left-- > 0) throw error;
    return 'done';
  };
}

const throttled = Object.assign(new Error('too many'), { name: 'ThrottlingException' });

describe('of a table', () => {
  function open() {
    const metrics = new ProcessMetrics();
    const dynamo = openDynamo(
      { table: 't', endpoint: nobody, credentials },
      { clock: new IdleClock(), ids: randomIds, log: quietLog, metrics },
    );
    return { metrics, dynamo };
  }

  it('one that is answered in the end is not counted', async () => {
    const { metrics, dynamo } = open();
    expect(await untilAnswered(dynamo, failing(3, throttled))).toBe('done');
    expect(metrics.totals()).toEqual({});
  });

  it('one that is given up is counted once', async () => {
    const { metrics, dynamo } = open();
    await expect(untilAnswered(dynamo, failing(100, throttled))).rejects.toMatchObject({ kind: 'store-unavailable' });
    expect(metrics.totals()).toEqual({ 'dynamodb.errors': 1 });
  });

  it('one whose credentials have expired is sent again with new ones', async () => {
    let given = 0;
    const provider = async () => ({ accessKeyId: `key-${++given}`, secretAccessKey: 'b' });
    const dynamo = openDynamo(
      { table: 't', endpoint: nobody, credentials: provider },
      { clock: new IdleClock(), ids: randomIds, log: quietLog },
    );
    const sentWith: string[] = [];
    const request = async () => {
      sentWith.push((await dynamo.client.config.credentials()).accessKeyId);
      if (sentWith.length === 1) throw Object.assign(new Error('expired'), { name: 'ExpiredTokenException' });
      return 'done';
    };
    expect(await untilAnswered(dynamo, request)).toBe('done');
    expect(sentWith).toEqual(['key-1', 'key-2']);
  });
});

describe('of a bucket', () => {
  const surroundings = () => ({ clock: new IdleClock(), ids: randomIds, log: quietLog });

  it('is counted once, and not when the caller expects the error', async () => {
    let failed = 0;
    const bucket = { ...surroundings(), budget: new RetryBudget(), onFailed: () => failed++ } as unknown as Bucket;
    expect(await untilS3Answered(bucket, failing(3, throttled))).toBe('done');
    const gone = Object.assign(new Error('gone'), { name: 'NoSuchKey' });
    await expect(untilS3Answered(bucket, failing(1, gone), 'gone')).rejects.toBe(gone);
    expect(failed).toBe(0);
    await expect(untilS3Answered(bucket, failing(100, throttled))).rejects.toMatchObject({ kind: 'store-unavailable' });
    expect(failed).toBe(1);
  });

  it('is repeated as often as need be where a third of all fail, and hardly where all do', async () => {
    const bucket = { ...surroundings(), budget: new RetryBudget() } as unknown as Bucket;
    const busy = Object.assign(new Error('slow down'), { name: 'SlowDown', $metadata: { httpStatusCode: 503 } });
    let asked = 0;
    const flaky = async () => {
      if (asked++ % 3 === 0) throw busy;
      return 'done';
    };
    for (let request = 0; request < 2_000; request++) expect(await untilS3Answered(bucket, flaky)).toBe('done');
    asked = 0;
    const down = async () => {
      asked++;
      throw busy;
    };
    for (let request = 0; request < 1_000; request++) await untilS3Answered(bucket, down).catch(() => undefined); // That it fails is the point.
    expect(asked).toBeLessThan(1_300);
  });

  it('HEAD that is refused without a word may be for credentials that have expired: it is sent again with new ones', async () => {
    let renewed = 0;
    const bucket = { ...surroundings(), budget: new RetryBudget(), renewCredentials: () => renewed++ } as unknown as Bucket;
    const wordless = Object.assign(new Error('Unknown'), { name: 'Unknown', $metadata: { httpStatusCode: 400 } });
    expect(await untilS3Answered(bucket, failing(1, wordless))).toBe('done');
    expect(renewed).toBe(1);
    await expect(untilS3Answered(bucket, failing(100, wordless))).rejects.toMatchObject({ kind: 'store-unavailable' });
  });
});
