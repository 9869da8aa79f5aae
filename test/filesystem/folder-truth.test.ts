import { claimKey, entryKey } from '../../runtime/filesystem/rows';
import { transact } from '../../runtime/filesystem/transaction';
import type { DirectoryEntry } from '../../runtime/model/entry';
import { settle } from '../support/fake-clock';
import { at, events, get, makeFilesystem, makeUser, names, put, viewOf } from '../support/filesystem';
import { kindOf, oneProcess } from '../support/one-process';
import { wrapPorts } from '../support/wrapped-ports';

const look = (made: ReturnType<typeof oneProcess>, key: string) => made.fs.folders.makeEqual(key, key);
const placed = Buffer.from('placed');

describe('a file that others put there', () => {
  it('is adopted once its version has kept for two seconds, without an event', async () => {
    const made = oneProcess();
    made.objects.place('acme/a', placed);
    expect(await look(made, 'acme/a')).toBe('unsettled');
    await made.clock.advance(1_999);
    expect(await look(made, 'acme/a')).toBe('unsettled');
    await made.clock.advance(1);
    expect(await look(made, 'acme/a')).toBe('adopted');
    expect(await look(made, 'acme/a')).toBe('same');
    expect(await names(made.view)).toEqual(['a 6']);
    expect(await events(made.fs)).toEqual([]);
  });

  it('is not adopted while it grows', async () => {
    const made = oneProcess();
    for (let round = 0; round < 5; round++) {
      made.objects.place('acme/a', Buffer.from('x'.repeat(round)));
      expect(await look(made, 'acme/a')).toBe('unsettled');
      await made.clock.advance(1_500);
    }
    await made.clock.advance(500);
    expect(await look(made, 'acme/a')).toBe('adopted');
  });

  it('does not wait for the others that were put there with it', async () => {
    const made = oneProcess();
    for (let index = 0; index < 100; index++) made.objects.place(`acme/${index}`, placed);
    let open = 0;
    let most = 0;
    const counted = wrapPorts(made, async (called, act) => {
      if (called !== 'objects.look') return act();
      most = Math.max(most, ++open);
      await settle();
      open--;
      return act();
    });
    const fs = makeFilesystem(counted, made.clock);
    await names(viewOf(fs));
    await settle(300);
    await made.clock.advance(3_000);
    await settle(300);
    expect(await names(viewOf(fs))).toHaveLength(100);
    expect(most).toBeGreaterThan(10);
  });

  it('begins anew when it was away meanwhile', async () => {
    const made = oneProcess();
    made.objects.place('acme/a', placed);
    const file = made.objects.objects.get('acme/a');
    await look(made, 'acme/a');
    made.objects.take('acme/a');
    expect(await look(made, 'acme/a')).toBe('same');
    await made.clock.advance(5_000);
    // The same file, moved back.
    if (file) made.objects.objects.set('acme/a', file);
    expect(await look(made, 'acme/a')).toBe('unsettled');
  });

  it('gets the directories above it, which are then there for everybody', async () => {
    const made = oneProcess();
    made.objects.place('acme/new/sub/a', placed);
    await look(made, 'acme/new/sub/a');
    await made.clock.advance(2_000);
    expect(await look(made, 'acme/new/sub/a')).toBe('adopted');
    expect(await names(made.view)).toEqual(['new/']);
    expect(await get(made.view, '/new/sub/a')).toBe('placed');
  });
});

describe('what nobody has listed yet', () => {
  it('is entered at once where it is a directory', async () => {
    const { view, objects } = oneProcess();
    objects.place('acme/new/sub/a', placed);
    expect(await view.stat(at('/new/sub'), 'exists')).toMatchObject({ kind: 'directory' });
    expect(await names(view)).toEqual(['new/']);
  });

  it('is shown once it has been asked for and has kept still, where it is a file', async () => {
    const { view, objects, clock } = oneProcess();
    objects.place('acme/a', placed);
    expect(await kindOf(view.stat(at('/a'), 'size'))).toBe('not-found');
    await settle();
    await clock.advance(2_200);
    expect(await view.stat(at('/a'), 'size')).toMatchObject({ size: 6 });
  });

  it('is refused to an upload before its client has sent anything', async () => {
    const { fs, objects } = oneProcess();
    objects.place('acme/a', placed);
    objects.place('acme/d/a', placed);
    const dropBox = viewOf(fs, makeUser({ rights: ['write', 'list'] }));
    expect(await kindOf(dropBox.prepareUpload(at('/a'), { kind: 'new' }))).toBe('may-not-overwrite');
    expect(await kindOf(viewOf(fs).prepareUpload(at('/d'), { kind: 'new' }))).toBe('is-a-directory');
    await put(viewOf(fs), '/a', 'own');
    expect(await get(viewOf(fs), '/a')).toBe('own');
  });
});

