import { freeRecord } from '../../runtime/server/free-record';

const mebibyte = 1024 * 1024;

it('the memory of a record is given back before the collector runs', () => {
  const before = process.memoryUsage().arrayBuffers;
  const kept: Buffer[] = [];
  for (let count = 0; count < 64; count++) {
    const record = Buffer.from(new ArrayBuffer(mebibyte)).fill(1);
    // The view is still referenced: no collector could have taken its memory.
    kept.push(record);
    freeRecord(record);
  }
  expect(kept.map(({ length }) => length)).toEqual(Array(64).fill(0));
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * mebibyte);
});

it('a record that shares its block with others leaves them alone', () => {
  const block = new ArrayBuffer(3);
  const [first, second] = [Buffer.from(block, 0, 1), Buffer.from(block, 1, 2)];
  second.write('ab');
  freeRecord(first);
  expect(second.toString()).toBe('ab');
});

it('an empty record is nothing to free', () => {
  expect(() => freeRecord(Buffer.from(new ArrayBuffer(0)))).not.toThrow();
});
