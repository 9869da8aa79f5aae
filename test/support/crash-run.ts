import { crc32 } from 'node:zlib';
import type { Filesystem } from '../../runtime/filesystem/filesystem';
import { syncKeys } from '../../runtime/filesystem/index-sync';
import { objectsInStore } from '../../runtime/filesystem/key-order';
import type { PartnerView } from '../../runtime/filesystem/partner-view';
import { scanRows } from '../../runtime/filesystem/rows';
import { recover, sweep } from '../../runtime/filesystem/sweeper';
import { Failure } from '../../runtime/model/failure';
import type { Clock } from '../../runtime/ports/clock';
import { fastClock } from './fast-clock';
import { type Fault, FaultyPorts } from './faults';
import { at, cut, get, makeFilesystem, put, type TestStores, unfinished, viewOf } from './filesystem';

/**
 * One change at a time, hit by one fault at one call, then the process started again and swept twice: what is there must be explained by what was
 * acknowledged, with nothing left over. Shared by the suites that hit the calls of the ports and those that hit the requests behind a port.
 */
const lost = new Failure('cut', 'The connection was reset.');

export interface Scenario {
  readonly name: string;
  /** What is there before; runs without faults. */
  readonly before: (view: PartnerView) => Promise<void>;
  readonly change: (view: PartnerView) => Promise<void>;
  /** Listing and contents if the change did not happen, and if it did. */
  readonly without: Readonly<Record<string, string>>;
  readonly with: Readonly<Record<string, string>>;
  /** Parked uploads may remain at this path: its owner sees a size there instead. */
  readonly parks?: string;
}

export const none = async () => undefined;
/** @param long More than what the store holds back of a cut upload. */
export const scenariosWith = (long: string): readonly Scenario[] => [
  {
    name: 'a new file',
    before: none,
    change: (view) => put(view, '/a', 'new content'),
    without: {},
    with: { '/a': 'new content' },
    parks: '/a',
  },
  {
    name: 'a new long file',
    before: none,
    change: (view) => put(view, '/a', long),
    without: {},
    with: { '/a': long },
    parks: '/a',
  },
  {
    name: 'an overwrite',
    before: (view) => put(view, '/a', 'old content'),
    change: (view) => put(view, '/a', 'new content'),
    without: { '/a': 'old content' },
    with: { '/a': 'new content' },
    parks: '/a',
  },
  {
    name: 'an append',
    before: (view) => put(view, '/a', 'old content '),
    change: (view) => put(view, '/a', 'and more of it', { kind: 'append' }),
    without: { '/a': 'old content ' },
    with: { '/a': 'old content and more of it' },
    parks: '/a',
  },
  {
    name: 'a resume',
    before: async (view) => {
      await cut(view, '/a', [long.slice(0, -1)], lost);
      await view.stat(at('/a'), 'size');
    },
    change: async (view) => {
      const { size } = await view.stat(at('/a'), 'size');
      await put(view, '/a', long.slice(size), { kind: 'append' });
    },
    without: {},
    with: { '/a': long },
    parks: '/a',
  },
  {
    name: 'a long file over another',
    before: (view) => put(view, '/a', 'old content'),
    change: (view) => put(view, '/a', long),
    without: { '/a': 'old content' },
    with: { '/a': long },
    parks: '/a',
  },
  {
    name: 'an append to a long file',
    before: (view) => put(view, '/a', long),
    change: (view) => put(view, '/a', ' and more', { kind: 'append' }),
    without: { '/a': long },
    with: { '/a': `${long} and more` },
    parks: '/a',
  },
  {
    name: 'a delete',
    before: (view) => put(view, '/a', 'old content'),
    change: (view) => view.deleteFile(at('/a')),
    without: { '/a': 'old content' },
    with: {},
  },
  {
    name: 'a rename onto a free name',
    before: (view) => put(view, '/a', 'content'),
    change: async (view) => view.rename(await view.prepareRename(at('/a')), at('/b')),
    without: { '/a': 'content' },
    with: { '/b': 'content' },
  },
  {
    name: 'a rename over a file',
    before: async (view) => {
      await put(view, '/a', 'from');
      await put(view, '/b', 'over');
    },
    change: async (view) => view.rename(await view.prepareRename(at('/a')), at('/b')),
    without: { '/a': 'from', '/b': 'over' },
    with: { '/b': 'from' },
  },
  {
    name: 'a rename of a long file',
    before: (view) => put(view, '/a', long),
    change: async (view) => view.rename(await view.prepareRename(at('/a')), at('/b')),
    without: { '/a': long },
    with: { '/b': long },
  },
  {
    name: 'the publication of a temporary name',
    before: (view) => put(view, '/a.tmp', 'content'),
    change: async (view) => view.rename(await view.prepareRename(at('/a.tmp')), at('/a')),
    without: { '/a.tmp': 'content' },
    with: { '/a': 'content' },
  },
  {
    name: 'the rename of a directory',
    before: async (view) => {
      await view.makeDirectory(at('/d'));
      await view.makeDirectory(at('/d/sub'));
      await put(view, '/d/one', 'one');
      await put(view, '/d/sub/two', 'two');
    },
    change: async (view) => view.rename(await view.prepareRename(at('/d')), at('/e')),
    without: { '/d/': '', '/d/one': 'one', '/d/sub/': '', '/d/sub/two': 'two' },
    with: { '/e/': '', '/e/one': 'one', '/e/sub/': '', '/e/sub/two': 'two' },
  },
  { name: 'a new directory', before: none, change: (view) => view.makeDirectory(at('/d')), without: {}, with: { '/d/': '' } },
  {
    name: 'the removal of a directory',
    before: (view) => view.makeDirectory(at('/d')),
    change: (view) => view.removeDirectory(at('/d')),
    without: { '/d/': '' },
    with: {},
  },
];

