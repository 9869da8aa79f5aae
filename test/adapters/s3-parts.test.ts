import { crc32 } from 'node:zlib';
import { BudgetedPartBuffers } from '../../runtime/adapters/memory/budgeted-part-buffers';
import { lengthOf } from '../../runtime/adapters/s3/body';
import type { Bucket } from '../../runtime/adapters/s3/bucket';
import { targetOf } from '../../runtime/adapters/s3/headers';
import { principalOf } from '../../runtime/adapters/s3/list-objects';
import { blockSize, PartBuffer } from '../../runtime/adapters/s3/part-buffer';
import { copyRanges, largestObject, partSizeAt, partsInFlightAt } from '../../runtime/adapters/s3/part-sizes';
import { parseVersion, versionOf } from '../../runtime/adapters/s3/versions';
import { FakeClock } from '../support/fake-clock';

const MiB = 1024 * 1024;
const sizes = { partSize: 8 * MiB, budget: 1024 * MiB, partsInFlight: 4, largestCopy: 5 * 1024 * MiB, copyPartSize: 512 * MiB };

describe('sizes of parts', () => {
  it.each([
    [1, 8],
    [2, 16],
    [2_000, 16],
    [2_001, 64],
    [5_000, 64],
    [5_001, 128],
    [10_000, 128],
  ])('part %i has %i MiB', (number, size) => expect(partSizeAt(number, sizes)).toBe(size * MiB));

  it('are an eighth of the memory at most, and what the store wants at least', () => {
    expect(partSizeAt(9_000, { ...sizes, budget: 256 * MiB })).toBe(32 * MiB);
    expect(partSizeAt(9_000, { ...sizes, budget: 16 * MiB })).toBe(5 * MiB);
    expect(partSizeAt(1, { ...sizes, partSize: 1 })).toBe(5 * MiB);
  });

  it('say how large a file may be', () => {
    expect(largestObject(sizes)).toBe((8 + 1_999 * 16 + 3_000 * 64 + 5_000 * 128) * MiB);
    expect(largestObject(sizes, 8 * MiB)).toBe(10_000 * 8 * MiB);
    let sum = 0;
    for (let number = 1; number <= 10_000; number++) sum += partSizeAt(number, { ...sizes, budget: 100 * MiB });
    expect(largestObject({ ...sizes, budget: 100 * MiB })).toBe(sum);
  });

  it.each([
    [4, 8, 4],
    [4, 16, 2],
    // The next one is on its way while the store answers for the one before.
    [4, 64, 2],
    [4, 5, 6],
    [32, 16, 16],
    [1, 8, 1],
    [1, 16, 1],
  ])('with a setting of %i, parts of %i MiB are on their way %i at once', (partsInFlight, size, most) => {
    expect(partsInFlightAt(size * MiB, { ...sizes, partsInFlight })).toBe(most);
  });

  it.each([
    [0, 512 * MiB],
    [1, 512 * MiB],
    [512 * MiB, 512 * MiB],
    [512 * MiB + 1, 512 * MiB],
    [40 * 1024 * 1024 * MiB, 512 * MiB],
  ])('ranges of %i bytes cover it without a gap, in as many parts as there may be', (size, each) => {
    const ranges = copyRanges(size, each);
    expect(ranges.length).toBeLessThanOrEqual(10_000);
    expect(ranges.reduce((end, range) => (range.start === end ? end + range.size : Number.NaN), 0)).toBe(size);
  });
});

it('a new object is kept as the settings say', () => {
  const making = { kmsKey: 'arn:key', storageClass: 'STANDARD_IA', tags: 'kind=delivery' };
  expect(targetOf({ name: 'files', keyPrefix: 'in/', making } as Bucket, 'acme/a')).toEqual({
    Bucket: 'files',
    Key: 'in/acme/a',
    ServerSideEncryption: 'aws:kms',
    SSEKMSKeyId: 'arn:key',
    StorageClass: 'STANDARD_IA',
    Tagging: 'kind=delivery',
  });
  expect(targetOf({ name: 'files', keyPrefix: '', making: {} } as unknown as Bucket, 'acme/a')).toEqual({ Bucket: 'files', Key: 'acme/a' });
});

