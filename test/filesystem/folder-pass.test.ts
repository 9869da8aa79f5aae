import type { Filesystem } from '../../runtime/filesystem/filesystem';
import { compareFolders } from '../../runtime/filesystem/folder-pass';
import type { LogFields } from '../../runtime/ports/log';
import { runUntilDone } from '../support/fake-clock';
import { at, events, get, names, never, put, quietLog } from '../support/filesystem';
import { oneProcess } from '../support/one-process';

const placed = Buffer.from('placed');

async function pass({ fs, clock }: { fs: Filesystem; clock: ReturnType<typeof oneProcess>['clock'] }, homes = ['acme']) {
  await runUntilDone(clock, compareFolders(fs, homes, never()));
  // Unknown files are looked at once more when they have kept still.
  await clock.advance(2_500);
}

it('finds what nobody has looked at: dropped, taken, replaced in place, at any depth', async () => {
  const made = oneProcess();
  const { view, objects } = made;
  await view.makeDirectory(at('/d'));
  await put(view, '/d/taken', 'x');
  await put(view, '/d/replaced', 'x');
  objects.take('acme/d/taken');
  objects.place('acme/d/replaced', placed);
  objects.place('acme/d/new/deep/file', placed);
  await pass(made);
  await pass(made);
  expect(await names(view, '/d')).toEqual(['new/', 'replaced 6']);
  expect(await get(view, '/d/new/deep/file')).toBe('placed');
  expect(await events(made.fs)).toContain('removed acme/d/taken');
});

it('goes through every home and nothing else', async () => {
  const made = oneProcess();
  for (const home of ['acme', 'other', 'third']) made.objects.place(`${home}/file`, placed);
  await pass(made, ['acme', 'other']);
  const known = await Promise.all(['acme', 'other', 'third'].map((home) => made.fs.metadata.page('entry', home, { limit: 10 })));
  expect(known.map((rows) => rows.length)).toEqual([1, 1, 0]);
});

it('changes nothing where index and folder agree', async () => {
  const made = oneProcess();
  await put(made.view, '/a', 'x');
  await put(made.view, '/b.part', 'x');
  const writes: string[] = [];
  const fs = made.told((name) => void (name === 'metadata.transact' && writes.push(name)));
  await pass({ fs, clock: made.clock });
  expect(writes).toEqual([]);
  expect(await names(made.view)).toEqual(['a 1', 'b.part 1']);
});

it('removes the rows of directories that are gone', async () => {
  const made = oneProcess();
  await made.view.makeDirectory(at('/d'));
  await made.view.makeDirectory(at('/d/sub'));
  for (const folder of ['acme/d/sub', 'acme/d']) made.objects.folders.delete(folder);
  await pass(made);
  await pass(made);
  expect(await names(made.view)).toEqual([]);
});

it('reports names that cannot be listed, and leaves them alone', async () => {
  const made = oneProcess();
  const warnings: LogFields[] = [];
  const log = { ...quietLog, warn: (_: string, fields: LogFields = {}) => void warnings.push(fields) };
  made.objects.place('acme/line\nbreak', placed);
  const directories = {
    ...made.objects.directories,
    names: async (key: string) => {
      const there = await made.objects.directories.names(key);
      return there && { ...there, unlistable: 3 };
    },
  };
  const objects = Object.assign(Object.create(made.objects) as typeof made.objects, { directories });
  await pass({ fs: { ...made.fs, objects, log }, clock: made.clock });
  expect(warnings.map(({ text }) => text)).toEqual([expect.stringContaining('3 names that cannot be listed')]);
  expect(await names(made.view)).toEqual([]);
});

it('stops between two folders when it is told to', async () => {
  const made = oneProcess();
  const stop = new AbortController();
  stop.abort(new Error('the server stops'));
  await expect(compareFolders(made.fs, ['acme'], stop.signal)).rejects.toThrow('the server stops');
});
