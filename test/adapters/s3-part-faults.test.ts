import { AbortMultipartUploadCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { Failure } from '../../runtime/model/failure';
import type { Found } from '../../runtime/ports/object-store';
import { contentOf, kindOf, readAll, send } from '../contracts/store-under-test';
import type { S3Fault } from '../support/s3-fault-proxy';
import { type Between, openBetween } from './s3-between';
import { unit } from './s3-fixture';
import { describeOn, versitygw } from './s3-servers';

/** Parts on their way: whatever becomes of a request, the bytes arrive once, or the upload fails with what was acknowledged kept. */
describeOn(versitygw, (server) => {
  let between: Between;

  beforeEach(async () => {
    between = await openBetween(server().endpoint);
  });

  afterEach(() => between.close());

  // Three parts: the first is half as large as those behind it.
  const content = contentOf(4 * unit + 1_000);

  const uploadWhole = async () => {
    const { store, direct, upload, buffers } = between;
    const writer = store.begin(upload());
    await send(writer, content);
    await writer.settle();
    await writer.complete(undefined);
    const found = (await direct.look('acme/a')) as Found;
    expect((await readAll(direct, 'acme/a', found.version))?.equals(content)).toBe(true);
    expect(buffers.used).toBe(0);
  };

  describe('a part', () => {
    it.each<[string, S3Fault[], number]>([
      ['whose answer is lost', ['drop-after'], 4],
      ['that never arrives', ['drop-before'], 4],
      ['whose answer does not come', ['stall-after'], 4],
      ['that is reset on its way', ['reset-mid-body'], 4],
      [
        'that the store is too busy for',
        [
          { code: 'SlowDown', status: 503 },
          { code: 'SlowDown', status: 503 },
        ],
        5,
      ],
      ['that an error of the store hits', [{ code: 'InternalError', status: 500 }], 4],
      ['that arrives damaged', ['flip-bit'], 4],
      ['that came too slowly', [{ code: 'RequestTimeout', status: 400 }], 4],
      ['whose time the store does not believe', [{ code: 'RequestTimeTooSkewed', status: 403 }], 4],
    ])('%s is sent again, under its number', async (_, faults, requests) => {
      between.proxy.plan('UploadPart', ...faults);
      await uploadWhole();
      const sent = between.proxy.of('UploadPart');
      // A machine that is busy may be late with another answer, and then that part is sent again too.
      expect(sent.length).toBeGreaterThanOrEqual(requests);
      expect(sent.length).toBeLessThanOrEqual(requests + 2);
      expect(new Set(sent.map(({ url }) => new URL(url, 'http://x').searchParams.get('partNumber'))).size).toBe(3);
    });

    it('is whole, of known length and with its checksum, never a stream of chunks', async () => {
      await uploadWhole();
      for (const { headers, bytes } of between.proxy.of('UploadPart')) {
        expect(headers).toMatchObject({ 'content-length': String(bytes), 'x-amz-checksum-crc32': expect.any(String) });
        expect(headers['content-encoding']).toBeUndefined();
      }
    });

    it('is sent with new credentials when the store calls them expired', async () => {
      await between.close();
      let asked = 0;
      const credentials = async () => {
        asked++;
        return { accessKeyId: 'causeway', secretAccessKey: 'causeway-secret' };
      };
      between = await openBetween(server().endpoint, { credentials });
      asked = 0;
      between.proxy.plan('UploadPart', { code: 'ExpiredToken', status: 400 });
      await uploadWhole();
      expect(asked).toBeGreaterThan(0);
    });

    it.each(['AccessDenied', 'KMS.DisabledException'])('that is refused for good (%s) is not asked for again', async (code) => {
      const { store, proxy, upload, buffers, direct } = between;
      proxy.keep('UploadPart', { code, status: 403 });
      const writer = store.begin(upload());
      expect(await kindOf(send(writer, content).then(() => writer.settle()))).toBe('store-unavailable');
      const parts = await writer.park();
      expect(parts.durable).toBe(0);
      expect(proxy.of('UploadPart').length).toBeLessThanOrEqual(3);
      expect(buffers.used).toBe(0);
      expect(await direct.look('acme/a')).toBeUndefined();
    });
  });

  it('goes through a store that fails a third of its requests, within its memory', async () => {
    let turn = 0;
    const faults: S3Fault[] = ['pass', { code: 'SlowDown', status: 503 }, 'pass', 'drop-after', 'pass', 'pass', 'drop-before', 'pass'];
    between.proxy.plan('UploadPart', ...Array.from({ length: 60 }, () => faults[turn++ % faults.length] as S3Fault));
    const large = contentOf(9 * unit);
    const { store, upload, buffers } = between;
    const writer = store.begin(upload());
    let most = 0;
    for (let offset = 0; offset < large.length; offset += 65_536) {
      if (!writer.accept(large.subarray(offset, offset + 65_536))) await writer.ready();
      most = Math.max(most, buffers.used);
    }
    expect(await writer.settle()).toMatchObject({ size: large.length });
    expect(await writer.complete(undefined)).toHaveProperty('version');
    // Two on their way, and the one that is being filled.
    expect(most).toBeLessThanOrEqual(6 * unit);
  });

  it('ends an upload whose parts somebody has removed, and tells nothing of them', async () => {
    const { store, upload, client, bucket } = between;
    const writer = store.begin(upload());
    await send(writer, content);
    await writer.flush();
    expect(writer.progress().durable).toBeGreaterThan(0);
    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
    for (const { Key, UploadId } of Uploads) await client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId }));
    await send(writer, content).catch(() => undefined); // What it says is asked next.
    await expect(writer.settle()).rejects.toBeInstanceOf(Failure);
    expect((await writer.park()).durable).toBe(0);
  });

  it('aborts again until no part is left', async () => {
    const { store, proxy, upload, client, bucket } = between;
    const writer = store.begin(upload());
    await send(writer, contentOf(unit));
    await writer.flush();
    await send(writer, contentOf(10));
    // The first abort is answered, but a part that was on its way keeps the upload alive.
    proxy.plan('AbortMultipartUpload', { code: 'ignored', status: 204 });
    await writer.abort();
    expect(proxy.of('AbortMultipartUpload').length).toBeGreaterThan(1);
    expect((await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads ?? []).toEqual([]);
  });

  it('takes no part beyond the last number that the store has', async () => {
    const { store, upload, direct } = between;
    const first = store.begin(upload());
    await send(first, content);
    const parked = await first.park();
    const writer = await store.resume(upload(), { ...parked, reserved: 10_000 });
    expect(await kindOf(send(writer, contentOf(10)).then(() => writer.settle()))).toBe('too-large');
    await writer.abort();
    expect(await direct.look('acme/a')).toBeUndefined();
  });
});
