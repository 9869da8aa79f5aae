import { runUntilDone } from '../support/fake-clock';
import { at, get, names, put, viewOf } from '../support/filesystem';
import { kindOf, oneProcess } from '../support/one-process';

/** Appending in a session that was told the file's size before the file changed. */

const append = { kind: 'append' } as const;

function make() {
  const { view, fs, objects, clock } = oneProcess();
  return { view, fs, objects, clock };
}
type Made = ReturnType<typeof make>;
const size = ({ view }: Made) => view.stat(at('/a'), 'size').catch(() => undefined);

it.each<[string, (made: Made) => Promise<unknown>, string]>([
  ['the session appended to it', ({ view }) => put(view, '/a', '-own', append), 'old-own-new'],
  ['the session replaced it', ({ view }) => put(view, '/a', 'own'), 'own-new'],
  ['the session renamed another onto it', async ({ view }) => view.rename(await view.prepareRename(at('/b')), at('/a')), 'other-new'],
  ['the session renamed it away', async ({ view }) => view.rename(await view.prepareRename(at('/a')), at('/c')), '-new'],
  ['the session deleted it', ({ view }) => view.deleteFile(at('/a')), '-new'],
  [
    'a consumer took it and SIZE said so',
    (made) => {
      made.objects.take('acme/a');
      return size(made);
    },
    '-new',
  ],
  [
    'a consumer took it and a listing no longer has it',
    ({ objects, view }) => {
      objects.take('acme/a');
      return names(view);
    },
    '-new',
  ],
])('goes on where the file is now when %s', async (_, change, content) => {
  const made = make();
  await put(made.view, '/a', 'old');
  await put(made.view, '/b', 'other');
  expect(await size(made)).toMatchObject({ size: 3 });
  await change(made);
  await runUntilDone(made.clock, put(made.view, '/a', '-new', append));
  expect(await get(made.view, '/a')).toBe(content);
});

it.each<[string, (made: Made) => Promise<unknown>]>([
  ['another session replaced it', ({ fs }) => put(viewOf(fs), '/a', 'another')],
  [
    'another session replaced what this one had stored',
    async ({ view, fs }) => {
      await put(view, '/a', 'own');
      await put(viewOf(fs), '/a', 'new');
    },
  ],
  ['it went and nobody has said so', async ({ fs }) => viewOf(fs).deleteFile(at('/a'))],
])('is refused when %s', async (_, change) => {
  const made = make();
  await put(made.view, '/a', 'old');
  await size(made);
  await change(made);
  expect(await kindOf(made.view.prepareUpload(at('/a'), append))).toBe('restart-not-possible');
});
