import {
  CreateBucketCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  PutObjectLockConfigurationCommand,
} from '@aws-sdk/client-s3';
import { BudgetedPartBuffers } from '../../runtime/adapters/memory/budgeted-part-buffers';
import { randomIds } from '../../runtime/adapters/random-ids';
import { RetryBudget } from '../../runtime/adapters/s3/attempts';
import type { Bucket } from '../../runtime/adapters/s3/bucket';
import { checkBucket } from '../../runtime/adapters/s3/check-bucket';
import { createBucket } from '../../runtime/adapters/s3/create-bucket';
import { openS3Store, type S3Options } from '../../runtime/adapters/s3/open-s3-store';
import { costsOf, presetOf, presets } from '../../runtime/adapters/s3/profile';
import { systemClock } from '../../runtime/adapters/system-clock';
import { contentOf, readAll, send } from '../contracts/store-under-test';
import { noWait, quietLog } from '../support/filesystem';
import { type S3Fault, S3FaultProxy } from '../support/s3-fault-proxy';
import { versitygwKeys } from '../support/servers/versitygw';
import { budget, makeBucket, openBucket, unit } from './s3-fixture';
import { describeOn, moto, versitygw } from './s3-servers';

const open = (options: Partial<S3Options> & { bucket: string }) =>
  openS3Store({ credentials: versitygwKeys, bufferBudget: budget, ...options }, { clock: systemClock, ids: randomIds, log: quietLog });

const denied: S3Fault = { code: 'AccessDenied', status: 403 };

describe.each([
  [versitygw, presets.versitygw],
  [moto, presets.moto],
] as const)('opening a bucket', (server, preset) => {
  describeOn(server, (running) => {
    it('finds out what the store can do, as its preset says, and leaves nothing there', async () => {
      const { name, client } = await makeBucket(running().endpoint);
      const opened = await openBucket(running().endpoint, name, { profile: 'auto' });
      expect({ ...opened.profile, name: preset.name }).toEqual(preset);
      const keys: string[] = [];
      for await (const { key } of opened.store.list?.('') ?? []) keys.push(key);
      expect(keys).toEqual([]);
      opened.close();
      client.destroy();
    });

    it('says in one line that there is no such bucket', async () => {
      expect(await open({ bucket: 'no-such-bucket', endpoint: running().endpoint })).toEqual({
        faults: [expect.stringMatching(/^there is no bucket no-such-bucket in us-east-1 at http/)],
      });
    });
  });
});

describe.each([
  [
    versitygw,
    [expect.stringMatching(/^a key that was deleted cannot be written again in the bucket bucket-.*: let the bucket keep no versions$/)],
  ],
  [moto, undefined],
] as const)('a bucket that keeps versions', (server, faults) => {
  describeOn(server, (running) => {
    it('is tried out for whether what was deleted can be written again', async () => {
      const { name, client } = await makeBucket(running().endpoint, true);
      const opened = await open({ bucket: name, endpoint: running().endpoint, profile: 'versitygw', rights: 'everything' });
      expect('faults' in opened ? opened.faults : undefined).toEqual(faults);
      if ('store' in opened) opened.close();
      client.destroy();
    });
  });
});

