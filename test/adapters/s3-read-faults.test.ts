import { PutObjectCommand } from '@aws-sdk/client-s3';
import { Failure } from '../../runtime/model/failure';
import type { Found } from '../../runtime/ports/object-store';
import { contentOf, kindOf, never, putObject, readAll } from '../contracts/store-under-test';
import type { S3Fault } from '../support/s3-fault-proxy';
import { type Between, openBetween } from './s3-between';
import { describeOn, versitygw } from './s3-servers';

/** Reading: a cut between the bucket and us is not seen by whoever reads. */
describeOn(versitygw, (server) => {
  let between: Between;
  let found: Found;
  const content = contentOf(4_500_000);

  beforeEach(async () => {
    between = await openBetween(server().endpoint);
    found = await putObject({ store: between.direct, buffers: between.buffers } as never, 'acme/a', content);
    between.proxy.forget();
  });

  afterEach(() => between.close());

  it.each<[string, S3Fault[], number]>([
    ['is cut once', ['cut-answer'], 2],
    ['is cut again and again', ['cut-answer', 'cut-answer', 'cut-answer'], 4],
    ['is not answered at first', ['drop-before', { code: 'SlowDown', status: 503 }], 3],
    ['goes silent in the middle', ['stall-answer'], 2],
  ])('goes on from the last byte when it %s', async (_, faults, requests) => {
    between.proxy.plan('GetObject', ...faults);
    expect((await readAll(between.store, 'acme/a', found.version, 10))?.equals(content.subarray(10))).toBe(true);
    const asked = between.proxy.of('GetObject');
    expect(asked).toHaveLength(requests);
    for (const { headers } of asked)
      expect(headers).toMatchObject({ 'if-match': expect.any(String), range: expect.stringMatching(/^bytes=\d+-$/) });
  });

  it('says so when the object is replaced between two answers, and mixes no bytes', async () => {
    const { proxy, client, bucket, store } = between;
    const replace = () => client.send(new PutObjectCommand({ Bucket: bucket, Key: 'in/acme/a', Body: contentOf(4_500_000, 2) }));
    proxy.plan('GetObject', 'cut-answer', { first: replace, next: 'pass' });
    expect(await kindOf(readAll(store, 'acme/a', found.version))).toBe('busy');
  });

  it('gives up after so many cuts without a byte', async () => {
    between.proxy.plan('GetObject', 'cut-answer');
    between.proxy.keep('GetObject', 'drop-before');
    expect(await kindOf(readAll(between.store, 'acme/a', found.version))).toBe('store-unavailable');
  });

  it('stops when its signal says so, also while nothing comes', async () => {
    const abort = new AbortController();
    between.proxy.keep('GetObject', 'stall-answer');
    const chunks = (await between.store.read('acme/a', found.version, 0, abort.signal)) as AsyncIterable<Buffer>;
    setImmediate(() => abort.abort(new Failure('aborted', 'Stopped.')));
    const drain = async () => {
      for await (const _ of chunks);
    };
    expect(await kindOf(drain())).toBe('aborted');
  });

  it('holds no more than a reader takes', async () => {
    const chunks = (await between.direct.read('acme/a', found.version, 0, never)) as AsyncIterable<Buffer>;
    let most = 0;
    let total = 0;
    for await (const chunk of chunks) {
      most = Math.max(most, chunk.length);
      total += chunk.length;
    }
    expect(most).toBeLessThanOrEqual(1024 * 1024);
    expect(total).toBe(content.length);
  });
});
