import { vanish } from '../../runtime/filesystem/adopt';
import type { Filesystem } from '../../runtime/filesystem/filesystem';
import { FolderTruth } from '../../runtime/filesystem/folder-truth';
import type { newRecord } from '../../runtime/filesystem/new-upload';
import type { dropUpload } from '../../runtime/filesystem/park';
import type { ownsClaim, takeClaim } from '../../runtime/filesystem/path-claim';
import { lookAtPath, type PathState } from '../../runtime/filesystem/path-state';
import type { findContinuation, takeOverParked } from '../../runtime/filesystem/resume';
import { endedKey, entryKey, uploadKey } from '../../runtime/filesystem/rows';
import type { shadowOf } from '../../runtime/filesystem/shadow';
import { transact } from '../../runtime/filesystem/transaction';
import { placeOf } from '../../runtime/model/entry';
import { Failure } from '../../runtime/model/failure';
import type { UploadRecord } from '../../runtime/model/upload-record';
import type { ByteSource } from '../../runtime/ports/byte-source';
import type { ObjectStore, ObjectWriter } from '../../runtime/ports/object-store';
import type { Contest } from './contested-path';
import { replace } from './doctored';
import type { TestStores } from './filesystem';

/** Mistakes that are easy to make in these rules. Each is planted for a while, to see that the checks see it: what they do not see they do not guard. */
export interface PlantedBug {
  readonly name: string;
  /** Where it shows. */
  readonly contest: Omit<Contest, 'seed' | 'plant'>;
  readonly plant: Contest['plant'];
  /** Bugs in the rules themselves, put into doctored modules. */
  readonly doctor?: () => void;
}

export const plantedBugs: readonly PlantedBug[] = [
  {
    name: 'a reply before the object is complete',
    contest: { actors: ['writer', 'reader'] },
    plant: { stores: (stores) => withWriters(stores, (writer) => ({ complete: async (over) => completeLater(writer, over) })) },
  },
  {
    name: 'a commit before everything is durable',
    contest: { actors: ['writer', 'second writer'], crash: true },
    plant: {
      stores: (stores, objects) =>
        withWriters(stores, (writer) => ({
          settle: async () => {
            const before = new Map(objects.half);
            const settled = await writer.settle();
            objects.half.clear();
            for (const [uploadId, bytes] of before) objects.half.set(uploadId, bytes);
            return settled;
          },
        })),
    },
  },
  {
    name: 'an end of data that is not asked for',
    contest: { actors: ['writer'] },
    plant: { source: endsWhateverHappens },
  },
  {
    name: 'a sweeper that takes what a living session works on',
    contest: { actors: ['writer', 'second writer', 'sweeper'] },
    plant: { sweeper: (fs) => ({ ...fs, active: Object.assign(Object.create(fs.active), { worksOn: () => false }) }) as Filesystem },
  },
  {
    name: 'a sweeper that removes first and asks afterwards',
    contest: { actors: ['writer', 'second writer', 'sweeper'], limits: { parkedFor: 0 } },
    plant: {},
    doctor: () => {
      replace<typeof dropUpload>('dropUpload', (real) => async (fs, record, state) => {
        await fs.objects.discard(record.token, record.storedKey, record.progress);
        return real(fs, record, state);
      });
    },
  },
  {
    name: 'an append to an upload whose size nobody was told',
    contest: { actors: ['writer', 'appender'], sameAccount: true },
    plant: {},
    doctor: () => {
      replace<typeof findContinuation>('findContinuation', (real) => async (fs, user, key, how, sizes) => {
        const state = await lookAtPath(fs, key);
        const parked = state.uploads.find((upload) => upload.state === 'parked');
        if (parked && how.kind === 'append') return { continuation: { kind: 'parked', record: parked, progress: parked.progress }, state };
        return real(fs, user, key, how, sizes);
      });
    },
  },
  {
    name: 'a resume that leaves the old record open',
    contest: { actors: ['writer', 'sweeper'], limits: { parkedFor: 0 } },
    plant: {},
    doctor: () => {
      replace<typeof takeOverParked>('takeOverParked', (real) => async (fs, parked, progress, token) => {
        const next = await real(fs, parked, progress, token);
        await reopen(fs, parked);
        return next;
      });
    },
  },
  {
    name: 'a delete that takes no claim',
    contest: { actors: ['writer', 'second writer', 'deleter', 'reader'] },
    plant: {},
    doctor: () => {
      const unclaimed = new Set<string>();
      replace<typeof takeClaim>('takeClaim', (real) => async (tx, fs, key, claim) => {
        if (claim.purpose !== 'delete') return real(tx, fs, key, claim);
        unclaimed.add(claim.token);
      });
      replace<typeof ownsClaim>('ownsClaim', (real) => async (tx, key, token, task) => unclaimed.has(token) || real(tx, key, token, task));
    },
  },
  {
    name: 'a listing of the folder taken as truth',
    contest: { actors: ['writer', 'second writer', 'renamer', 'reader'] },
    plant: {},
    doctor: () => {
      jest.spyOn(FolderTruth.prototype, 'makeEqual').mockImplementation(async function (this: FolderTruth, key) {
        const { fs } = this as unknown as { fs: Filesystem };
        return transact(fs, async (tx) => {
          const entry = await tx.get(entryKey(placeOf(key)));
          if (entry?.kind !== 'file') return 'same';
          await vanish(tx, fs, key, entry, entry.sequence + 1);
          return 'removed';
        });
      });
    },
  },
  {
    name: 'a cut upload shown with all that was received',
    contest: { actors: ['writer'], heldBack: 0 },
    plant: {},
  },
  {
    name: 'a cut upload shown above a later version',
    contest: { actors: ['writer', 'late writer'] },
    plant: {},
    doctor: () => {
      replace<typeof shadowOf>('shadowOf', () => ({ uploads }: PathState, user) => {
        return uploads.find((upload) => upload.user === user.name && upload.state === 'parked');
      });
    },
  },
  {
    name: 'an append that forgets which version it keeps',
    contest: { actors: ['writer', 'second writer', 'appender'] },
    plant: {},
    doctor: () => {
      replace<typeof newRecord>('newRecord', (real) => (fs, of) => ({ ...real(fs, of), base: undefined }));
    },
  },
];