describeOn(moto, (running) => {
  it.each<[string, S3Fault[], string]>([
    ['GetObject', ['pass', denied], 'read versions of objects'],
    ['ListObjectVersions', [denied], 'list the versions of a key'],
  ])('in a bucket that keeps versions %s is missed too', async (operation, faults, what) => {
    const { name, client } = await makeBucket(running().endpoint, true);
    const proxy = await S3FaultProxy.open(running().endpoint);
    proxy.plan(operation, ...faults);
    expect(await open({ bucket: name, endpoint: proxy.endpoint, profile: 'moto', rights: 'everything' })).toEqual({
      faults: [expect.stringMatching(new RegExp(`^no rights to ${what} in the bucket ${name} in us-east-1 at .*AccessDenied$`))],
    });
    await proxy.close();
    client.destroy();
  });

  it('a bucket whose objects are locked is tried out and written to', async () => {
    const { client } = await makeBucket(running().endpoint);
    const Bucket = `locked-${process.pid}`;
    await client.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: true }));
    const Rule = { DefaultRetention: { Mode: 'GOVERNANCE', Days: 1 } } as const;
    await client.send(new PutObjectLockConfigurationCommand({ Bucket, ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled', Rule } }));
    const { store, report, close } = await openBucket(running().endpoint, Bucket, { profile: 'auto', rights: 'everything' });
    expect(report).toMatchObject({ keepsVersions: true, notes: expect.arrayContaining([expect.stringMatching(/locked for 1 days/)]) });
    const buffers = new BudgetedPartBuffers(budget, noWait, store.smallestBuffer);
    for (const [storedKey, content] of [
      ['acme/small', contentOf(1_000)],
      ['acme/large', contentOf(unit + 1_000)],
    ] as const) {
      const writer = store.begin({ token: `t-${storedKey}`, storedKey, partner: 'acme', admission: buffers.admit('acme') });
      await send(writer, content);
      await writer.settle();
      const { version } = (await writer.complete(undefined)) as { version: string };
      expect((await readAll(store, storedKey, version))?.equals(content)).toBe(true);
    }
    close();
    client.destroy();
  });
});

