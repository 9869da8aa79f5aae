import { PutObjectCommand } from '@aws-sdk/client-s3';
import type { Found, ObjectWriter } from '../../runtime/ports/object-store';
import { contentOf, kindOf, readAll, send } from '../contracts/store-under-test';
import type { S3Fault } from '../support/s3-fault-proxy';
import { type Between, openBetween } from './s3-between';
import { unit } from './s3-fixture';
import { describeOn, versitygw } from './s3-servers';

/** The requests that make or remove an object: one without an answer is told to the caller, and its repetition finds out what became of it. */
describeOn(versitygw, (server) => {
  let between: Between;

  beforeEach(async () => {
    between = await openBetween(server().endpoint);
  });

  afterEach(() => between.close());

  const large = contentOf(2 * unit + 10);
  const small = contentOf(2_000);

  const settledWriter = async (content: Buffer, token?: string): Promise<{ writer: ObjectWriter; of: ReturnType<Between['upload']> }> => {
    const of = between.upload('acme/a', token);
    const writer = between.store.begin(of);
    await send(writer, content);
    await writer.settle();
    between.proxy.forget();
    return { writer, of };
  };

  const expectContent = async (content: Buffer) => {
    const found = (await between.direct.look('acme/a')) as Found;
    expect((await readAll(between.direct, 'acme/a', found.version))?.equals(content)).toBe(true);
  };

  const unknown: [string, S3Fault][] = [
    ['its answer is lost', 'drop-after'],
    ['it is lost', 'drop-before'],
    ['its answer does not come', 'stall-after'],
    ['the store fails', { code: 'InternalError', status: 500 }],
    ['the store fails after it was applied', { code: 'InternalError', status: 500, applied: true }],
    ['a good answer has an error in it', { code: 'InternalError', status: 200 }],
    ['a good answer has an error in it, and it was applied', { code: 'InternalError', status: 200, applied: true }],
    ['its answer is cut', 'cut-answer'],
  ];

  describe('a completion', () => {
    it.each(unknown)('is told as unknown when %s, and repeated it succeeds', async (_, fault) => {
      const { writer } = await settledWriter(large);
      between.proxy.plan('CompleteMultipartUpload', fault);
      expect(await kindOf(writer.complete(undefined))).toBe('store-unavailable');
      expect(between.proxy.of('CompleteMultipartUpload')).toHaveLength(1);
      expect(await writer.complete(undefined)).toEqual({ version: (await between.direct.look('acme/a'))?.version });
      await expectContent(large);
    });

    it('is recognised by its token where the store does not know the upload any more', async () => {
      const { writer } = await settledWriter(large);
      between.proxy.plan('CompleteMultipartUpload', 'drop-after', { code: 'NoSuchUpload', status: 404 });
      expect(await kindOf(writer.complete(undefined))).toBe('store-unavailable');
      expect(await writer.complete(undefined)).toHaveProperty('version');
    });

    it('that lost its upload without being applied has not succeeded', async () => {
      const { writer, of } = await settledWriter(large);
      between.proxy.plan('CompleteMultipartUpload', 'drop-before');
      expect(await kindOf(writer.complete(undefined))).toBe('store-unavailable');
      await between.direct.discard(of.token, 'acme/a', writer.progress());
      expect(await writer.complete(undefined)).toEqual({ overtaken: undefined });
    });

    it.each<[string, S3Fault[]]>([
      [
        'the store is busy',
        [
          { code: 'SlowDown', status: 503 },
          { code: 'SlowDown', status: 503 },
        ],
      ],
      ['credentials have expired', [{ code: 'ExpiredToken', status: 400 }]],
      ['another change is under way', [{ code: 'ConditionalRequestConflict', status: 409 }]],
    ])('is sent again at once when %s: nothing was applied', async (_, faults) => {
      const { writer } = await settledWriter(large);
      between.proxy.plan('CompleteMultipartUpload', ...faults);
      expect(await writer.complete(undefined)).toHaveProperty('version');
    });

    it('of other bytes than were received is refused by the store, for good', async () => {
      const { writer } = await settledWriter(large);
      between.proxy.plan('CompleteMultipartUpload', { code: 'BadDigest', status: 400 });
      expect(await kindOf(writer.complete(undefined))).toBe('not-stored');
      expect(await between.direct.look('acme/a')).toBeUndefined();
    });

    it('carries size and checksum of the whole', async () => {
      const { writer } = await settledWriter(large);
      await writer.complete(undefined);
      expect(between.proxy.of('CompleteMultipartUpload')[0]?.headers).toMatchObject({
        'x-amz-mp-object-size': String(large.length),
        'x-amz-checksum-crc32': expect.any(String),
        'x-amz-checksum-type': 'FULL_OBJECT',
      });
    });

    it('whose object another one replaced before it was confirmed is overtaken', async () => {
      const { writer } = await settledWriter(large);
      const { client, bucket, proxy, direct } = between;
      const place = () =>
        client.send(new PutObjectCommand({ Bucket: bucket, Key: 'in/acme/a', Body: 'placed', Metadata: { by: 'others' } }));
      proxy.plan('HeadObject', { first: place, next: 'pass' });
      expect(await writer.complete(undefined)).toEqual({ overtaken: await direct.look('acme/a') });
    });

    it('whose object a consumer took before it was confirmed is a delivery', async () => {
      const { writer } = await settledWriter(large);
      const take = async () => between.direct.remove('acme/a', (await between.direct.look('acme/a'))?.version ?? '');
      between.proxy.plan('HeadObject', { first: take, next: 'pass' });
      expect(await writer.complete(undefined)).toBe('taken');
    });
  });

  describe('a completion that continues an object', () => {
    const appended = async () => {
      const { store, direct, upload } = between;
      const first = direct.begin(upload('acme/a'));
      await send(first, large);
      await first.settle();
      await first.complete(undefined);
      const base = (await direct.look('acme/a')) as Found;
      const writer = await store.append(upload('acme/a'), { storedKey: 'acme/a', version: base.version, size: base.size });
      await send(writer, small);
      await writer.settle();
      return { writer, base };
    };

    it('does not replace what somebody has put there meanwhile, and leaves nothing', async () => {
      const { writer, base } = await appended();
      const { client, bucket, direct } = between;
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: 'in/acme/a', Body: 'placed' }));
      expect(await writer.complete(base.version)).toEqual({ overtaken: await direct.look('acme/a') });
      expect(await kindOf(between.store.resume(between.upload(), writer.progress()))).toBe('restart-not-possible');
    });

    it('is recognised when its answer was lost and its condition does not hold any more', async () => {
      const { writer, base } = await appended();
      between.proxy.plan('CompleteMultipartUpload', 'drop-after', { code: 'PreconditionFailed', status: 412 });
      expect(await kindOf(writer.complete(base.version))).toBe('store-unavailable');
      expect(await writer.complete(base.version)).toEqual({ version: (await between.direct.look('acme/a'))?.version });
    });

    it('keeps its condition through a resume by another task', async () => {
      const { direct, upload, client, bucket } = between;
      const { writer, base } = await appended();
      const parked = await writer.park();
      const next = await direct.resume(upload('acme/a'), parked);
      await send(next, contentOf(unit, 3));
      await next.settle();
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: 'in/acme/a', Body: 'placed' }));
      expect(await next.complete(base.version)).toEqual({ overtaken: await direct.look('acme/a') });
    });
  });

  describe('a put', () => {
    it.each(unknown.filter(([text]) => !text.includes('good answer')))(
      'is told as unknown when %s, and repeated it succeeds',
      async (_, fault) => {
        const { writer } = await settledWriter(small);
        // A put has no body in its answer that could be cut.
        between.proxy.plan('PutObject', fault === 'cut-answer' ? 'drop-after' : fault);
        expect(await kindOf(writer.complete(undefined))).toBe('store-unavailable');
        expect(between.proxy.of('PutObject')).toHaveLength(1);
        expect(await writer.complete(undefined)).toEqual({ version: (await between.direct.look('acme/a'))?.version });
        await expectContent(small);
        expect(between.buffers.used).toBe(0);
      },
    );

    it('that has not landed is lost to whoever has only the record, and found when it has', async () => {
      const { writer, of } = await settledWriter(small);
      const settled = await writer.settle();
      expect(await between.direct.completeSettled(of, writer.progress(), settled, undefined)).toBe('lost');
      await writer.complete(undefined);
      expect(await between.direct.completeSettled(of, writer.progress(), settled, undefined)).toHaveProperty('version');
    });

    it('carries a checksum and its condition', async () => {
      const { writer } = await settledWriter(small);
      await writer.complete(undefined);
      expect(between.proxy.of('PutObject')[0]?.headers).toMatchObject({ 'x-amz-checksum-crc32': expect.any(String), 'if-none-match': '*' });
    });

    it.each([
      ['AccessDenied', 403],
      ['InvalidStorageClass', 400],
    ])('is sent once and told as refused when the store answers %s', async (code, status) => {
      const { writer } = await settledWriter(small);
      between.proxy.plan('PutObject', { code, status });
      expect(await writer.complete(undefined)).toEqual({ refused: expect.objectContaining({ kind: 'not-stored' }) });
      expect(between.proxy.of('PutObject')).toHaveLength(1);
      expect(await between.direct.look('acme/a')).toBeUndefined();
    });

    it('is repeated when another change is under way', async () => {
      const { writer } = await settledWriter(small);
      between.proxy.plan('PutObject', { code: 'ConditionalRequestConflict', status: 409 });
      expect(await writer.complete(undefined)).toHaveProperty('version');
    });

    it('says that what it should replace has gone', async () => {
      const before = await settledWriter(small);
      await before.writer.complete(undefined);
      const { version } = (await between.direct.look('acme/a')) as Found;
      const { writer } = await settledWriter(large.subarray(0, 3_000));
      await between.direct.remove('acme/a', version);
      expect(await writer.complete(version)).toBe('vanished');
      expect(await writer.complete(undefined)).toHaveProperty('version');
    });
  });

  describe('a delete', () => {
    it.each(unknown.slice(0, 4))('is told as unknown when %s, and repeated it succeeds', async (_, fault) => {
      const { writer } = await settledWriter(small);
      await writer.complete(undefined);
      const { version } = (await between.direct.look('acme/a')) as Found;
      between.proxy.plan('DeleteObject', fault);
      expect(await kindOf(between.store.remove('acme/a', version))).toBe('store-unavailable');
      expect(['removed', 'absent']).toContain(await between.store.remove('acme/a', version));
      expect(await between.direct.look('acme/a')).toBeUndefined();
    });

    it('never names the id of a version', async () => {
      const { writer } = await settledWriter(small);
      await writer.complete(undefined);
      const { version } = (await between.direct.look('acme/a')) as Found;
      await between.store.remove('acme/a', version);
      expect(between.proxy.of('DeleteObject').map(({ url }) => url.includes('versionId'))).toEqual([false]);
      expect(between.proxy.of('DeleteObject')[0]?.headers['if-match']).toBeDefined();
    });
  });
});