/** Longer than what the directory store holds back. */
export const scenarios = scenariosWith('resumed '.repeat(10_000));

/** The whole tree as a partner sees it: directories end in a slash, parked uploads show as `?`. */
async function tree(view: PartnerView, directory = '/'): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const page of await view.list(at(directory))) {
    for (const { path: child, kind, parked } of page) {
      if (parked) found[child] = '?';
      else if (kind === 'file') found[child] = await get(view, child);
      else Object.assign(found, { [`${child}/`]: '' }, await tree(view, child));
    }
  }
  return found;
}

/** What a hint of the store would name: each key at which anything was or is. */
async function everyKey(fs: Filesystem): Promise<string[]> {
  const keys = new Set<string>();
  for await (const { value } of scanRows(fs, 'outbox')) keys.add(value.key).add(value.type === 'moved' ? value.from : value.key);
  for await (const { value } of scanRows(fs, 'entry')) if (value.kind === 'file') keys.add(value.storedKey);
  for await (const { key } of objectsInStore(fs.objects, '')) keys.add(key);
  return [...keys];
}

/** A long content as what tells it from others, so that a difference can be read. */
function shortened(files: Readonly<Record<string, string>>): Record<string, string> {
  const short = (content: string) => (content.length < 100 ? content : `${content.length} characters, crc32 ${crc32(content)}`);
  return Object.fromEntries(Object.entries(files).map(([name, content]) => [name, short(content)]));
}

/** What is wrong, in words: of tens of thousands of looks each `expect` would cost more than the look. */
async function differences(fs: Filesystem, leftHalfWritten: () => readonly string[] = () => []): Promise<string[]> {
  const found: string[] = [];
  const parked = new Set<string>();
  for await (const { value } of scanRows(fs, 'upload')) if (value.progress.uploadId) parked.add(value.progress.uploadId);
  for await (const { value } of scanRows(fs, 'entry')) {
    if (value.kind !== 'file') continue;
    const there = await fs.objects.look(value.storedKey);
    if (there?.version !== value.version) found.push(`${value.storedKey} is ${there?.version}, the index says ${value.version}`);
  }
  const halfWritten = leftHalfWritten().slice();
  for await (const { uploadId } of fs.objects.halfWritten()) halfWritten.push(uploadId);
  for (const uploadId of halfWritten) if (!parked.has(uploadId)) found.push(`${uploadId} is half written, and nobody's`);
  const last = new Map<string, number>();
  for await (const { value } of scanRows(fs, 'outbox')) {
    const before = last.get(value.key) ?? 0;
    if (value.sequence <= before) found.push(`the events of ${value.key}: ${value.sequence} after ${before}`);
    last.set(value.key, value.sequence);
  }
  return found;
}

export interface OpenStores {
  readonly stores: TestStores;
  /** The same stores as the process sees them that is hit; unless given, every call of their ports can be. */
  readonly hit?: (ports: FaultyPorts) => TestStores;
  readonly clock?: Clock;
  /** How long after the process has ended something of its may still happen. */
  readonly settles?: number;
  /** Handles of half-written objects that are left, where the store does not tell. */
  readonly halfWritten?: () => readonly string[];
  readonly close: () => Promise<void>;
}

async function tryOne(scenario: Scenario, opened: OpenStores, hit: number, fault: Fault): Promise<boolean> {
  const { stores, clock = fastClock(1000), settles = 0 } = opened;
  await scenario.before(viewOf(makeFilesystem(stores, clock, 'before')));
  const ports = new FaultyPorts(hit, fault);
  const faulty = makeFilesystem(opened.hit?.(ports) ?? ports.wrap(stores), clock, 'faulty');
  const outcome = await Promise.race([
    scenario.change(viewOf(faulty)).then(
      () => 'acknowledged' as const,
      () => 'refused' as const,
    ),
    ports.death.then(() => 'dead' as const),
  ]);
  const met = ports.disarm();
  // A handler that failed in a living process leaves its record to that process's own sweeper; a dead one to its successor.
  const next = outcome === 'dead' ? makeFilesystem(stores, clock, 'next') : faulty;
  if (outcome === 'dead') await recover(next);
  await sweep(next, { isDead: () => false });
  if (settles > 0) {
    await clock.sleep(settles);
    await sweep(next, { isDead: () => false });
    await syncKeys(next, await everyKey(next));
    await sweep(next, { isDead: () => false });
  }
  expect(await sweep(next, { isDead: () => false })).toBe(0);
  const view = viewOf(next);
  const seen = await tree(view);
  if (scenario.parks && seen[scenario.parks] === '?') {
    expect(outcome).not.toBe('acknowledged');
    await view.deleteFile(at(scenario.parks));
    expect(shortened(await tree(view))).toEqual(shortened(scenario.without));
  } else if (outcome === 'acknowledged') {
    expect(shortened(seen)).toEqual(shortened(scenario.with));
  } else {
    expect([shortened(scenario.without), shortened(scenario.with)]).toContainEqual(shortened(seen));
  }
  expect(await differences(next, opened.halfWritten)).toEqual([]);
  expect(await unfinished(next)).toEqual([]);
  return met;
}

/** Hits the first call, the second, … until one run made fewer calls than that. Gives the number of calls. */
export async function tryAll(scenario: Scenario, fault: Fault, open: () => Promise<OpenStores>): Promise<number> {
  for (let hit = 0; ; hit++) {
    const opened = await open();
    try {
      if (!(await tryOne(scenario, opened, hit, fault))) return hit;
    } catch (error) {
      throw new Error(`${scenario.name}, ${fault} at call ${hit}: ${(error as Error).message}`, { cause: error });
    } finally {
      await opened.close();
    }
  }
}