describeOn(versitygw, (running) => {
  describe('the rights that are tried before a bucket is used', () => {
    let proxy: S3FaultProxy;
    let bucket: Awaited<ReturnType<typeof makeBucket>>;
    const left = async () => {
      const objects = await bucket.client.send(new ListObjectsV2Command({ Bucket: bucket.name }));
      const uploads = await bucket.client.send(new ListMultipartUploadsCommand({ Bucket: bucket.name }));
      return [...(objects.Contents ?? []), ...(uploads.Uploads ?? [])];
    };

    beforeEach(async () => {
      proxy = await S3FaultProxy.open(running().endpoint);
      bucket = await makeBucket(running().endpoint);
    });

    afterEach(async () => {
      bucket.client.destroy();
      await proxy.close();
    });

    const openWith = (options: Partial<S3Options>) =>
      open({ bucket: bucket.name, endpoint: proxy.endpoint, profile: 'versitygw', ...options });

    it.each<[string, 'begin' | 'everything', string]>([
      ['CreateMultipartUpload', 'begin', 'store objects'],
      ['AbortMultipartUpload', 'begin', 'end an upload'],
      ['CreateMultipartUpload', 'everything', 'store objects'],
      ['ListParts', 'everything', 'list the parts of an upload'],
      ['PutObject', 'everything', 'store objects'],
      ['GetObject', 'everything', 'read objects'],
      ['ListMultipartUploads', 'everything', 'list the uploads of a key'],
      ['DeleteObject', 'everything', 'remove objects'],
    ])('%s is missed by %s, whatever the profile', async (operation, rights, what) => {
      proxy.keep(operation, denied);
      expect(await openWith({ rights })).toEqual({
        faults: [expect.stringMatching(new RegExp(`^no rights to ${what} in the bucket ${bucket.name} in us-east-1 at .*AccessDenied$`))],
      });
    });

    it.each<[string, Partial<S3Options>, string, RegExp]>([
      [
        'InvalidStorageClass',
        { storageClass: 'NONSENSE' },
        'CreateMultipartUpload',
        /does not store objects as set by CAUSEWAY_S3_STORAGE_CLASS:/,
      ],
      ['InvalidTag', { tags: 'a=b', kmsKey: 'k' }, 'CreateMultipartUpload', /as set by CAUSEWAY_S3_KMS_KEY, CAUSEWAY_S3_TAGS:/],
      ['KMS.DisabledException', { kmsKey: 'k' }, 'CreateMultipartUpload', /as set by CAUSEWAY_S3_KMS_KEY:/],
    ])('%s names the settings that it may come from', async (code, options, operation, expected) => {
      proxy.keep(operation, { code, status: 400 });
      expect(await openWith({ rights: 'begin', ...options })).toEqual({ faults: [expect.stringMatching(expected)] });
    });

    it('are tried with what new objects get', async () => {
      const opened = await openWith({ rights: 'everything', tags: 'a=b', storageClass: 'STANDARD' });
      if ('faults' in opened) throw new Error(opened.faults.join());
      opened.close();
      for (const operation of ['CreateMultipartUpload', 'PutObject'])
        expect(proxy.of(operation)[0]?.headers).toMatchObject({ 'x-amz-tagging': 'a=b', 'x-amz-storage-class': 'STANDARD' });
    });

    it.each(['begin', 'everything'] as const)('leave nothing in the bucket (%s); a start stores no object at all', async (rights) => {
      const opened = await openWith({ rights });
      if ('faults' in opened) throw new Error(opened.faults.join());
      opened.close();
      expect(await left()).toEqual([]);
      expect(proxy.of('PutObject')).toHaveLength(rights === 'begin' ? 0 : 1);
    });

    it('are not tried for whoever only looks', async () => {
      for (const operation of ['CreateMultipartUpload', 'PutObject', 'DeleteObject']) proxy.keep(operation, denied);
      const opened = await openWith({});
      expect(opened).toHaveProperty('store');
      if ('store' in opened) opened.close();
    });

    it('what is tried out there is no file, whatever the events of the bucket say', async () => {
      const opened = await openWith({ rights: 'begin' });
      if ('faults' in opened) throw new Error(opened.faults.join());
      await bucket.client.send(new PutObjectCommand({ Bucket: bucket.name, Key: '.causeway-probe/t', Body: 'x' }));
      expect(await opened.store.look('.causeway-probe/t')).toBeUndefined();
      opened.close();
    });
  });

  it.each([
    [-3_600_000, /the clock of this machine is (3599|3600) s ahead of that of us-east-1 at .*: set it by NTP/],
    [+3_600_000, /the clock of this machine is (3599|3600) s behind that of us-east-1 at .*: set it by NTP/],
  ])('a store whose clock is %d ms off is not used', async (ahead, expected) => {
    const proxy = await S3FaultProxy.open(running().endpoint);
    const { name, client } = await makeBucket(running().endpoint);
    proxy.ahead = ahead;
    expect(await open({ bucket: name, endpoint: proxy.endpoint, profile: 'versitygw' })).toEqual({
      faults: [expect.stringMatching(expected)],
    });
    client.destroy();
    await proxy.close();
  });

  it('a store that is slow to answer is not taken for one whose clock is wrong', async () => {
    const proxy = await S3FaultProxy.open(running().endpoint);
    const { name, client } = await makeBucket(running().endpoint);
    let now = Date.now();
    const clock = { ...systemClock, now: () => now };
    const later = () => {
      now += 9_000;
    };
    // Answered at once and received nine seconds later.
    proxy.keep('ListObjectsV2', { first: later, next: 'pass' });
    const opened = await openS3Store(
      { bucket: name, endpoint: proxy.endpoint, profile: 'versitygw', credentials: versitygwKeys, bufferBudget: budget },
      { clock, ids: randomIds, log: quietLog },
    );
    expect(opened).toHaveProperty('store');
    if ('store' in opened) opened.close();
    client.destroy();
    await proxy.close();
  });

  it.each([
    ['keys that are unknown', { credentials: { ...versitygwKeys, accessKeyId: 'nobody' } }, /access key .* is not known/],
    ['a name that no bucket can have', { bucket: 'No_Bucket' }, /the bucket No_Bucket in .* cannot be used: (?!UnknownError)/],
  ])('a bucket with %s is not made, and why is told in one line', async (_, options, expected) => {
    const make = createBucket({ bucket: 'never', endpoint: running().endpoint, credentials: versitygwKeys, ...options });
    await expect(make).rejects.toThrow(expected);
  });

  it.each([
    ['the secret is wrong', { credentials: { ...versitygwKeys, secretAccessKey: 'wrong' } }, /secret key .* is wrong|no rights/],
    ['the account is unknown', { credentials: { ...versitygwKeys, accessKeyId: 'nobody' } }, /is not known/],
  ])('says in one line that %s', async (_, options, expected) => {
    const { name, client } = await makeBucket(running().endpoint);
    expect(await open({ bucket: name, endpoint: running().endpoint, ...options })).toEqual({ faults: [expect.stringMatching(expected)] });
    client.destroy();
  });

  it('answers names that the store cannot hold', async () => {
    const { name, client } = await makeBucket(running().endpoint);
    const { store, close } = await openBucket(running().endpoint, name, { profile: 'versitygw' });
    const admission = {
      take: (size: number) => Buffer.alloc(size),
      available: async () => undefined,
      give: () => undefined,
      end: () => undefined,
    };
    const put = async (storedKey: string) => {
      const writer = store.begin({ token: `t-${storedKey}`, storedKey, partner: 'acme', admission });
      writer.accept(Buffer.from('x'));
      await writer.settle();
      return writer.complete(undefined);
    };
    await put('acme/file');
    await put('acme/folder/file');
    await expect(put('acme/file/below')).rejects.toMatchObject({ kind: 'not-a-directory' });
    expect(await store.look('acme/file/below')).toBeUndefined();
    expect(await store.look('acme/folder')).toBeUndefined();
    await expect(put('acme/folder')).rejects.toMatchObject({ kind: 'is-a-directory' });
    close();
    client.destroy();
  });
});