/** The writers of a store with some of their methods replaced. */
function withWriters(stores: TestStores, change: (writer: ObjectWriter) => Partial<ObjectWriter>): TestStores {
  const changed = (writer: ObjectWriter) => {
    const methods = change(writer) as Record<string, unknown>;
    return new Proxy(writer, {
      get: (target, name) => {
        const value = methods[String(name)] ?? (Reflect.get(target, name) as unknown);
        return typeof value === 'function' ? value.bind(target) : value;
      },
      set: (target, name, value) => Reflect.set(target, name, value),
    });
  };
  const objects = new Proxy(stores.objects, {
    get: (target, name) => {
      if (name === 'begin') return (...args: Parameters<ObjectStore['begin']>) => changed(target.begin(...args));
      if (name === 'resume') return async (...args: Parameters<ObjectStore['resume']>) => changed(await target.resume(...args));
      if (name === 'append') return async (...args: Parameters<ObjectStore['append']>) => changed(await target.append(...args));
      const value = Reflect.get(target, name) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { metadata: stores.metadata, objects };
}

async function completeLater(writer: ObjectWriter, over: string | undefined) {
  const { proof } = await writer.settle();
  const after = (turns: number) => setImmediate(() => (turns > 0 ? after(turns - 1) : void writer.complete(over)));
  after(60);
  return { version: proof };
}

function endsWhateverHappens(source: ByteSource): ByteSource {
  return {
    deliver: async (accept, ready) => {
      try {
        await source.deliver(accept, ready);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
      }
    },
  };
}

async function reopen(fs: Filesystem, parked: UploadRecord): Promise<void> {
  await transact(fs, async (tx) => {
    const open = uploadKey(placeOf(parked.key), parked.token);
    await tx.get(open);
    await tx.get(endedKey(parked.token));
    tx.put(open, parked);
    tx.remove(endedKey(parked.token));
  });
}
