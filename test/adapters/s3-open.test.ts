import { randomIds } from '../../runtime/adapters/random-ids';
import { explain, outcomeOf } from '../../runtime/adapters/s3/errors';
import { openS3Store, type S3Options } from '../../runtime/adapters/s3/open-s3-store';
import { costsOf, presetOf, presets } from '../../runtime/adapters/s3/profile';
import { systemClock } from '../../runtime/adapters/system-clock';
import { quietLog } from '../support/filesystem';
import { versitygwKeys } from '../support/servers/versitygw';
import { budget, makeBucket, openBucket } from './s3-fixture';
import { describeOn, moto, versitygw } from './s3-servers';

const open = (options: Partial<S3Options> & { bucket: string }) =>
  openS3Store({ credentials: versitygwKeys, bufferBudget: budget, ...options }, { clock: systemClock, ids: randomIds, log: quietLog });

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

describeOn(versitygw, (running) => {
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
      exchange: () => undefined,
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

it.each([
  ['PermanentRedirect', 301, /lies in another region/],
  ['AuthorizationHeaderMalformed', 400, /lies in another region/],
  ['RequestTimeTooSkewed', 403, /clock of this machine differs/],
  ['ExpiredToken', 400, /have expired/],
  ['InvalidAccessKeyId', 403, /is not known/],
  ['AccessDenied', 403, /no rights on the bucket b/],
  ['CredentialsProviderError', undefined, /no credentials .* were found/],
  ['TimeoutError', undefined, /does not answer in time/],
])('an operator reads what %s means', (name, httpStatusCode, expected) => {
  const error = Object.assign(new Error(''), { name, $metadata: { httpStatusCode } });
  expect(explain(error, { bucket: 'b', place: 'here' })).toMatch(expected);
});

it.each([
  [{ name: 'PreconditionFailed' }, 'refused'],
  [{ name: '412', $metadata: { httpStatusCode: 412 } }, 'refused'],
  [{ name: 'NoSuchUpload' }, 'gone'],
  [{ name: 'Unknown', $metadata: { httpStatusCode: 404 } }, 'gone'],
  [{ name: 'SlowDown', $metadata: { httpStatusCode: 503 } }, 'not-applied'],
  [{ name: 'ServiceUnavailable', $metadata: { httpStatusCode: 503 } }, 'unknown'],
  [{ name: 'InternalError', $metadata: { httpStatusCode: 200 } }, 'unknown'],
  [{ name: 'Error', code: 'ECONNREFUSED' }, 'not-applied'],
  [{ name: 'Error', code: 'ECONNRESET' }, 'unknown'],
  [{ name: 'TimeoutError' }, 'unknown'],
  [{ name: 'KMS.DisabledException', $metadata: { httpStatusCode: 400 } }, 'denied'],
  [{ name: 'InvalidPart', $metadata: { httpStatusCode: 400 } }, 'fault'],
])('%j is %s', (error, outcome) => expect(outcomeOf(error)).toBe(outcome));

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
