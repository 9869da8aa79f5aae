import { isUnderMark, lookAtPath, readEntry, requireAncestors, requireUnmarked } from '../../runtime/filesystem/path-state';
import { entryKey } from '../../runtime/filesystem/rows';
import { transact } from '../../runtime/filesystem/transaction';
import { type DirectoryEntry, placeOf } from '../../runtime/model/entry';
import { at, cut, put } from '../support/filesystem';
import { connectionLost, kindOf, oneProcess } from '../support/one-process';

async function mark(fs: ReturnType<typeof oneProcess>['fs'], key: string, purpose: 'removing' | 'moving') {
  await transact(fs, async (tx) => {
    const row = entryKey(placeOf(key));
    tx.put(row, { ...((await tx.get(row)) as DirectoryEntry), mark: { purpose, owner: 'other', token: 'x' } });
  });
}

async function make() {
  const made = oneProcess();
  await made.view.makeDirectory(at('/d'));
  await made.view.makeDirectory(at('/d/sub'));
  await put(made.view, '/file', 'x');
  return made;
}

it.each([
  ['a file in the home', 'acme/a', 'acme', 'done'],
  ['a file in a home of several segments', 'top/acme/a', 'top/acme', 'done'],
  ['a file whose directories are there', 'acme/d/sub/a', 'acme', 'done'],
  ['a file whose directory is missing', 'acme/no/a', 'acme', 'not-found'],
  ['a file whose directory above is missing', 'acme/no/sub/a', 'acme', 'not-found'],
  ['a file below a file', 'acme/file/a', 'acme', 'not-a-directory'],
])('the directories above %s', async (_, key, home, kind) => {
  const { fs } = await make();
  expect(await kindOf(requireAncestors(fs, key, home))).toBe(kind);
});

it.each([
  ['removing', 'not-found'],
  ['moving', 'busy'],
] as const)('nothing may be written two levels below a directory that is marked %s', async (purpose, kind) => {
  const { fs } = await make();
  await mark(fs, 'acme/d', purpose);
  expect(await kindOf(requireAncestors(fs, 'acme/d/sub/a', 'acme'))).toBe(kind);
  expect(await transact(fs, (tx) => isUnderMark(tx, 'acme/d/sub/a'))).toBe(true);
  expect(await kindOf(transact(fs, (tx) => requireUnmarked(tx, 'acme/d/sub/a')))).toBe('busy');
  expect(await transact(fs, (tx) => isUnderMark(tx, 'acme/d'))).toBe(false);
});

it('the uploads of a path are not those of a name that begins with it', async () => {
  const { fs, view } = await make();
  await cut(view, '/a', ['123456789'], connectionLost);
  await cut(view, '/ab', ['123456789'], connectionLost);
  const state = await lookAtPath(fs, 'acme/a');
  expect(state.uploads.map(({ key }) => key)).toEqual(['acme/a']);
  expect(state.entry).toBeUndefined();
  expect(await readEntry(fs, 'acme/file')).toMatchObject({ kind: 'file', size: 1 });
});
