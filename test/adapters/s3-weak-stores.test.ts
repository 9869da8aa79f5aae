import { PutObjectCommand } from '@aws-sdk/client-s3';
import { presets, type StoreProfile } from '../../runtime/adapters/s3/profile';
import type { Found } from '../../runtime/ports/object-store';
import { contentOf, crcOf, kindOf, readAll, send } from '../contracts/store-under-test';
import { type Between, openBetween } from './s3-between';
import { budget, unit } from './s3-fixture';
import { describeOn, versitygw } from './s3-servers';

/** Stores that can do less, played by one that can do more: the profile says what may be asked of them. */
describeOn(versitygw, (server) => {
  let between: Between | undefined;

  const open = async (profile: Partial<StoreProfile>, options: object = {}) => {
    between = await openBetween(server().endpoint, { profile: { ...presets.versitygw, ...profile }, ...options });
    return between;
  };

  afterEach(() => between?.close());

  const put = async ({ store, direct, upload }: Between, content: Buffer): Promise<Found> => {
    const writer = store.begin(upload());
    await send(writer, content);
    await writer.settle();
    expect(await writer.complete(undefined)).toHaveProperty('version');
    const found = (await direct.look('acme/a')) as Found;
    expect((await readAll(direct, 'acme/a', found.version))?.equals(content)).toBe(true);
    return found;
  };

  describe('a store that wants parts of one size', () => {
    const sizes = ({ proxy }: Between) => proxy.of('UploadPart').map(({ bytes }) => bytes);

    it('is not asked to go on with parts that are larger than all memory, since the budget was lowered', async () => {
      const { store, upload } = await open({ ...presets.r2, conditionalDelete: true });
      const of = upload();
      const writer = store.begin(of);
      await send(writer, contentOf(2 * unit + 10));
      await writer.flush();
      const parked = await writer.park();
      const larger = { ...parked, parts: parked.parts.map((part) => ({ ...part, size: budget + 1 })) };
      expect(await kindOf(store.resume(upload('acme/a', of.token), larger))).toBe('restart-not-possible');
      await (await store.resume(upload('acme/a', of.token), parked)).abort();
    });

    it('gets them, also in an upload that is cut, silent and continued', async () => {
      const made = await open({ ...presets.r2, conditionalDelete: true });
      const { store, upload } = made;
      const content = contentOf(5 * unit + 1_000);
      const of = upload();
      const first = store.begin(of);
      await send(first, content.subarray(0, 2 * unit + 700_000));
      await first.flush();
      const parked = await first.park();
      expect(parked.durable).toBe(2 * unit);
      expect(crcOf(parked.parts)).toBeDefined();
      const writer = await store.resume(upload('acme/a', of.token), parked);
      await send(writer, content.subarray(parked.durable));
      await writer.settle();
      expect(await writer.complete(undefined)).toHaveProperty('version');
      expect(sizes(made).filter((size) => size !== unit)).toEqual([1_000]);
      const found = (await made.direct.look('acme/a')) as Found;
      expect((await readAll(made.direct, 'acme/a', found.version))?.equals(content)).toBe(true);
    });

    it('gets an append as the whole file, in such parts', async () => {
      const made = await open({ ...presets.r2, conditionalDelete: true });
      const kept = contentOf(unit + 5_000);
      const base = await put(made, kept);
      made.proxy.forget();
      const writer = await made.store.append(made.upload(), { storedKey: 'acme/a', version: base.version, size: base.size });
      await send(writer, contentOf(unit, 2));
      await writer.settle();
      expect(await writer.complete(base.version)).toHaveProperty('version');
      expect(sizes(made).filter((size) => size !== unit)).toEqual([5_000]);
      expect(made.proxy.of('UploadPartCopy')).toEqual([]);
    });

    it('needs memory for a whole part for every upload', async () => {
      const { store } = await open({ ...presets.r2 }, { partSize: 2 * unit });
      expect((store as { smallestBuffer?: number }).smallestBuffer).toBe(2 * unit);
    });
  });

  it.each([0, 10, unit])('without conditional puts %i bytes go out as an upload of one part', async (size) => {
    const made = await open({ conditionalPut: false });
    await put(made, contentOf(size));
    expect(made.proxy.of('PutObject')).toEqual([]);
    expect(made.proxy.of('UploadPart')).toHaveLength(1);
  });

  it('without copies of parts an append reads the base back', async () => {
    const made = await open({ partCopy: false });
    const base = await put(made, contentOf(2 * unit));
    const writer = await made.store.append(made.upload(), { storedKey: 'acme/a', version: base.version, size: base.size });
    await send(writer, Buffer.from('more'));
    expect(await writer.settle()).toMatchObject({ size: 2 * unit + 4 });
    expect(await writer.complete(base.version)).toHaveProperty('version');
    expect(made.proxy.of('UploadPartCopy')).toEqual([]);
  });

  it('without conditional deletes a key is looked at first', async () => {
    const made = await open({ conditionalDelete: false });
    const found = await put(made, Buffer.from('one'));
    await made.client.send(new PutObjectCommand({ Bucket: made.bucket, Key: 'in/acme/a', Body: 'two' }));
    expect(await made.store.remove('acme/a', found.version)).toEqual({ other: await made.direct.look('acme/a') });
    expect(made.proxy.of('DeleteObject')).toEqual([]);
    expect(await made.store.remove('acme/a', (await made.direct.look('acme/a'))?.version ?? '')).toBe('removed');
    expect(made.proxy.of('DeleteObject')[0]?.headers['if-match']).toBeUndefined();
  });

  describe('a copy', () => {
    const copy = (made: Between, source: Found, more: object = {}) =>
      made.store.copy?.({
        token: 'copy-1',
        user: 'acme',
        from: 'acme/a',
        version: source.version,
        size: source.size,
        to: 'acme/b',
        over: undefined,
        begun: [],
        onBegin: async () => undefined,
        ...more,
      }) ?? Promise.reject(new Error('this store cannot copy'));

    it('above the limit of one request goes in parts of one size, several at once, and tells its handle before the first', async () => {
      const made = await open({ conditionalCopy: true }, { copy: { largestCopy: unit, copyPartSize: unit } });
      const content = contentOf(3 * unit + 10);
      const source = await put(made, content);
      const begun: string[] = [];
      const onBegin = async (uploadId: string) => {
        expect(made.proxy.of('UploadPartCopy')).toEqual([]);
        begun.push(uploadId);
      };
      expect(await copy(made, source, { onBegin })).toEqual({ version: (await made.direct.look('acme/b'))?.version });
      expect(begun).toHaveLength(1);
      expect(
        made.proxy
          .of('UploadPartCopy')
          .map(({ headers }) => headers['x-amz-copy-source-range'])
          .sort(),
      ).toEqual(
        [
          `bytes=${0}-${unit - 1}`,
          `bytes=${2 * unit}-${3 * unit - 1}`,
          `bytes=${3 * unit}-${3 * unit + 9}`,
          `bytes=${unit}-${2 * unit - 1}`,
        ].sort(),
      );
      const found = (await made.direct.look('acme/b')) as Found;
      expect((await readAll(made.direct, 'acme/b', found.version))?.equals(content)).toBe(true);
    });

    it('by one request carries the conditions of both ends and restates what the object is', async () => {
      const made = await open({ conditionalCopy: true }, { storageClass: 'STANDARD', tags: 'kind=delivery' });
      const source = await put(made, Buffer.from('small'));
      expect(await copy(made, source)).toHaveProperty('version');
      expect(made.proxy.of('CopyObject')[0]?.headers).toMatchObject({
        'if-none-match': '*',
        'x-amz-copy-source-if-match': `"${source.version.split(' ')[0]}"`,
        'x-amz-metadata-directive': 'REPLACE',
        'x-amz-storage-class': 'STANDARD',
        'x-amz-tagging': 'kind=delivery',
        'x-amz-meta-causeway-token': 'copy-1',
        'content-type': 'application/octet-stream',
      });
    });

    it.each(['drop-before', 'drop-after', 'stall-after'] as const)(
      'by one request (%s) is told as unknown, and repeated it succeeds',
      async (fault) => {
        const made = await open({ conditionalCopy: true });
        const source = await put(made, Buffer.from('small'));
        made.proxy.plan('CopyObject', fault, { code: 'PreconditionFailed', status: 412 });
        expect(await kindOf(copy(made, source))).toBe('store-unavailable');
        expect(made.proxy.of('CopyObject')).toHaveLength(1);
        expect(await copy(made, source)).toEqual({ version: (await made.direct.look('acme/b'))?.version });
      },
    );

    it('in parts, whose completion is unknown, ends what it had begun before it begins again, and finds its own', async () => {
      const made = await open({});
      const source = await put(made, contentOf(unit));
      for (const fault of ['drop-before', 'drop-after'] as const) {
        const begun: string[] = [];
        const onBegin = async (uploadId: string) => void begun.push(uploadId);
        made.proxy.plan('CompleteMultipartUpload', fault);
        expect(await kindOf(copy(made, source, { onBegin, begun: [...begun] }))).toBe('store-unavailable');
        expect(await copy(made, source, { onBegin, begun })).toEqual({ version: (await made.direct.look('acme/b'))?.version });
        await made.direct.remove('acme/b', (await made.direct.look('acme/b'))?.version ?? '');
      }
    });
  });
});
