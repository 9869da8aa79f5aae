import { MemoryMetadataStore } from '../../runtime/adapters/memory/memory-metadata-store';
import type { MetadataStore } from '../../runtime/ports/metadata-store';
import { FakeBucket } from '../support/fake-bucket';
import { at, makeFilesystem, put, viewOf } from '../support/filesystem';
import { IdleClock } from '../support/idle-clock';

/** With an index on the network each of these waits costs a client its milliseconds: what is not needed for the next question is asked together with it. */
class CountingStore extends MemoryMetadataStore {
  waits = 0;
  private asked = 0;

  override get: MetadataStore['get'] = (keys) => this.counted(() => super.get(keys));
  override page: MetadataStore['page'] = (table, partition, options) => this.counted(() => super.page(table, partition, options));
  override transact: MetadataStore['transact'] = (writes) => this.counted(() => super.transact(writes));

  /** Requests that are under way together are one wait. */
  private async counted<T>(request: () => Promise<T>): Promise<T> {
    if (this.asked++ === 0) this.waits++;
    try {
      return await request();
    } finally {
      this.asked--;
    }
  }
}

it.each([
  ['a new file', 6, (view) => put(view, '/in/deep/new', 'bytes')],
  ['a file that replaces another', 9, (view) => put(view, '/in/deep/there', 'other bytes')],
  ['a rename', 9, async (view) => view.rename(await view.prepareRename(at('/in/deep/there')), at('/in/deep/then'))],
  ['a delete', 6, (view) => view.deleteFile(at('/in/deep/there'))],
] as [string, number, (view: ReturnType<typeof viewOf>) => Promise<unknown>][])(
  '%s waits for the index %i times',
  async (_, waits, change) => {
    const metadata = new CountingStore();
    const clock = new IdleClock();
    const objects = new FakeBucket(clock, { versions: true, order: 'begin' }).store();
    const view = viewOf(makeFilesystem({ metadata, objects }, clock));
    await view.makeDirectory(at('/in'));
    await view.makeDirectory(at('/in/deep'));
    await put(view, '/in/deep/there', 'bytes');
    metadata.waits = 0;
    await change(view);
    expect(metadata.waits).toBe(waits);
  },
);
