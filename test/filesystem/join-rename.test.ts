import { sweep } from '../../runtime/filesystem/sweeper';
import { runUntilDone } from '../support/fake-clock';
import { at, events, get, makeUser, names, put, unfinished, viewOf } from '../support/filesystem';
import { HeldCall } from '../support/held-call';
import { kindOf, oneProcess } from '../support/one-process';

/** A client that lost its connection in the middle of a rename, and asks for the same rename again. */

const rename = async (view: ReturnType<typeof viewOf>, from: string, to: string) => view.rename(await view.prepareRename(at(from)), at(to));

async function underWay(call: string, from: string, to: string) {
  const made = oneProcess();
  const held = new HeldCall(call, 'before');
  await made.view.makeDirectory(at('/d'));
  await put(made.view, '/d/a', 'content');
  await put(made.view, '/a', 'content');
  const first = rename(viewOf(made.held(held)), from, to);
  await held.reached;
  return { ...made, held, first };
}

describe.each([
  ['a file', 'objects.move', '/a', '/b', '/b'],
  ['a directory', 'directories.move', '/d', '/e', '/e/a'],
])('a rename of %s that is asked for again while it runs', (_, call, from, to, moved) => {
  it('waits for the one that runs and has the same answer; it is done once', async () => {
    const { held, first, view, fs, clock } = await underWay(call, from, to);
    const again = rename(view, from, to);
    await clock.advance(90_000);
    held.release();
    await runUntilDone(clock, Promise.all([first, again]));
    expect(await get(view, moved)).toBe('content');
    expect((await events(fs)).filter((event) => event.startsWith('moved'))).toHaveLength(1);
    expect(await unfinished(fs)).toEqual([]);
  });

  it('has the answer of whoever carries it on when its process has died', async () => {
    const { first, nextProcess, clock } = await underWay(call, from, to);
    first.catch(() => undefined); // It never goes on: its process is dead.
    const next = nextProcess();
    const again = rename(viewOf(next), from, to);
    await clock.advance(1_000);
    await sweep(next, { isDead: () => true });
    await runUntilDone(clock, again);
    expect(await get(viewOf(next), moved)).toBe('content');
    expect((await events(next)).filter((event) => event.startsWith('moved'))).toHaveLength(1);
    expect(await unfinished(next)).toEqual([]);
  });

  it('is answered 450 when it lasts longer than anybody is kept waiting', async () => {
    const { view, clock } = await underWay(call, from, to);
    expect(await runUntilDone(clock, kindOf(rename(view, from, to)), 5_000)).toBe('busy');
  });

  it('to another name does not join it', async () => {
    const { held, first, view, clock } = await underWay(call, from, to);
    const other = kindOf(rename(view, from, '/other'));
    await clock.advance(1_000);
    held.release();
    await runUntilDone(clock, first);
    expect(await runUntilDone(clock, other)).toBe('not-found');
    expect(await names(view)).toContain(to === '/b' ? 'b 7' : 'e/');
  });

  it('by another account does not join it', async () => {
    const { held, first, fs, clock } = await underWay(call, from, to);
    const other = kindOf(rename(viewOf(fs, makeUser({ name: 'other' })), from, to));
    await clock.advance(1_000);
    held.release();
    await runUntilDone(clock, first);
    expect(await runUntilDone(clock, other)).not.toBe('done');
  });
});
