import { MemoryMetadataStore } from '../../runtime/adapters/memory/memory-metadata-store';
import { MemoryObjectStore } from '../../runtime/adapters/memory/memory-object-store';
import type { Filesystem } from '../../runtime/filesystem/filesystem';
import type { PartnerView } from '../../runtime/filesystem/partner-view';
import { scanRows } from '../../runtime/filesystem/rows';
import { recover, sweep } from '../../runtime/filesystem/sweeper';
import { keyOf, placeOf } from '../../runtime/model/entry';
import { Failure } from '../../runtime/model/failure';
import { baseName, type VirtualPath } from '../../runtime/model/virtual-path';
import { accepts, at, makeFilesystem, makeUser, never, put, type TestStores, unfinished, viewOf } from '../support/filesystem';
import { bringToRest } from '../support/invariants';
import { SeededScheduler, type SimulatedProcess } from '../support/seeded-scheduler';

/**
 * A directory that is removed, made and renamed while files are stored and renamed into it and below it. In the end each file that was acknowledged lies in
 * exactly one place, under parents that are there, and nothing is marked: `CONTEST_SEED=123 npx jest contested-directory` runs one order alone.
 */
const chosen = process.env['CONTEST_SEED'];
const seeds = chosen ? [Number(chosen)] : Array.from({ length: 120 }, (_, index) => index + 1);

interface Sent {
  readonly content: string;
  /** Unique: the file keeps it wherever its directory goes. */
  readonly name: string;
  /** Somebody was told that it is gone, or perhaps so. */
  deleted: 'no' | 'yes' | 'perhaps';
  outcome: 'done' | 'refused' | 'unknown';
}

const undecided: ReadonlySet<string> = new Set(['unconfirmed', 'store-unavailable', 'taken-over']);

class Crowd {
  readonly sent: Sent[] = [];

  constructor(
    private readonly scheduler: SeededScheduler,
    private readonly stores: TestStores,
  ) {}

  session(fs: Filesystem, process: SimulatedProcess, who: string): { view: PartnerView; pause: () => Promise<unknown>; own: Filesystem } {
    const own = { ...fs, ...process.wrap(this.stores, who) };
    return { own, view: viewOf(own, makeUser({ name: who })), pause: () => process.point(who, 'waits') };
  }

  start(fs: Filesystem, process: SimulatedProcess): Promise<unknown>[] {
    const acting: Record<string, (view: PartnerView, own: Filesystem) => Promise<void>> = {
      writer: (view) => this.store(view, '/d'),
      'deep writer': (view) => this.store(view, '/d/sub'),
      publisher: (view) => this.publish(view),
      remover: async (view) => {
        await quietly(() => view.removeDirectory(at('/d/sub')));
        await quietly(() => view.removeDirectory(at('/d')));
      },
      maker: async (view) => {
        await quietly(() => view.makeDirectory(at('/d')));
        await quietly(() => view.makeDirectory(at('/d/sub')));
      },
      renamer: async (view) => {
        await quietly(async () => view.rename(await view.prepareRename(at('/d')), at('/e')));
        await quietly(async () => view.rename(await view.prepareRename(at('/e')), at('/d')));
      },
      deleter: (view) => this.delete(view),
      mover: (view) => this.moveOut(view),
      sweeper: async (_, own) => {
        for (let times = 0; times < 3; times++) await quietly(() => sweep(own, { isDead: () => false }));
      },
    };
    return Object.entries(acting).map(([who, act]) => {
      const { view, own, pause } = this.session(fs, process, `${fs.task} ${who}`);
      const begin = async () => {
        for (let wait = this.scheduler.pick(25); wait > 0; wait--) await pause();
        await act(view, own);
      };
      return Promise.race([begin(), process.death]);
    });
  }

  private send(): Sent {
    const number = this.sent.length;
    const one: Sent = { content: `content ${number}`, name: `file${number}`, deleted: 'no', outcome: 'unknown' };
    this.sent.push(one);
    return one;
  }

  private async store(view: PartnerView, directory: string): Promise<void> {
    for (let times = 0; times < 2; times++) {
      const one = this.send();
      one.outcome = await outcomeOf(() => put(view, `${directory}/${one.name}`, one.content));
    }
  }

  /** Stored under a temporary name outside, then renamed into the directory. */
  private async publish(view: PartnerView): Promise<void> {
    const one = this.send();
    one.outcome = await outcomeOf(() => put(view, `/${one.name}.part`, one.content));
    await quietly(async () => view.rename(await view.prepareRename(at(`/${one.name}.part`)), at(`/d/sub/${one.name}`)));
  }

  private async delete(view: PartnerView): Promise<void> {
    for (const path of await filesBelow(view, '/d')) {
      const one = this.sent.find(({ name }) => path.endsWith(`/${name}`));
      if (!one) continue;
      // Until there is an answer, and for good when the process dies before it.
      one.deleted = 'perhaps';
      const outcome = await outcomeOf(() => view.deleteFile(path));
      if (outcome !== 'unknown') one.deleted = outcome === 'done' ? 'yes' : 'no';
    }
  }

  private async moveOut(view: PartnerView): Promise<void> {
    for (const path of await filesBelow(view, '/d')) {
      await quietly(async () => view.rename(await view.prepareRename(path), at(`/${baseName(path)}`)));
    }
  }
}