describe('the part that is being filled', () => {
  const fill = async (part: PartBuffer, clock: FakeClock, bytes: number, wanted: number, pace = 0) => {
    const piece = Buffer.alloc(64 * 1024, 1);
    for (let sent = 0; sent < bytes; sent += piece.length) {
      for (let offset = 0; offset < piece.length; ) {
        if (!part.makeRoom(wanted)) return sent;
        offset += part.fill(piece, offset);
      }
      if (pace > 0) await clock.advance(pace);
    }
    return bytes;
  };

  it('has as much memory as it has bytes, in blocks that the next one uses again', () => {
    const buffers = new BudgetedPartBuffers(64 * MiB, new FakeClock());
    const part = new PartBuffer(buffers.admit('acme'), new FakeClock());
    const piece = Buffer.alloc(100_000, 'abcdefg');
    for (let sent = 0; part.makeRoom(8 * MiB); ) {
      sent += part.fill(piece, 0);
      expect(buffers.used).toBe(Math.ceil(sent / blockSize) * blockSize);
    }
    expect(part.filled).toBe(8 * MiB);
    const { bytes, release } = part.detach();
    expect(lengthOf(bytes)).toBe(8 * MiB);
    release();
    expect(buffers.used).toBe(0);
    part.makeRoom(8 * MiB);
    part.fill(piece, 0);
    expect(bytes.some(({ buffer }) => buffer === part.bytes[0]?.buffer)).toBe(true);
  });

  it('holds what came, in order, and is no longer than it may be', () => {
    const buffers = new BudgetedPartBuffers(64 * MiB, new FakeClock());
    const part = new PartBuffer(buffers.admit('acme'), new FakeClock());
    const came = Buffer.from(Array.from({ length: 70_001 }, (_, index) => index % 251));
    const wanted = 5 * MiB + 17;
    const expected: Buffer[] = [];
    while (part.makeRoom(wanted)) expected.push(came.subarray(0, part.fill(came, 0)));
    const { bytes, crc32: sum } = part.detach();
    const whole = Buffer.concat(bytes);
    expect(whole.length).toBe(wanted);
    expect(whole.equals(Buffer.concat(expected))).toBe(true);
    expect(sum).toBe(crc32(whole));
  });

  it('keeps what others need no longer than it must: one that fills slowly ends at the least size', async () => {
    const clock = new FakeClock();
    const buffers = new BudgetedPartBuffers(64 * MiB, new FakeClock());
    const part = new PartBuffer(buffers.admit('acme'), clock);
    expect(await fill(part, clock, 8 * MiB, 8 * MiB, 300)).toBe(5 * MiB);
    expect(part.filled).toBe(5 * MiB);
    expect(buffers.used).toBe(5 * MiB);
  });

  it('lets every admitted upload reach the least size, of one partner and in the smallest memory', async () => {
    for (const budget of [5, 10, 26, 64]) {
      const clock = new FakeClock();
      const buffers = new BudgetedPartBuffers(budget * MiB, new FakeClock());
      const parts = Array.from({ length: Math.floor(budget / 5) }, () => new PartBuffer(buffers.admit('acme'), clock));
      await clock.advance(1);
      const pieces = Buffer.alloc(256 * 1024, 1);
      for (let round = 0; round < 20; round++) {
        await clock.advance(700);
        for (const part of parts) {
          expect(part.makeRoom(8 * MiB)).toBe(true);
          part.fill(pieces, 0);
        }
      }
      expect(parts.map(({ filled }) => filled)).toEqual(parts.map(() => 5 * MiB));
      for (const part of parts) part.drop();
      expect(buffers.used).toBe(0);
    }
  });
});

it.each([
  [{ ETag: '"abc"' }, 'abc', { etag: 'abc' }],
  [{ ETag: 'abc', VersionId: 'null' }, 'abc', { etag: 'abc' }],
  [{ ETag: '"abc-3"', VersionId: 'v1' }, 'abc-3 v1', { etag: 'abc-3', versionId: 'v1' }],
])('%j is version %s', (answer, version, parsed) => {
  expect(versionOf(answer)).toBe(version);
  expect(parseVersion(version)).toEqual(parsed);
});

it.each([
  ['arn:aws:sts::123456789012:assumed-role/causeway-task/one', 'arn:aws:sts::123456789012:assumed-role/causeway-task/two', true],
  ['AROAEXAMPLEEXAMPLE12:one', 'AROAEXAMPLEEXAMPLE12:two', true],
  ['arn:aws:iam::123456789012:user/a', 'arn:aws:iam::123456789012:user/b', false],
  ['75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a', '85aa', false],
])('%s and %s are one principal: %s', (left, right, same) => {
  expect(principalOf({ Initiator: { ID: left } }) === principalOf({ Initiator: { ID: right } })).toBe(same);
});