it('says in one line that nobody answers', async () => {
  const opened = await open({ bucket: 'any', endpoint: 'http://127.0.0.1:1' });
  expect(opened).toEqual({ faults: [expect.stringMatching(/^nobody answers at the endpoint of the bucket any/)] });
});

it('a bucket of which nobody may ask whether it keeps versions is not said to keep none', async () => {
  const send = async (command: object) => {
    if (command.constructor.name !== 'GetBucketVersioningCommand') return {};
    throw Object.assign(new Error('no'), { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } });
  };
  const bucket = { name: 'b', place: 'here', keyPrefix: '', clock: systemClock, budget: new RetryBudget(), send };
  const { notes } = await checkBucket(bucket as unknown as Bucket);
  expect(notes).toEqual(
    expect.arrayContaining(['whether it keeps versions cannot be read (no rights)', 'it is used like a bucket that keeps no versions']),
  );
  expect(notes).not.toContain('versions are not kept');
});

it.each([
  ['DAYS', { Days: 30 }, 'objects are locked for 30 days (COMPLIANCE): deletes leave a marker'],
  ['YEARS', { Years: 2 }, 'objects are locked for 2 years (COMPLIANCE): deletes leave a marker'],
])('a retention in %s is told as one', async (_, retention, expected) => {
  const lock = { ObjectLockConfiguration: { Rule: { DefaultRetention: { Mode: 'COMPLIANCE', ...retention } } } };
  const answers: Record<string, object> = { GetObjectLockConfigurationCommand: lock };
  const send = async (command: object) => answers[command.constructor.name] ?? {};
  const bucket = { name: 'b', place: 'here', keyPrefix: '', clock: systemClock, budget: new RetryBudget(), send };
  expect((await checkBucket(bucket as unknown as Bucket)).notes).toContain(expected);
});

it.each([
  [undefined, 'aws'],
  ['https://s3.eu-central-1.amazonaws.com', 'aws'],
  ['https://account.r2.cloudflarestorage.com', 'r2'],
  ['http://127.0.0.1:9000', undefined],
])('a store at %s is taken for %s', (endpoint, name) => expect(presetOf(endpoint)).toBe(name));

it('every fact that is missing has its price', () => {
  expect(costsOf(presets.aws, true)).toEqual([]);
  const nothing = Object.fromEntries(Object.entries(presets.aws).map(([fact, has]) => [fact, has === true ? false : has]));
  expect(costsOf({ ...presets.aws, ...nothing, equalParts: true }, false)).toHaveLength(10);
});
