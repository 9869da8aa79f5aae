import { MemoryMetadataStore } from '../../runtime/adapters/memory/memory-metadata-store';
import { followHints } from '../../runtime/filesystem/index-sync';
import type { Hint, HintSource } from '../../runtime/ports/hint-source';
import { FakeBucket } from '../support/fake-bucket';
import type { Command } from '../support/fake-s3';
import { makeFilesystem, names, viewOf } from '../support/filesystem';
import { IdleClock } from '../support/idle-clock';

/** A queue that gives what it has in batches, and then ends the server. */
function queueOf(...batches: string[][]) {
  const done: string[] = [];
  const stop = new AbortController();
  const source: HintSource = {
    next: async () => {
      const batch = batches.shift();
      if (!batch) stop.abort(new Error('the server stops'));
      return (batch ?? []).map((key): Hint => ({ keys: [key], done: async () => void done.push(key) }));
    },
    close: () => undefined,
  };
  return { source, done, signal: stop.signal };
}

function make(beforeLook: (key: string) => Promise<void>) {
  const clock = new IdleClock();
  const bucket = new FakeBucket(clock, { versions: false, order: 'complete' });
  const objects = bucket.through(async (command: Command, send) => {
    if (command.constructor.name === 'HeadObjectCommand') await beforeLook((command.input as { Key: string }).Key);
    return send(command);
  });
  const fs = makeFilesystem({ metadata: new MemoryMetadataStore(), objects }, clock);
  const place = (...keys: string[]) => {
    for (const key of keys) bucket.s3.place(key, Buffer.from('placed'));
  };
  return { fs, clock, place, view: viewOf(fs) };
}

const refusing = (poison: string) => async (key: string) => {
  if (key === poison) throw Object.assign(new Error('no'), { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } });
};

describe('hints of the store', () => {
  it('are followed beside one that cannot be, which comes again, and nobody waits for it', async () => {
    const { fs, clock, place, view } = make(refusing('acme/poison'));
    place('acme/a', 'acme/poison', 'acme/b', 'acme/c');
    const { source, done, signal } = queueOf(['acme/a', 'acme/poison', 'acme/b'], ['acme/c']);
    const began = clock.monotonic();
    await followHints(fs, source, signal);
    expect(done).toEqual(['acme/a', 'acme/b', 'acme/c']);
    expect(await names(view)).toEqual(['a 6', 'b 6', 'c 6']);
    expect(clock.monotonic() - began).toBeLessThan(5_000);
  });

  it('are not asked for again at once when not one of them can be followed', async () => {
    const { fs, clock, place } = make(refusing('acme/poison'));
    place('acme/poison');
    const { source, done, signal } = queueOf(['acme/poison'], ['acme/poison']);
    const began = clock.monotonic();
    await followHints(fs, source, signal);
    expect(done).toEqual([]);
    expect(clock.monotonic() - began).toBeGreaterThanOrEqual(10_000);
  });

  it('of one batch are looked at together', async () => {
    let looking = 0;
    let most = 0;
    const { fs, place } = make(async () => {
      most = Math.max(most, ++looking);
      await new Promise(setImmediate);
      looking--;
    });
    const keys = Array.from({ length: 10 }, (_, index) => `acme/f${index}`);
    place(...keys);
    const { source, done, signal } = queueOf(keys);
    await followHints(fs, source, signal);
    expect([...done].sort()).toEqual(keys);
    expect(most).toBe(10);
  });
});
