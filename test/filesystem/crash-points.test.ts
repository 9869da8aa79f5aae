import { rmSync } from 'node:fs';
import path from 'node:path';
import { openDirectoryStore } from '../../runtime/adapters/directory/open-directory-store';
import { Environment, type Headroom } from '../../runtime/adapters/lmdb/environment';
import { LmdbMetadataStore } from '../../runtime/adapters/lmdb/lmdb-metadata-store';
import { makeBase } from '../adapters/directory-fixture';
import { none, scenarios, tryAll } from '../support/crash-run';
import { fastClock } from '../support/fast-clock';
import { allFaults } from '../support/faults';
import { memoryStores } from '../support/filesystem';

/** Every call of a port, times every way to fail there, times every kind of change. */

/** Thousands of indexes are opened; each writes its headroom first. */
const room: Headroom = { wanted: 512 * 1024, low: 512 * 1024, least: 256 * 1024 };

describe.each(allFaults)('a process that meets "%s" at any call', (fault) => {
  it.each(scenarios)('during $name leaves nothing half done in memory', async (scenario) => {
    expect(await tryAll(scenario, fault, async () => ({ stores: memoryStores(), close: none }))).toBeGreaterThan(3);
  });

  it.each(scenarios)(
    'during $name leaves nothing half done in folder and index',
    async (scenario) => {
      const calls = await tryAll(scenario, fault, async () => {
        const base = makeBase();
        const environment = new Environment(path.join(base, 'index'), 'test', room);
        const { store } = await openDirectoryStore({
          base,
          modes: { file: 0o600, directory: 0o700 },
          clock: fastClock(),
          reserve: 0,
          bootId: 'boot',
        });
        const close = async () => {
          await environment.close();
          rmSync(base, { recursive: true });
        };
        return { stores: { metadata: new LmdbMetadataStore(environment), objects: store }, close };
      });
      expect(calls).toBeGreaterThan(3);
    },
    60_000,
  );
});
