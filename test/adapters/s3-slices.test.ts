import { Writable } from 'node:stream';
import { inSlices, sliceSize } from '../../runtime/adapters/s3/slices';

describe('the body of a part, in slices', () => {
  const bytes = Buffer.alloc(5 * sliceSize + 7, 'abcdefg');

  it('is whole and in order', async () => {
    expect(Buffer.concat(await inSlices(bytes).toArray()).equals(bytes)).toBe(true);
  });

  it('shares the memory of the part', async () => {
    for await (const slice of inSlices(bytes)) expect((slice as Buffer).buffer).toBe(bytes.buffer);
  });

  it('is not read ahead of a peer that takes nothing by more than one slice', async () => {
    const body = inSlices(bytes);
    let given = 0;
    body.on('data', ({ length }: Buffer) => {
      given += length;
    });
    body.pipe(new Writable({ highWaterMark: 1, write: () => {} }));
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect(given + body.readableLength).toBeLessThanOrEqual(2 * sliceSize);
  });
});
