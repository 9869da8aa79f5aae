import { crc32 } from 'node:zlib';
import { sweep } from '../../runtime/filesystem/sweeper';
import { Failure } from '../../runtime/model/failure';
import { at, cut, events, get, makeUser, names, put, unfinished, viewOf } from '../support/filesystem';
import { connectionLost, kindOf, oneProcess } from '../support/one-process';

type View = ReturnType<typeof oneProcess>['view'];
const rename = async (view: View, from: string, to: string) => view.rename(await view.prepareRename(at(from)), at(to));

async function make() {
  const made = oneProcess();
  await made.view.makeDirectory(at('/d'));
  await put(made.view, '/a', 'content');
  await put(made.view, '/other', 'other');
  return made;
}

describe('a rename', () => {
  it.each([
    ['onto a directory', '/a', '/d', 'exists'],
    ['onto the home', '/a', '/', 'exists'],
    ['into a missing directory', '/a', '/no/a', 'not-found'],
    ['below a file', '/a', '/other/a', 'not-a-directory'],
    ['of what is not there', '/no', '/b', 'not-found'],
    ['of the home', '/', '/b', 'not-allowed'],
  ])('%s is refused and leaves everything as it was', async (_, from, to, kind) => {
    const { fs, view } = await make();
    expect(await kindOf(rename(view, from, to))).toBe(kind);
    expect(await names(view)).toEqual(['a 7', 'd/', 'other 5']);
    expect(await unfinished(fs)).toEqual([]);
  });

  it.each([false, true])('onto what the store refuses leaves everything as it was (its task died meanwhile: %s)', async (died) => {
    const { fs, view, objects } = await make();
    const refusing = new Failure(died ? 'unconfirmed' : 'exists', 'no');
    const move = jest.spyOn(objects, 'move').mockRejectedValueOnce(refusing);
    expect(await kindOf(rename(view, '/a', '/b'))).toBe(refusing.kind);
    if (died) {
      expect(await unfinished(fs)).not.toEqual([]);
      move.mockRejectedValueOnce(new Failure('exists', 'no'));
      await sweep(fs, { isDead: () => true });
    }
    expect(await names(view)).toEqual(['a 7', 'd/', 'other 5']);
    expect(await unfinished(fs)).toEqual([]);
    await rename(view, '/a', '/b');
    expect(await get(view, '/b')).toBe('content');
  });

  it('over a file needs the right to replace it', async () => {
    const { fs, view } = await make();
    const poor = viewOf(fs, makeUser({ rights: ['rename', 'list', 'read'] }));
    expect(await kindOf(rename(poor, '/a', '/other'))).toBe('may-not-overwrite');
    await rename(view, '/a', '/other');
    expect(await names(view)).toEqual(['d/', 'other 7']);
    expect(await get(view, '/other')).toBe('content');
  });

  it('needs the right to rename at both ends', async () => {
    const { fs } = await make();
    const here = viewOf(fs, makeUser({ rights: ['list'], directories: { '/d': ['rename'] } }));
    const source = { path: at('/a'), kind: 'file', identity: 'x' } as const;
    expect(await kindOf(here.prepareRename(at('/a')))).toBe('not-allowed');
    expect(await kindOf(here.rename(source, at('/d/a')))).toBe('not-allowed');
  });

  it('of a file onto itself does nothing, successfully', async () => {
    const { fs, view } = await make();
    await rename(view, '/a', '/a');
    expect(await events(fs)).toEqual(['arrived acme/a', 'arrived acme/other']);
  });

  it('is one event, of the new name, with a sequence for each name; both grow', async () => {
    const { fs, view } = await make();
    await rename(view, '/a', '/d/b');
    await put(view, '/a', 'again');
    const [moved] = await fs.metadata.page('outbox', 'acme/d/b', { limit: 10 });
    expect(moved?.value).toMatchObject({ type: 'moved', from: 'acme/a', size: 7, crc32: crc32('content') });
    const old = (await fs.metadata.page('outbox', 'acme/a', { limit: 10 })).map(({ value }) => value.sequence);
    const from = moved?.value.type === 'moved' ? moved.value.fromSequence : 0;
    expect([old[0] as number, from, old[1] as number]).toEqual([old[0] as number, from, old[1] as number].sort((a, b) => a - b));
    expect(new Set([...old, from]).size).toBe(3);
  });

  it.each([
    ['/x.tmp', '/y.tmp', []],
    ['/x.tmp', '/y', ['arrived acme/y']],
    ['/x', '/y.tmp', ['arrived acme/x', 'removed acme/x']],
    ['/x', '/y', ['arrived acme/x', 'moved acme/y']],
  ])('of %s to %s is told as it is seen outside', async (from, to, told) => {
    const { fs, view } = oneProcess();
    await put(view, from, 'content');
    await rename(view, from, to);
    expect(await events(fs)).toEqual(told);
    expect(await get(view, to)).toBe('content');
  });

  it('onto a name supersedes the partner’s own cut upload there, and hides another’s', async () => {
    const { fs, view, objects } = await make();
    const other = viewOf(fs, makeUser({ name: 'other' }));
    await cut(view, '/b', ['123456789'], connectionLost);
    await cut(other, '/b', ['123456789'], connectionLost);
    expect(objects.half.size).toBe(2);
    await rename(view, '/a', '/b');
    expect(objects.half.size).toBe(1);
    expect(await names(view)).toEqual(['b 7', 'd/', 'other 5']);
    expect(await names(other)).toEqual(['b 7', 'd/', 'other 5']);
  });

  it('keeps what the file was: size, checksum, who sent it', async () => {
    const { fs, view } = await make();
    const before = (await fs.metadata.page('entry', 'acme', { limit: 1 }))[0]?.value;
    await rename(view, '/a', '/d/b');
    const after = (await fs.metadata.page('entry', 'acme/d', { limit: 1 }))[0]?.value;
    const kept = ({ size, crc32, user }: { size?: number; crc32?: number; user?: string } = {}) => ({ size, crc32, user });
    expect(kept(after as never)).toEqual(kept(before as never));
  });
});
