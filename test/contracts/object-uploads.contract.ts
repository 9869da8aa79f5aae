import { crc32 } from 'node:zlib';
import type { ObjectKey, Version } from '../../runtime/model/entry';
import type { Failure } from '../../runtime/model/failure';
import { noProgress } from '../../runtime/model/upload-record';
import type { Found, ObjectStore } from '../../runtime/ports/object-store';
import {
  contentOf,
  crcOf,
  embeddedFacts,
  halfWritten,
  kindOf,
  type MadeStore,
  putObject,
  readAll,
  record,
  type StoreFacts,
  send,
  uploadTo,
} from './store-under-test';

/** What every object store must do with uploads: two phases, parking, continuing, and what a process finds that starts after one has died. */
export function describeObjectUploads(name: string, make: () => Promise<MadeStore>, facts: StoreFacts = embeddedFacts): void {
  const { unit } = facts;
  describe(`${name} as a store of uploads`, () => {
    let made: MadeStore;
    let store: ObjectStore;

    beforeEach(async () => {
      made = await make();
      store = made.store;
    });

    afterEach(() => made.end());

    const put = (key: ObjectKey, content: Buffer, over?: Version) => putObject(made, key, content, over);

    describe('an upload', () => {
      it.each([0, 1, record - 1, record, unit, 3 * unit, 3 * unit + 1])('of %i bytes comes back as it was sent', async (size) => {
        const content = contentOf(size);
        const writer = store.begin(uploadTo(made));
        await send(writer, content);
        expect(writer.received).toBe(size);
        const settled = await writer.settle();
        expect(settled).toMatchObject({ size, crc32: crc32(content) });
        const completed = await writer.complete(undefined);
        const found = (await store.look('acme/a')) as Found;
        expect(completed).toEqual({ version: found.version });
        expect(found.size).toBe(size);
        expect((await readAll(store, 'acme/a', found.version))?.equals(content)).toBe(true);
        expect(await store.checksum('acme/a', found.version)).toBe(crc32(content));
        expect(await halfWritten(made)).toEqual([]);
        expect(made.buffers.used).toBe(0);
      });

      it('is not visible before it is complete', async () => {
        const writer = store.begin(uploadTo(made));
        expect(await halfWritten(made)).toEqual([]);
        await send(writer, contentOf(3 * unit));
        await writer.settle();
        expect(await store.look('acme/a')).toBeUndefined();
        if (store.directories) expect((await store.directories.names('acme'))?.names.size ?? 0).toBe(0);
        expect(await halfWritten(made)).toHaveLength(1);
        await writer.complete(undefined);
        expect(await store.look('acme/a')).toBeDefined();
      });

      it('leaves the version before in its place until it is complete, and replaces it then', async () => {
        const before = await put('acme/a', Buffer.from('before'));
        const writer = store.begin(uploadTo(made));
        writer.accept(Buffer.from('after'));
        await writer.settle();
        expect(await readAll(store, 'acme/a', before.version)).toEqual(Buffer.from('before'));
        await writer.complete(before.version);
        if (!facts.keepsVersions) expect(await readAll(store, 'acme/a', before.version)).toBeUndefined();
        const after = (await store.look('acme/a')) as Found;
        expect(await readAll(store, 'acme/a', after.version)).toEqual(Buffer.from('after'));
      });

      it('does not replace what the claim did not see, and can be completed over it then', async () => {
        const writer = store.begin(uploadTo(made));
        writer.accept(Buffer.from('mine'));
        await writer.settle();
        await made.place('acme/a', Buffer.from('placed'));
        const placed = (await store.look('acme/a')) as Found;
        expect(await writer.complete(undefined)).toEqual({ occupied: placed });
        expect(await readAll(store, 'acme/a', placed.version)).toEqual(Buffer.from('placed'));
        expect(await writer.complete(placed.version)).toHaveProperty('version');
        expect((await store.look('acme/a'))?.size).toBe(4);
      });

      it('leaves nothing when it is aborted, however often', async () => {
        const fresh = store.begin(uploadTo(made));
        await fresh.abort();
        const started = store.begin(uploadTo(made));
        await send(started, contentOf(2 * unit + 1));
        await started.abort();
        await started.abort();
        const settled = store.begin(uploadTo(made));
        await send(settled, contentOf(10));
        await settled.settle();
        await settled.abort();
        expect(await halfWritten(made)).toEqual([]);
        expect(await store.look('acme/a')).toBeUndefined();
        expect(made.buffers.used).toBe(0);
      });

      it('runs beside others without mixing their bytes', async () => {
        const contents = [1, 2, 3, 4].map((seed) => contentOf(unit + seed, seed));
        const found = await Promise.all(contents.map((content, index) => put(`acme/f${index}`, content)));
        for (const [index, { version }] of found.entries()) {
          expect((await readAll(store, `acme/f${index}`, version))?.equals(contents[index] as Buffer)).toBe(true);
        }
      });
    });

    describe('a cut upload', () => {
      it.each([0, 1, Math.floor(unit / 4), 2 * unit, 4 * unit + 1])(
        'of %i bytes is parked with less than was received, and its checksum',
        async (size) => {
          const content = contentOf(size);
          const writer = store.begin(uploadTo(made));
          await send(writer, content);
          const progress = await writer.park();
          if (size > 0) expect(progress.durable).toBeLessThan(size);
          expect(progress.parts.reduce((sum, part) => sum + part.size, 0)).toBe(progress.durable);
          if (size > 2 * unit) expect(progress.durable).toBeGreaterThan(0);
          expect(crcOf(progress.parts)).toBe(crc32(content.subarray(0, progress.durable)));
          expect(await store.look('acme/a')).toBeUndefined();
          expect(made.buffers.used).toBe(0);
        },
      );

      it('is continued from exactly what was told, again and again', async () => {
        const content = contentOf(8 * unit + 100);
        const of = uploadTo(made);
        const first = store.begin(of);
        await send(first, content.subarray(0, 3 * unit + 1_000));
        let progress = await first.park();
        for (const until of [3 * unit + 1_001, 6 * unit + 1_000]) {
          const before = progress.durable;
          const writer = await store.resume(uploadTo(made, 'acme/a', of.token), progress);
          expect(writer.received).toBe(before);
          await send(writer, content.subarray(before, until));
          progress = await writer.park();
          expect(progress.durable).toBeGreaterThanOrEqual(before);
          expect(crcOf(progress.parts)).toBe(crc32(content.subarray(0, progress.durable)));
        }
        const last = await store.resume(uploadTo(made, 'acme/a', of.token), progress);
        await send(last, content.subarray(progress.durable));
        expect(await last.settle()).toMatchObject({ size: content.length, crc32: crc32(content) });
        expect(await last.complete(undefined)).toHaveProperty('version');
        const found = (await store.look('acme/a')) as Found;
        expect((await readAll(store, 'acme/a', found.version))?.equals(content)).toBe(true);
        expect(await halfWritten(made)).toEqual([]);
      });

      it('keeps what it had when a continuation receives nothing', async () => {
        const content = contentOf(3 * unit);
        const of = uploadTo(made);
        const first = store.begin(of);
        await send(first, content);
        const parked = await first.park();
        const second = await store.resume(uploadTo(made, 'acme/a', of.token), parked);
        expect(await second.park()).toMatchObject({ durable: parked.durable, parts: parked.parts });
      });

      it('can be discarded, however often', async () => {
        const of = uploadTo(made);
        const writer = store.begin(of);
        await send(writer, contentOf(3 * unit));
        const progress = await writer.park();
        await store.discard(of.token, 'acme/a', progress);
        await store.discard(of.token, 'acme/a', progress);
        await store.discard('never seen', 'acme/a', { ...noProgress, uploadId: 'never-seen' });
        expect(await halfWritten(made)).toEqual([]);
        expect(await kindOf(store.resume(uploadTo(made), progress))).toBe('restart-not-possible');
      });

      it('that goes silent tells, after a flush, less than was received', async () => {
        const content = contentOf(3 * unit + 1_000);
        const writer = store.begin(uploadTo(made));
        let told = 0;
        writer.onProgress = () => {
          told++;
        };
        await send(writer, content);
        await writer.flush();
        const { durable, parts } = writer.progress();
        expect(told).toBeGreaterThan(0);
        expect(durable).toBeLessThan(content.length);
        expect(durable).toBeGreaterThan(content.length / 2);
        expect(crcOf(parts)).toBe(crc32(content.subarray(0, durable)));
        await send(writer, content);
        expect(await writer.settle()).toMatchObject({ size: 2 * content.length, crc32: crc32(Buffer.concat([content, content])) });
      });
    });

    describe('an append', () => {
      it.each([
        ['of several parts', 2 * unit + 7, 70_000],
        ['that is small, and stays so', 1_000, 70_000],
        ['that is small, and becomes large', 1_000, 2 * unit],
        ['that is empty', 0, 10],
        ['without adding anything', 2 * unit, 0],
      ])('keeps the bytes of a base %s, under a checksum of the whole', async (_, before, more) => {
        const [kept, added] = [contentOf(before, 1), contentOf(more, 2)];
        const base = await put('acme/log', kept);
        const writer = await store.append(uploadTo(made, 'acme/log'), { storedKey: 'acme/log', version: base.version, size: base.size });
        expect(writer.received).toBe(kept.length);
        await send(writer, added);
        const whole = Buffer.concat([kept, added]);
        expect(await writer.settle()).toMatchObject({ size: whole.length, crc32: crc32(whole) });
        expect((await store.look('acme/log'))?.version).toBe(base.version);
        await writer.complete(base.version);
        const found = (await store.look('acme/log')) as Found;
        expect((await readAll(store, 'acme/log', found.version))?.equals(whole)).toBe(true);
      });

      it('is refused, without a trace, when the base is another version or gone', async () => {
        const base = await put('acme/log', Buffer.from('one'));
        await made.take('acme/log');
        const onto = () => store.append(uploadTo(made, 'acme/log'), { storedKey: 'acme/log', version: base.version, size: base.size });
        expect(await kindOf(onto())).toBe('base-changed');
        await made.place('acme/log', Buffer.from('two'));
        expect(await kindOf(onto())).toBe('base-changed');
        expect(await halfWritten(made, 'acme/log')).toEqual([]);
      });
    });

    describe('after the process has died', () => {
      it('what a dead writer left is salvaged: less than it wrote, never less than was told, with its checksum', async () => {
        const content = contentOf(3 * unit + 1_000);
        const of = uploadTo(made);
        const writer = store.begin(of);
        await send(writer, content);
        await writer.flush();
        const told = writer.progress();
        store = await made.reopen();
        const salvaged = await store.salvage(of.token, 'acme/a', told);
        expect(salvaged.durable).toBeGreaterThanOrEqual(told.durable);
        expect(salvaged.durable).toBeLessThan(content.length);
        expect(crcOf(salvaged.parts)).toBe(crc32(content.subarray(0, salvaged.durable)));
        expect(await store.salvage(of.token, 'acme/a', salvaged)).toEqual(salvaged);
        // Only to close what a dead process would have closed.
        await writer.park();
      });

      it('an upload that never wrote a byte has nothing to salvage', async () => {
        expect(await store.salvage('token-x', 'acme/a', noProgress)).toMatchObject({ durable: 0, parts: [] });
      });

      it.each(['onto a free name', 'over a version'])('a settled upload is completed %s, once', async (where) => {
        const before = where === 'over a version' ? await put('acme/a', Buffer.from('before')) : undefined;
        const content = contentOf(2 * unit);
        const of = uploadTo(made);
        const writer = store.begin(of);
        await send(writer, content);
        const settled = await writer.settle();
        const progress = writer.progress();
        store = await made.reopen();
        expect(await store.completeSettled(of, progress, settled, before?.version)).toHaveProperty('version');
        const found = (await store.look('acme/a')) as Found;
        expect(await store.completeSettled(of, progress, settled, before?.version)).toEqual({ version: found.version });
        expect((await readAll(store, 'acme/a', found.version))?.equals(content)).toBe(true);
        // A server may break down over the repetition; what counts is that nothing comes back.
        const again = () => store.completeSettled(of, progress, settled, before?.version).catch((failure: Failure) => failure.kind);
        await made.place('acme/a', Buffer.from('another'));
        expect(await again()).not.toHaveProperty('version');
        await made.take('acme/a');
        expect(await again()).not.toHaveProperty('version');
        expect(await store.look('acme/a')).toBeUndefined();
      });

      it('a settled upload does not replace what lies there unseen', async () => {
        const of = uploadTo(made);
        const writer = store.begin(of);
        await send(writer, contentOf(10));
        const settled = await writer.settle();
        const progress = writer.progress();
        await made.place('acme/a', Buffer.from('placed'));
        const placed = await store.look('acme/a');
        store = await made.reopen();
        // Bytes that were kept for one request died with the process.
        const expected = facts.keepsSmall ? 'lost' : { occupied: placed };
        expect(await store.completeSettled(of, progress, settled, undefined)).toEqual(expected);
        expect(await store.look('acme/a')).toEqual(placed);
        expect(await halfWritten(made)).toHaveLength(facts.keepsSmall ? 0 : 1);
      });
    });
  });
}