it('a file in whose place somebody has put a directory is gone, and announced so', async () => {
  const { view, objects, fs } = oneProcess();
  await put(view, '/a', 'stored');
  objects.take('acme/a');
  objects.place('acme/a/inside', placed);
  expect(await fs.folders.adoptDirectory('acme/a')).toBe('adopted');
  expect(await names(view)).toEqual(['a/']);
  expect(await events(fs)).toEqual(['arrived acme/a', 'removed acme/a']);
});

it('looked at once, a file counts as still when it was last written a minute ago', async () => {
  const { objects, fs, clock } = oneProcess();
  objects.place('acme/a', placed);
  const stored = objects.objects.get('acme/a') as { modified: number };
  objects.objects.set('acme/a', { ...stored, modified: clock.now() - 59_999 } as never);
  expect(await fs.folders.makeEqual('acme/a', 'acme/a', true)).toBe('unsettled');
  await clock.advance(1);
  expect(await fs.folders.makeEqual('acme/a', 'acme/a', true)).toBe('adopted');
});

describe('a file that somebody changes in its place', () => {
  it('has no size until it keeps still, and then the one that it is read with', async () => {
    const { view, objects, clock } = oneProcess();
    await put(view, '/a', 'stored');
    objects.place('acme/a', Buffer.from('changed by others'));
    expect(await kindOf(view.stat(at('/a'), 'size'))).toBe('busy');
    expect(await view.stat(at('/a'), 'time')).toMatchObject({ kind: 'file' });
    await clock.advance(2_200);
    expect(await view.stat(at('/a'), 'size')).toMatchObject({ size: 17 });
    expect(await get(view, '/a')).toBe('changed by others');
  });

  it('is appended to neither at its old nor at its new size by a session that was told the old one', async () => {
    const { view, objects, clock } = oneProcess();
    await put(view, '/a', 'stored');
    expect(await view.stat(at('/a'), 'size')).toMatchObject({ size: 6 });
    objects.place('acme/a', Buffer.from('changed'));
    await kindOf(view.stat(at('/a'), 'size'));
    await clock.advance(2_200);
    expect(await kindOf(view.prepareUpload(at('/a'), { kind: 'append' }))).toBe('restart-not-possible');
  });
});

describe('a path', () => {
  async function claimed() {
    const made = oneProcess();
    await put(made.view, '/a', 'mine');
    await transact(made.fs, async (tx) => {
      const row = claimKey({ parent: 'acme', name: 'a' });
      await tx.get(row);
      tx.put(row, { state: 'held', token: 'x', owner: 'other', purpose: 'delete', sequence: 0, begun: 0 });
    });
    made.objects.take('acme/a');
    return made;
  }

  it('that somebody is changing is left to him', async () => {
    const made = await claimed();
    expect(await look(made, 'acme/a')).toBe('claimed');
    expect(await made.fs.folders.adoptDirectory('acme/a')).toBe('claimed');
    expect(await events(made.fs)).toEqual(['arrived acme/a']);
  });

  it('below a directory that is being renamed is left alone', async () => {
    const made = oneProcess();
    await made.view.makeDirectory(at('/d'));
    await put(made.view, '/d/a', 'mine');
    await transact(made.fs, async (tx) => {
      const row = entryKey({ parent: 'acme', name: 'd' });
      tx.put(row, { ...((await tx.get(row)) as DirectoryEntry), mark: { purpose: 'moving', owner: 'x', token: 'x' } });
    });
    made.objects.take('acme/d/a');
    expect(await look(made, 'acme/d/a')).toBe('claimed');
    expect(await made.fs.folders.adoptDirectory('acme/d/sub')).toBe('claimed');
  });

  it('whose file has gone loses its entry, which its event tells', async () => {
    const made = oneProcess();
    await put(made.view, '/a', 'mine');
    made.objects.take('acme/a');
    expect(await look(made, 'acme/a')).toBe('removed');
    expect(await look(made, 'acme/a')).toBe('same');
    expect(await events(made.fs)).toEqual(['arrived acme/a', 'removed acme/a']);
  });
});

