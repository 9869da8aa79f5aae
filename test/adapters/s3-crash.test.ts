import type { Progress, Settled } from '../../runtime/model/upload-record';
import type { Found } from '../../runtime/ports/object-store';
import { contentOf, readAll, send } from '../contracts/store-under-test';
import { type Between, openBetween } from './s3-between';
import { makeS3Store, unit } from './s3-fixture';
import { describeOn, moto, versitygw } from './s3-servers';

/** A process dies between any two requests of an upload in parts: whoever finds its record ends it, with the whole object or without a trace. */
const content = contentOf(4 * unit + 10);

describeOn(versitygw, (server) => {
  /** As the rules keep it: what was told last, and what was settled before the completion. */
  interface Kept {
    progress: Progress | undefined;
    settled: Settled | undefined;
    answered: boolean;
  }

  const run = async (between: Between, of: ReturnType<Between['upload']>): Promise<Kept> => {
    const kept: Kept = { progress: undefined, settled: undefined, answered: false };
    const writer = between.store.begin(of);
    writer.onProgress = () => {
      kept.progress = writer.progress();
    };
    const work = async () => {
      await send(writer, content);
      kept.settled = await writer.settle();
      kept.progress = writer.progress();
      await writer.complete(undefined);
      kept.answered = true;
    };
    await work().catch(() => undefined); // A dead process reports to nobody.
    return kept;
  };

  // Begin, three parts, complete, confirm.
  const requests = 6;
  const deaths = Array.from({ length: requests }, (_, number) => [number, false] as [number, boolean]).flatMap(([number]) => [
    [number, 'before it', false] as const,
    [number, 'after it was applied', true] as const,
  ]);

  it.each(deaths)('at request %i, %s', async (number, _, applied) => {
    const between = await openBetween(server().endpoint);
    try {
      between.proxy.dieAt(number, applied);
      const of = between.upload();
      const { progress, settled, answered } = await run(between, of);
      expect(answered).toBe(false);
      const { direct } = between;
      if (settled && progress) {
        expect(await direct.completeSettled(of, progress, settled, undefined)).toHaveProperty('version');
        const found = (await direct.look('acme/a')) as Found;
        expect((await readAll(direct, 'acme/a', found.version))?.equals(content)).toBe(true);
      } else {
        expect(await direct.look('acme/a')).toBeUndefined();
        if (!progress) return;
        const salvaged = await direct.salvage(of.token, 'acme/a', progress);
        expect(salvaged.durable).toBeLessThan(content.length);
        const writer = await direct.resume(between.upload('acme/a', of.token), salvaged);
        await send(writer, content.subarray(salvaged.durable));
        await writer.settle();
        expect(await writer.complete(undefined)).toHaveProperty('version');
        const found = (await direct.look('acme/a')) as Found;
        expect((await readAll(direct, 'acme/a', found.version))?.equals(content)).toBe(true);
      }
      await direct.discard(of.token, 'acme/a', progress);
      await direct.discard(of.token, 'acme/a', progress);
      expect(await direct.look('acme/a')).toBeDefined();
    } finally {
      await between.close();
    }
  });
});

describeOn(moto, (server) => {
  it('an upload that no record names is found by its key, with the time of its begin', async () => {
    const made = await makeS3Store(server().endpoint, { profile: 'moto' });
    const writer = made.store.begin({ token: 'token-x', storedKey: 'acme/a', partner: 'acme', admission: made.buffers.admit('acme') });
    await send(writer, content);
    await writer.park();
    const found: object[] = [];
    for await (const upload of (await made.reopen()).halfWritten('acme/a')) found.push(upload);
    expect(found).toEqual([{ uploadId: writer.progress().uploadId, storedKey: 'acme/a', begun: expect.any(Number) }]);
    for await (const upload of made.store.halfWritten('acme')) throw new Error(`another key has ${upload.uploadId}`);
    for await (const upload of made.store.halfWritten()) throw new Error(`nobody asked for ${upload.uploadId}`);
    await made.end();
  });
});
