import { recover } from '../../runtime/filesystem/sweeper';
import { Failure } from '../../runtime/model/failure';
import { accepts, at, events, get, names, never, put, sourceOf, unfinished, viewOf } from '../support/filesystem';
import { oneProcess } from '../support/one-process';
import { wrapPorts } from '../support/wrapped-ports';

/** A folder whose rights were changed under the server: what it may not do has not been done, and whoever asked for it hears so at once. */
const refused = () => new Failure('store-refused', 'Storage refuses this to the server.');

async function make(...calls: string[]) {
  const made = oneProcess();
  await made.view.makeDirectory(at('/d'));
  await put(made.view, '/a', 'before');
  await put(made.view, '/d/b.part', 'below');
  const state = { broken: true };
  const stores = wrapPorts(made, async (called, act) => {
    if (state.broken && calls.includes(called)) throw refused();
    return act();
  });
  const fs = { ...made.fs, ...stores };
  const before = await events(fs);
  const view = viewOf(fs);
  const began = made.clock.monotonic();
  return { fs, view, state, waited: () => made.clock.monotonic() - began, told: async () => (await events(fs)).slice(before.length) };
}

it('an upload that it may not publish is kept for its client, and leaves what it should have replaced', async () => {
  const { fs, view, state, waited, told } = await make('writer.complete');
  await expect(put(view, '/a', 'x'.repeat(1_000_000))).rejects.toMatchObject({
    kind: 'store-refused',
    message: expect.stringMatching(/^Storage refuses this to the server\. \d+ bytes are kept for resume\.$/),
  });
  expect([waited(), await unfinished(fs), await told()]).toEqual([0, [], []]);
  state.broken = false;
  const { size } = await view.stat(at('/a'), 'size');
  const upload = await view.prepareUpload(at('/a'), { kind: 'append' });
  await upload.receive(sourceOf(['x'.repeat(1_000_000 - size)]), accepts, never());
  expect(await get(view, '/a')).toHaveLength(1_000_000);
});

it('an upload whose bytes are gone gets no receipt, and can be sent again', async () => {
  const { fs, view, told } = await make();
  const lost = new Failure('not-stored', 'What was received of this file is gone from the storage; send it again.');
  const failing = wrapPorts(fs, async (called, act) => {
    if (called === 'writer.complete') throw lost;
    return act();
  });
  await expect(put(viewOf({ ...fs, ...failing }), '/a', 'after')).rejects.toBe(lost);
  expect([await get(view, '/a'), await unfinished(fs), await told()]).toEqual(['before', [], []]);
  await put(view, '/a', 'sent again');
  expect(await get(view, '/a')).toBe('sent again');
});

it('a file that it may not remove stays, and can be removed when the rights are there', async () => {
  const { fs, view, state, waited, told } = await make('objects.remove');
  await expect(view.deleteFile(at('/a'))).rejects.toMatchObject({ kind: 'store-refused' });
  expect([waited(), await get(view, '/a'), await unfinished(fs), await told()]).toEqual([0, 'before', [], []]);
  state.broken = false;
  await view.deleteFile(at('/a'));
  expect(await names(view)).toEqual(['d/']);
});

it('a file that it may not move keeps its name', async () => {
  const { fs, view, waited, told } = await make('objects.move');
  const source = await view.prepareRename(at('/a'));
  await expect(view.rename(source, at('/new'))).rejects.toMatchObject({ kind: 'store-refused' });
  expect([waited(), await names(view), await unfinished(fs), await told()]).toEqual([0, ['a 6', 'd/'], [], []]);
});

describe('a directory that it may not move', () => {
  it('keeps its name, and nobody moves it later', async () => {
    const { fs, view, state, told } = await make('directories.move');
    const source = await view.prepareRename(at('/d'));
    await expect(view.rename(source, at('/new'))).rejects.toMatchObject({ kind: 'store-refused' });
    expect(await unfinished(fs)).toEqual([]);
    state.broken = false;
    await recover(fs);
    expect([await names(view), await get(view, '/d/b.part'), await told()]).toEqual([['a 6', 'd/'], 'below', []]);
  });

  it('may still move when the store has not said whether it did, and its client is told so', async () => {
    const made = oneProcess();
    await made.view.makeDirectory(at('/d'));
    const stores = wrapPorts(made, async (called, act) => {
      const done = await act();
      if (called === 'directories.move') throw new Failure('store-unavailable', 'Storage is not available; try again later.');
      return done;
    });
    const view = viewOf({ ...made.fs, ...stores });
    const source = await view.prepareRename(at('/d'));
    await expect(view.rename(source, at('/new'))).rejects.toMatchObject({
      kind: 'unconfirmed',
      message: 'Storage did not confirm. The change may still appear; sending it again is safe.',
    });
    await recover(made.fs);
    expect([await names(made.view), await unfinished(made.fs)]).toEqual([['new/'], []]);
  });
});
