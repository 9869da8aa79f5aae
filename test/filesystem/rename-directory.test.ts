import { MemoryMetadataStore } from '../../runtime/adapters/memory/memory-metadata-store';
import { entryKey } from '../../runtime/filesystem/rows';
import { recover } from '../../runtime/filesystem/sweeper';
import { transact } from '../../runtime/filesystem/transaction';
import type { DirectoryEntry } from '../../runtime/model/entry';
import { runUntilDone } from '../support/fake-clock';
import { at, cut, events, get, makeFilesystem, names, put, unfinished, viewOf } from '../support/filesystem';
import { HeldCall } from '../support/held-call';
import { connectionLost, kindOf, oneProcess } from '../support/one-process';

type View = ReturnType<typeof oneProcess>['view'];
const rename = async (view: View, from: string, to: string) => view.rename(await view.prepareRename(at(from)), at(to));

async function make() {
  const made = oneProcess();
  await made.view.makeDirectory(at('/d'));
  await made.view.makeDirectory(at('/d/sub'));
  await put(made.view, '/d/a', 'one');
  await put(made.view, '/d/sub/b.part', 'two');
  return made;
}

describe('the rename of a directory', () => {
  it.each([
    ['into itself', '/d', '/d/sub/new', 'name-not-allowed'],
    ['onto a directory that is there', '/d', '/e', 'exists'],
    ['onto a file', '/d', '/f', 'exists'],
    ['into a missing directory', '/d', '/no/d', 'not-found'],
  ])('%s is refused and leaves no mark', async (_, from, to, kind) => {
    const { fs, view } = await make();
    await view.makeDirectory(at('/e'));
    await put(view, '/f', 'x');
    expect(await kindOf(rename(view, from, to))).toBe(kind);
    expect(await unfinished(fs)).toEqual([]);
    await put(view, '/d/after', 'x');
  });

  it('takes everything below along, temporary files too, each with its event', async () => {
    const { fs, view, objects } = await make();
    await rename(view, '/d', '/e');
    expect(await names(view)).toEqual(['e/']);
    expect([await get(view, '/e/a'), await get(view, '/e/sub/b.part')]).toEqual(['one', 'two']);
    expect([...objects.objects.keys()].sort()).toEqual(['.temporary/acme/e/sub/b.part', 'acme/e/a']);
    expect(await events(fs)).toEqual(['arrived acme/d/a', 'moved acme/e/a']);
    await rename(view, '/e/sub/b.part', '/e/b');
    expect(await get(view, '/e/b')).toBe('two');
  });

  it('is refused while something below is being received, and drops what is parked below', async () => {
    const { fs, view, objects } = await make();
    const upload = await view.prepareUpload(at('/d/sub/new'), { kind: 'new' });
    expect(await kindOf(rename(view, '/d', '/e'))).toBe('busy');
    await upload.cancel();
    await cut(view, '/d/sub/cut', ['123456789'], connectionLost);
    await rename(view, '/d', '/e');
    expect(objects.half.size).toBe(0);
    expect(await names(view, '/e/sub')).toEqual(['b.part 3']);
    expect(await unfinished(fs)).toEqual([]);
  });

  it.each([
    ['an upload', (view: View) => view.prepareUpload(at('/d/sub/new'), { kind: 'new' })],
    ['an upload to the new name', (view: View) => view.prepareUpload(at('/e/new'), { kind: 'new' })],
    ['a new directory', (view: View) => view.makeDirectory(at('/d/new'))],
    ['a delete', (view: View) => view.deleteFile(at('/d/a'))],
    ['a removal', (view: View) => view.removeDirectory(at('/d/sub'))],
    ['a rename out of it', (view: View) => rename(view, '/d/a', '/a')],
    ['a rename into it', (view: View) => rename(view, '/f', '/d/f')],
    ['the rename of a directory in it', (view: View) => rename(view, '/d/sub', '/sub')],
  ])('answers %s below it with "busy" until it is done', async (_, change) => {
    const { fs, view, held, clock } = await make();
    await put(view, '/f', 'x');
    // Before the store has moved anything: the files are still where their entries say.
    const call = new HeldCall('directories.move', 'before');
    const moving = rename(viewOf(held(call)), '/d', '/e');
    await call.reached;
    expect(await runUntilDone(clock, kindOf(change(view)))).toBe('busy');
    call.release();
    await moving;
    expect(await unfinished(fs)).toEqual([]);
    expect([await get(view, '/e/a'), await get(view, '/e/sub/b.part'), await get(view, '/f')]).toEqual(['one', 'two', 'x']);
  });

  it('that is carried on after a crash leaves no mark of a removal below that died with it', async () => {
    const { view, held, fs, nextProcess } = await make();
    const call = new HeldCall('directories.move', 'before');
    rename(viewOf(held(call)), '/d', '/e').catch(() => undefined); // Never goes on: its process is dead.
    await call.reached;
    await transact(fs, async (tx) => {
      const row = entryKey({ parent: 'acme/d', name: 'sub' });
      tx.put(row, { ...((await tx.get(row)) as DirectoryEntry), mark: { purpose: 'removing', owner: 'task-1', token: 'x' } });
    });
    const next = nextProcess();
    await recover(next);
    expect(await unfinished(next)).toEqual([]);
    await put(viewOf(next), '/e/sub/new', 'x');
    expect(await names(viewOf(next), '/e/sub')).toEqual(['b.part 3', 'new 1']);
    expect(await names(view)).toEqual(['e/']);
  });

  it('of more files than one transaction takes is done in several', async () => {
    const { clock, objects } = oneProcess();
    const fs = makeFilesystem({ metadata: new MemoryMetadataStore({ maxWrites: 60 }), objects }, clock);
    const view = viewOf(fs);
    await view.makeDirectory(at('/d'));
    for (let index = 0; index < 35; index++) await put(view, `/d/${index}`, `content ${index}`);
    await rename(view, '/d', '/e');
    expect(await names(view, '/e')).toHaveLength(35);
    expect(await get(view, '/e/34')).toBe('content 34');
    expect(await unfinished(fs)).toEqual([]);
  });

  it('leaves the history of each old name: what is stored there later is later', async () => {
    const { fs, view, clock } = await make();
    await rename(view, '/d', '/e');
    clock.step(-3_600_000);
    await view.makeDirectory(at('/d'));
    await put(view, '/d/a', 'new');
    const [before, after] = (await fs.metadata.page('outbox', 'acme/d/a', { limit: 10 })).map(({ value }) => value.sequence);
    expect(after).toBeGreaterThan(before as number);
  });

  it('onto a name where a folder lies that nobody knew is refused, and the folder becomes known', async () => {
    const { fs, view, objects, clock } = await make();
    const call = kindOf(
      view.prepareRename(at('/d')).then((source) => {
        objects.folders.add('acme/e');
        return view.rename(source, at('/e'));
      }),
    );
    expect(await call).toBe('exists');
    await clock.advance(100);
    expect(await names(view)).toEqual(['d/', 'e/']);
    expect(await unfinished(fs)).toEqual([]);
  });
});
