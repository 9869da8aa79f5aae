import { BudgetedPartBuffers } from '../../runtime/adapters/memory/budgeted-part-buffers';
import { MemoryLeaseStore } from '../../runtime/adapters/memory/memory-lease-store';
import { MemoryMetadataStore } from '../../runtime/adapters/memory/memory-metadata-store';
import { MemoryObjectStore } from '../../runtime/adapters/memory/memory-object-store';
import { MemoryUserDirectory } from '../../runtime/adapters/memory/memory-user-directory';
import { describeLeaseStore } from '../contracts/lease-store.contract';
import { describeMetadataStore } from '../contracts/metadata-store.contract';
import { describeObjectStore } from '../contracts/object-store.contract';
import { describeObjectUploads } from '../contracts/object-uploads.contract';
import { describeUserDirectory } from '../contracts/user-directory.contract';
import { FakeClock } from '../support/fake-clock';
import { noWait } from '../support/filesystem';

const end = async () => undefined;

describeMetadataStore('memory', async () => ({ store: new MemoryMetadataStore(), end }));

describeUserDirectory('memory', async () => ({ users: new MemoryUserDirectory(), end }));

describeLeaseStore('memory', async () => {
  const clock = new FakeClock();
  return { leases: new MemoryLeaseStore(clock), clock, end };
});

for (const describeObjects of [describeObjectUploads, describeObjectStore])
  describeObjects('memory', async () => {
    const store = new MemoryObjectStore({ partSize: 100_000, heldBack: 1_000 });
    return {
      store,
      buffers: new BudgetedPartBuffers(512 * 1024 * 1024, noWait),
      reopen: async () => store,
      place: async (key, content) => void store.place(key, content),
      take: async (key) => void store.take(key),
      end,
    };
  });
