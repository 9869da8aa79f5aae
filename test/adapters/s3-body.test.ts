import { createHash } from 'node:crypto';
import { Writable } from 'node:stream';
import { Body } from '../../runtime/adapters/s3/body';

describe('the body of a request', () => {
  const piece = 64 * 1024;
  /** Of a whole piece, of some and a rest, and of less than one. */
  const blocks = [piece, 256 * 1024, 150_000, 1, piece].map((size, index) => Buffer.alloc(size, index));

  it('is its blocks, in order, and not a copy of them', async () => {
    const sent: Buffer[] = [];
    for await (const block of new Body(blocks)) sent.push(block as Buffer);
    expect(Buffer.concat(sent).equals(Buffer.concat(blocks))).toBe(true);
    expect(sent[0]?.buffer).toBe(blocks[0]?.buffer);
  });

  it('is not read ahead of a peer that takes nothing by more than one piece', async () => {
    const body = new Body(blocks);
    let given = 0;
    body.on('data', ({ length }: Buffer) => {
      given += length;
    });
    body.pipe(new Writable({ highWaterMark: 1, write: () => {} }));
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect(given + body.readableLength).toBeLessThanOrEqual(2 * piece);
  });

  it('ends at once when it has none', async () => {
    expect(await new Body([]).toArray()).toEqual([]);
  });

  it('has the sum of all its bytes', () => {
    expect(new Body(blocks).sha256()).toBe(createHash('sha256').update(Buffer.concat(blocks)).digest('hex'));
  });
});
