import { setModified } from '../../runtime/filesystem/set-modified';
import { runUntilDone } from '../support/fake-clock';
import { at, events, get, makeUser, names, put, unfinished, viewOf } from '../support/filesystem';
import { HeldCall } from '../support/held-call';
import { kindOf, oneProcess } from '../support/one-process';

/** Takes, deletes, renames and new times that meet another change of the same path. */

describe('a file that a consumer has taken', () => {
  it('is followed by a later upload although the clock has stepped back since', async () => {
    const { view, objects, clock } = oneProcess();
    await put(view, '/a', 'one');
    objects.take('acme/a');
    clock.step(-3_600_000);
    await put(view, '/a', 'two');
    expect(await get(view, '/a')).toBe('two');
  });
});

describe('a delete', () => {
  it('of a version that an operator has replaced since leaves the new file, and lists it', async () => {
    const { held, view, objects } = oneProcess();
    await put(view, '/a', 'old');
    const call = new HeldCall('objects.remove', 'before');
    const removal = viewOf(held(call)).deleteFile(at('/a'));
    await call.reached;
    objects.place('acme/a', Buffer.from('placed'));
    call.release();
    await removal;
    expect(await get(view, '/a')).toBe('placed');
  });

  it('of a file that a consumer has taken since succeeds, and is announced once', async () => {
    const { held, fs, view, objects } = oneProcess();
    await put(view, '/a', 'old');
    const call = new HeldCall('objects.remove', 'before');
    const removal = viewOf(held(call)).deleteFile(at('/a'));
    await call.reached;
    objects.take('acme/a');
    call.release();
    await removal;
    expect(await events(fs)).toEqual(['arrived acme/a', 'removed acme/a']);
  });
});

describe('a rename', () => {
  it('of a version that an operator has replaced since is refused, and that file stays', async () => {
    const { held, view, objects } = oneProcess();
    await put(view, '/a', 'old');
    const call = new HeldCall('objects.move', 'before');
    const other = viewOf(held(call));
    const rename = other.prepareRename(at('/a')).then((source) => other.rename(source, at('/b')));
    await call.reached;
    objects.place('acme/a', Buffer.from('placed'));
    call.release();
    expect(await kindOf(rename)).toBe('not-found');
    expect([...objects.objects.keys()]).toEqual(['acme/a']);
  });

  it('is not undone by a reader that finds the old name empty while it runs', async () => {
    const { held, fs, view, clock } = oneProcess();
    await put(view, '/a', 'content');
    const call = new HeldCall('objects.move', 'after');
    const other = viewOf(held(call));
    const rename = other.prepareRename(at('/a')).then((source) => other.rename(source, at('/b')));
    await call.reached;
    const reading = kindOf(get(view, '/a'));
    await names(view);
    await clock.advance(1_000);
    expect(await events(fs)).toEqual(['arrived acme/a']);
    call.release();
    await rename;
    expect(await runUntilDone(clock, reading)).toBe('not-found');
    expect(await events(fs)).toEqual(['arrived acme/a', 'moved acme/b']);
    expect(await get(view, '/b')).toBe('content');
  });

  it('onto a name where an operator has put a file meanwhile asks for the right to replace it', async () => {
    const { held, view, objects } = oneProcess();
    await put(view, '/a', 'content');
    const call = new HeldCall('objects.move', 'before');
    const poor = viewOf(held(call), makeUser({ rights: ['list', 'read', 'rename'] }));
    const rename = poor.prepareRename(at('/a')).then((source) => poor.rename(source, at('/b')));
    await call.reached;
    objects.place('acme/b', Buffer.from('placed'));
    call.release();
    expect(await kindOf(rename)).toBe('may-not-overwrite');
    expect(await get(view, '/a')).toBe('content');
    expect(await get(view, '/b')).toBe('placed');
  });

  it('into a directory is in the way of its removal from the first claim on', async () => {
    const { held, view, fs } = oneProcess();
    await view.makeDirectory(at('/d'));
    await put(view, '/a', 'content');
    const call = new HeldCall('objects.move', 'before');
    const other = viewOf(held(call));
    const rename = other.prepareRename(at('/a')).then((source) => other.rename(source, at('/d/a')));
    await call.reached;
    expect(await kindOf(view.removeDirectory(at('/d')))).toBe('not-empty');
    call.release();
    await rename;
    expect(await get(view, '/d/a')).toBe('content');
    expect(await unfinished(fs)).toEqual([]);
  });

  it('of a file that has been replaced since it was named is refused', async () => {
    const { view } = oneProcess();
    await put(view, '/a', 'one');
    const source = await view.prepareRename(at('/a'));
    await put(view, '/a', 'two');
    expect(await kindOf(view.rename(source, at('/b')))).toBe('not-found');
    expect(await names(view)).toEqual(['a 3']);
  });
});

describe('the time of a file', () => {
  it('is set on the version that is there when it is set', async () => {
    const { view, fs } = oneProcess();
    await put(view, '/a', 'one');
    await setModified(fs, makeUser(), at('/a'), 1_000);
    expect((await view.stat(at('/a'), 'time')).modified).toBe(1_000);
    await put(view, '/a', 'two');
    expect((await view.stat(at('/a'), 'time')).modified).not.toBe(1_000);
  });
});
