import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { heldBack } from '../../runtime/adapters/directory/checkpoint';
import type { ObjectWriter } from '../../runtime/ports/object-store';
import { contentOf, kindOf, send } from '../contracts/store-under-test';
import { type MadeDirectoryStore, makeDirectoryStore } from './directory-fixture';

const mebibyte = 1024 * 1024;

let made: MadeDirectoryStore | undefined;

async function setUp(options: Parameters<typeof makeDirectoryStore>[0] = {}): Promise<MadeDirectoryStore> {
  made = await makeDirectoryStore(options);
  return made;
}

afterEach(async () => {
  await made?.end();
  made = undefined;
});

function begin(of: MadeDirectoryStore, token = 'token1'): ObjectWriter {
  return of.store.begin({ token, storedKey: 'acme/a', partner: 'acme', admission: of.buffers.admit('acme') });
}

describe('a part file', () => {
  it('is readable by its owner only, and lies under the name of its token', async () => {
    const of = await setUp();
    const writer = begin(of);
    await send(writer, contentOf(100));
    await writer.settle();
    expect(statSync(path.join(of.roots.incoming, 'token1')).mode & 0o777).toBe(0o600);
    await writer.complete(undefined);
    expect(statSync(path.join(of.roots.objects, 'acme/a')).mode & 0o777).toBe(0o600);
    expect(statSync(path.join(of.roots.objects, 'acme')).mode & 0o777).toBe(0o700);
  });

  it('tells durable bytes every 8 MiB or so, never those received last, each time with their checksum', async () => {
    const of = await setUp();
    const content = contentOf(40 * mebibyte);
    const writer = begin(of);
    const told: number[] = [];
    writer.onProgress = () => {
      const { durable, parts } = writer.progress();
      expect(durable).toBeLessThanOrEqual(writer.received - heldBack);
      if (durable > 0) expect(parts[0]?.crc32).toBe(crc32(content.subarray(0, durable)));
      told.push(durable);
    };
    await send(writer, content);
    await writer.settle();
    expect(told.length).toBeGreaterThanOrEqual(2);
    expect(told).toEqual([...told].sort((left, right) => left - right));
    expect(told.at(-1)).toBeGreaterThanOrEqual(16 * mebibyte);
  });

  it('is bounded in memory: a sender who does not wait is told to, and gets no more than the queue', async () => {
    const of = await setUp();
    const writer = begin(of);
    let sent = 0;
    while (writer.accept(Buffer.alloc(16 * 1024))) sent += 16 * 1024;
    expect(sent).toBeLessThanOrEqual(6 * mebibyte);
    expect(of.buffers.used).toBeLessThanOrEqual(6 * mebibyte);
    await writer.ready();
    expect(writer.accept(Buffer.alloc(16 * 1024))).toBe(true);
    await writer.abort();
    expect(of.buffers.used).toBe(0);
  });

  it.each([1_000, 16 * 1024, 16_000])('goes on with records of %i bytes when others have the whole budget', async (record) => {
    const of = await setUp({ budget: 20 * mebibyte });
    const others = of.buffers.admit('other');
    const taken: Buffer[] = [];
    for (let buffer = others.take(mebibyte); buffer; buffer = others.take(mebibyte)) taken.push(buffer);
    const writer = begin(of);
    const content = contentOf(3 * mebibyte);
    let offset = 0;
    let waited = false;
    while (!waited) {
      const next = content.subarray(offset, offset + record);
      offset += next.length;
      waited = !writer.accept(next);
    }
    // No budget at all: one record costs one buffer beyond it, not more.
    expect(offset).toBe(record);
    let ready = false;
    const waiting = writer.ready().then(() => {
      ready = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(ready).toBe(false);
    others.give(taken.pop() as Buffer);
    await waiting;
    while (offset < content.length) {
      const next = content.subarray(offset, offset + record);
      offset += next.length;
      if (!writer.accept(next)) await writer.ready();
    }
    expect(await writer.settle()).toMatchObject({ size: content.length, crc32: crc32(content) });
    expect(of.buffers.used).toBe(19 * mebibyte);
  });

  it('is parked with everything received, less the last 64 KiB', async () => {
    const of = await setUp();
    const content = contentOf(9 * mebibyte + 5);
    const writer = begin(of);
    await send(writer, content);
    const progress = await writer.park();
    expect(progress.durable).toBe(content.length - heldBack);
    expect(progress.parts).toEqual([{ number: 1, size: progress.durable, crc32: crc32(content.subarray(0, progress.durable)) }]);
    expect(readFileSync(path.join(of.roots.incoming, 'token1')).equals(content)).toBe(true);
  });

  it('shows nothing when not more than 64 KiB came', async () => {
    const of = await setUp();
    const writer = begin(of);
    await send(writer, contentOf(heldBack));
    expect(await writer.park()).toMatchObject({ durable: 0, parts: [] });
  });
});

describe('a disk that is down to its reserve', () => {
  const everything = 2 ** 60;

  it('refuses before the client is told to send', async () => {
    const of = await setUp({ reserve: everything });
    expect(await kindOf(of.store.requireRoom())).toBe('disk-full');
  });

  it('stops an upload, which can still be parked, settled into a failure, or aborted, and keeps no buffer', async () => {
    const of = await setUp({ reserve: everything });
    for (const end of ['park', 'settle', 'abort', 'flush'] as const) {
      const writer = begin(of, `token-${end}`);
      for (let turn = 0; turn < 20; turn++) writer.accept(Buffer.alloc(16 * 1024));
      await expect(send(writer, contentOf(10 * mebibyte))).rejects.toMatchObject({ kind: 'disk-full' });
      expect(writer.accept(Buffer.alloc(10))).toBe(false);
      expect(await kindOf(writer[end]())).toBe(end === 'settle' ? 'disk-full' : 'done');
      await writer.abort();
      expect(of.buffers.used).toBe(0);
    }
  });
});

describe('an upload that has ended', () => {
  it('settles once, and takes no more bytes', async () => {
    const of = await setUp();
    const writer = begin(of);
    await send(writer, Buffer.from('content'));
    const settled = await writer.settle();
    expect(writer.accept(Buffer.from('more'))).toBe(false);
    expect(await kindOf(writer.ready())).toBe('taken-over');
    expect(await writer.settle()).toEqual(settled);
    await writer.complete(undefined);
    expect(readFileSync(path.join(of.roots.objects, 'acme/a'), 'utf8')).toBe('content');
  });

  it('cannot be completed before it is settled', async () => {
    const of = await setUp();
    const writer = begin(of);
    await expect(writer.complete(undefined)).rejects.toThrow('complete before settle');
  });
});