describe('the names of a directory', () => {
  it('count as agreed when two looks a second apart saw the same', async () => {
    const { fs, view, clock } = oneProcess();
    await put(view, '/a', 'x');
    const compare = async () => (await fs.folders.namesOf('acme')) !== undefined;
    await names(view);
    await clock.advance(999);
    await names(view);
    expect(await compare()).toBe(true);
    await clock.advance(1);
    await names(view);
    expect(await compare()).toBe(false);
    await put(view, '/b', 'x');
    expect(await compare()).toBe(true);
  });

  it('of a directory that is not there are none', async () => {
    const { fs } = oneProcess();
    expect(await fs.folders.namesOf('acme/no')).toEqual({ stamp: 'absent', names: new Map(), unlistable: 0 });
  });

  it('are remembered for ten thousand directories: the one agreed longest ago is compared again', async () => {
    const { fs, clock, objects } = oneProcess();
    objects.folders.add('acme/first');
    const stamp = (await objects.directories.stamp('acme/first')) as string;
    for (let round = 0; round < 2; round++) {
      fs.folders.agree('acme/first', stamp);
      await clock.advance(1_000);
    }
    for (let index = 1; index < 10_000; index++) fs.folders.agree(`acme/other ${index}`, 'x');
    expect(await fs.folders.namesOf('acme/first')).toBeUndefined();
    fs.folders.agree('acme/one more', 'x');
    expect(await fs.folders.namesOf('acme/first')).toBeDefined();
  });
});

describe('differences that were noticed', () => {
  it('are settled in the background, and once more when unknown files may have kept still', async () => {
    const { fs, clock, objects, view } = oneProcess();
    await put(view, '/gone', 'x');
    objects.take('acme/gone');
    objects.place('acme/new', placed);
    objects.folders.add('acme/dir');
    fs.folders.noteDifferences(['acme/gone', 'acme/new', 'acme/dir']);
    await settle();
    expect(await events(fs)).toEqual(['arrived acme/gone', 'removed acme/gone']);
    await clock.advance(2_100);
    expect(await names(view)).toEqual(['dir/', 'new 6']);
  });

  it('take a directory that is gone with them once nothing is left below it', async () => {
    const { fs, objects, view } = oneProcess();
    await view.makeDirectory(at('/d'));
    await put(view, '/d/a', 'x');
    objects.take('acme/d/a');
    objects.folders.delete('acme/d');
    fs.folders.noteDifferences(['acme/d']);
    await settle(60);
    fs.folders.noteDifferences(['acme/d']);
    await settle(60);
    expect(await names(view)).toEqual([]);
    expect(await kindOf(view.list(at('/d')))).toBe('not-found');
  });

  it('beyond ten thousand wait for the next pass', async () => {
    const made = oneProcess();
    const looked = new Set<string>();
    const directories = { ...made.objects.directories, stamp: async (key: string) => void looked.add(key) };
    const objects = Object.assign(Object.create(made.objects) as typeof made.objects, { directories });
    made.fs.folders.attach({ ...made.fs, objects });
    made.fs.folders.noteDifferences(Array.from({ length: 10_050 }, (_, index) => `acme/${index}`));
    while (looked.size < 10_000) await settle();
    await settle(50);
    expect(looked.size).toBe(10_000);
  });

  it('that cannot be settled are left for the next look, and the others are settled', async () => {
    const made = oneProcess();
    await put(made.view, '/a', 'x');
    await put(made.view, '/b', 'x');
    made.objects.take('acme/a');
    made.objects.take('acme/b');
    const objects = Object.assign(Object.create(made.objects) as typeof made.objects, {
      look: async (key: string) => {
        if (key === 'acme/a') throw new Error('the disk says no');
        return made.objects.look(key);
      },
    });
    made.fs.folders.attach({ ...made.fs, objects });
    made.fs.folders.noteDifferences(['acme/a', 'acme/b']);
    await settle(40);
    expect(await events(made.fs)).toEqual(['arrived acme/a', 'arrived acme/b', 'removed acme/b']);
  });
});

describe('on a store that folds case', () => {
  it('a name that would land on another name’s file is refused', async () => {
    const made = oneProcess();
    const directories = { ...made.objects.directories, folds: true };
    const fs = { ...made.fs, objects: Object.assign(Object.create(made.objects) as typeof made.objects, { directories }) };
    await put(made.view, '/Caf\u00e9', 'x');
    const refused = (name: string) => kindOf(fs.folders.requireNoFold(fs, `acme/${name}`, undefined));
    expect(await refused('caf\u00e9')).toBe('name-not-allowed');
    expect(await refused('Cafe\u0301')).toBe('name-not-allowed');
    expect(await refused('Caf\u00e9')).toBe('done');
    expect(await refused('other')).toBe('done');
    expect(await kindOf(made.fs.folders.requireNoFold(made.fs, 'acme/caf\u00e9', undefined))).toBe('done');
  });
});