async function filesBelow(view: PartnerView, directory: string): Promise<VirtualPath[]> {
  const found: VirtualPath[] = [];
  await quietly(async () => {
    for await (const page of await view.list(at(directory))) for (const { path, kind } of page) if (kind === 'file') found.push(path);
  });
  return found;
}

async function outcomeOf(work: () => Promise<void>): Promise<Sent['outcome']> {
  try {
    await work();
    return 'done';
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return undecided.has(error.kind) ? 'unknown' : 'refused';
  }
}

async function quietly(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    // Refusals are what the others cause; what counts is what is there in the end.
    if (!(error instanceof Failure)) throw error;
  }
}

async function check(fs: Filesystem, store: MemoryObjectStore, sent: readonly Sent[]): Promise<string[]> {
  const wrong = (await unfinished(fs)).map((what) => `left over: ${what}`);
  const directories = new Set(['acme']);
  const files = new Map<string, string>();
  for await (const { key, value } of scanRows(fs, 'entry')) {
    const name = keyOf({ parent: key.partition, name: key.sort });
    if (value.kind === 'directory') directories.add(name);
    else files.set(name, value.storedKey);
  }
  for (const name of [...directories, ...files.keys()]) {
    const { parent } = placeOf(name);
    if (parent !== '' && !directories.has(parent)) wrong.push(`${name} has no parent`);
  }
  for (const name of directories) if (name !== 'acme' && !store.folders.has(name)) wrong.push(`the directory ${name} is not in the store`);
  for (const name of store.folders) {
    if (name.startsWith('acme/') && !directories.has(name)) wrong.push(`the folder ${name} has no row`);
  }
  for (const [name, storedKey] of files) if (!store.objects.has(storedKey)) wrong.push(`the file ${name} is not in the store`);
  const named = new Set(files.values());
  for (const key of store.objects.keys()) if (!named.has(key)) wrong.push(`the object ${key} is not in the index`);
  for (const { content, outcome, deleted } of sent) {
    const copies = [...store.objects.values()].filter(({ bytes }) => bytes.toString() === content).length;
    if (deleted === 'yes' && copies !== 0) wrong.push(`"${content}" was deleted and lies in ${copies} places`);
    if (outcome === 'done' && deleted === 'no' && copies !== 1) wrong.push(`"${content}" was acknowledged and lies in ${copies} places`);
    if (outcome === 'refused' && copies !== 0) wrong.push(`"${content}" was refused and lies in ${copies} places`);
  }
  return wrong;
}

async function run(seed: number, crash: boolean, faults: number): Promise<readonly string[]> {
  const store = new MemoryObjectStore();
  const stores = { metadata: new MemoryMetadataStore(), objects: store };
  const scheduler = new SeededScheduler({ seed, faults, stickiness: (seed % 4) / 4 });
  const crowd = new Crowd(scheduler, stores);
  const outside = scheduler.process('outside', false);
  const first = scheduler.process('first');
  const fs = makeFilesystem(first.wrap(stores, 'background'), first.clock, 'first');
  const work = crowd.start(fs, first);
  let last = { fs, process: first };
  const restart = async () => {
    await scheduler.crash(last.process);
    const process = scheduler.process('second', false);
    last = { fs: makeFilesystem(process.wrap(stores, 'second'), process.clock, 'second'), process };
    await recover(last.fs);
  };
  const crashing = async () => {
    for (let wait = 20 + scheduler.pick(150); wait >= 0; wait--) await outside.point('crash', 'waits');
    await restart();
    await Promise.all(crowd.start(last.fs, last.process));
  };
  await scheduler.run(crash ? [...work, crashing()] : work);
  scheduler.stopFaults();
  if (faults > 0 && !crash) await scheduler.run([restart()]);
  await bringToRest(
    { ...last.fs, ...last.process.wrap(stores, 'rest') },
    (milliseconds) => scheduler.pass(milliseconds),
    (one) => scheduler.run([one]),
  );
  const wrong = await check({ ...last.fs, ...stores }, store, crowd.sent);
  return chosen && wrong.length > 0 ? [...wrong, ...scheduler.trace] : wrong;
}

it.each([
  ['nothing fails', false, 0],
  ['some calls fail or lose their answer', false, 0.03],
  ['the process dies', true, 0],
  ['the process dies while calls fail', true, 0.03],
] as const)('files stored below a directory that comes, goes and moves are each in one place, when %s', async (_, crash, faults) => {
  for (const seed of seeds) {
    const wrong = await run(seed, crash, faults);
    if (wrong.length > 0) throw new Error([`seed ${seed}:`, ...wrong].join('\n'));
  }
});

it('a directory is removed only before or after a file is stored below it, never between', async () => {
  const stores = { metadata: new MemoryMetadataStore(), objects: new MemoryObjectStore() };
  const clock = new SeededScheduler({ seed: 1 }).process('first').clock;
  const view = viewOf(makeFilesystem(stores, clock));
  await view.makeDirectory(at('/d'));
  const upload = await view.prepareUpload(at('/d/a'), { kind: 'new' });
  await expect(view.removeDirectory(at('/d'))).rejects.toMatchObject({ kind: 'not-empty' });
  await upload.receive({ deliver: async (accept) => void accept(Buffer.from('x')) }, accepts, never());
  await view.deleteFile(at('/d/a'));
  await view.removeDirectory(at('/d'));
});
