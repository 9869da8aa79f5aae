import { directoriesOf, nothingCompared, reconcileAll } from '../../runtime/operator/reconcile-homes';
import type { UserDirectory } from '../../runtime/ports/user-directory';
import { fastClock } from '../support/fast-clock';
import { at, makeFilesystem, makeUser, memoryStores, put, viewOf } from '../support/filesystem';

/** Homes whose names are the beginning of each other: `acme-test/` and `acme.eu/` come before `acme/`. */
const homes = ['acme', 'acme-test', 'acme.eu', 'zeta'];

async function make() {
  const stores = memoryStores();
  const fs = makeFilesystem(stores, fastClock());
  const users = {
    async *list() {
      for (const home of [...homes, 'acme']) yield { user: makeUser({ name: home, home }) };
    },
  } as unknown as UserDirectory;
  for (const home of homes) {
    const view = viewOf(fs, makeUser({ name: home, home }));
    for (const name of ['/a', '/b.tmp']) await put(view, name, 'content');
  }
  return { fs, users, view: viewOf(fs), store: stores.objects };
}

async function places(made: Awaited<ReturnType<typeof make>>, after?: string, stopAt?: string) {
  const { fs, users } = made;
  const told: string[] = [];
  const report = { ...nothingCompared };
  const controller = new AbortController();
  await reconcileAll(fs, await directoriesOf(fs, users, undefined), { repair: false, after, signal: controller.signal }, report, (step) => {
    told.push(step.place);
    if (step.place === stopAt) controller.abort();
  });
  return { told, report };
}

it('every place that a run was broken off at is one where another goes on, and the two leave nothing out', async () => {
  const made = await make();
  const { told: all, report } = await places(made);
  expect(report).toEqual({ compared: 8, drifts: 0, repaired: 0, left: 0, last: '.temporary/zeta/b.tmp', finished: true });
  expect(all).toEqual(['acme-test', 'acme.eu', 'acme', 'zeta'].flatMap((home) => [`${home}/a`, `.temporary/${home}/b.tmp`]));
  for (const place of all) {
    const first = await places(made, undefined, place);
    expect(first.report).toMatchObject({ last: place, finished: false });
    const second = await places(made, first.report.last);
    expect([...first.told, ...second.told]).toEqual(all);
    expect(second.report.finished).toBe(true);
  }
});

it.each([
  ['other', 'lies in no home; homes are acme-test, acme.eu, acme, zeta'],
  ['acme/a', 'acme/a is a file: name the directory that it lies in'],
  ['acme/none', 'there is no directory acme/none, neither in the index nor in the store'],
  ['acme/../zeta', 'there is no directory acme/../zeta'],
  ['acme/./sub', 'there is no directory acme/./sub'],
  ['acme//sub', 'there is no directory acme//sub'],
])('%s is nothing to compare, and that is said', async (prefix, expected) => {
  const { fs, users, view } = await make();
  await view.makeDirectory(at('/sub'));
  await expect(directoriesOf(fs, users, prefix)).rejects.toThrow(expected);
});

it('a directory may be known to the store alone, or be empty', async () => {
  const { fs, users, view, store } = await make();
  store.place('acme/placed/file', Buffer.from('content'));
  await view.makeDirectory(at('/empty'));
  expect(await directoriesOf(fs, users, '/acme/placed/')).toEqual(['acme/placed']);
  expect(await directoriesOf(fs, users, 'acme/empty')).toEqual(['acme/empty']);
  expect(await directoriesOf(fs, users, 'acme')).toEqual(['acme']);
});
