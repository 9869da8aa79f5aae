import { randomBytes, randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';
import * as model from '../../runtime/model/crc32';

const { joinCrc32 } = model;

describe('crc32', () => {
  it('is what zlib makes of the same bytes, going on from any place of them', () => {
    for (let turn = 0; turn < 200; turn++) {
      const bytes = randomBytes(randomInt(0, 70_000));
      const at = randomInt(0, bytes.length + 1);
      expect(model.crc32(bytes)).toBe(crc32(bytes));
      expect(model.crc32(bytes.subarray(at), model.crc32(bytes.subarray(0, at)))).toBe(crc32(bytes));
    }
    expect(model.crc32('')).toBe(0);
  });
});

describe('joinCrc32', () => {
  it('is the checksum of the joined content, for 200 random pairs', () => {
    for (let turn = 0; turn < 200; turn++) {
      const left = randomBytes(randomInt(0, 5_000));
      const right = randomBytes(randomInt(0, 70_000));
      expect(joinCrc32(crc32(left), crc32(right), right.length)).toBe(crc32(Buffer.concat([left, right])));
    }
  });

  it.each([0, 1, 2, 3, 255, 256, 65_535, 65_536])('joins a right side of %i bytes', (length) => {
    const left = Buffer.from('left');
    const right = Buffer.alloc(length, 7);
    expect(joinCrc32(crc32(left), crc32(right), length)).toBe(crc32(Buffer.concat([left, right])));
  });

  it('joins many parts one after the other', () => {
    const parts = Array.from({ length: 20 }, (_, index) => Buffer.alloc(index * 1_000, index));
    expect(parts.reduce((sum, part) => joinCrc32(sum, crc32(part), part.length), 0)).toBe(crc32(Buffer.concat(parts)));
  });

  it('joins lengths above 4 GiB: twice 3 GiB of zeros is once 6 GiB', () => {
    const zeros = crc32(Buffer.alloc(3 * 1024 * 1024));
    const repeat = (sum: number, length: number, times: number) => {
      let joined = sum;
      for (let turn = 1; turn < times; turn++) joined = joinCrc32(joined, sum, length);
      return joined;
    };
    const threeMiB = 3 * 1024 * 1024;
    const threeGiB = repeat(zeros, threeMiB, 1_024);
    const sixGiB = repeat(zeros, threeMiB, 2_048);
    expect(joinCrc32(threeGiB, threeGiB, threeMiB * 1_024)).toBe(sixGiB);
    expect(joinCrc32(zeros, sixGiB, threeMiB * 2_048)).toBe(joinCrc32(sixGiB, zeros, threeMiB));
  });
});
