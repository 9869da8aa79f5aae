import { sweep } from '../../runtime/filesystem/sweeper';
import { Failure } from '../../runtime/model/failure';
import { runUntilDone } from '../support/fake-clock';
import { accepts, at, cut, events, get, makeUser, names, never, put, sourceOf, unfinished, viewOf } from '../support/filesystem';
import { HeldCall } from '../support/held-call';
import { connectionLost, kindOf, oneProcess } from '../support/one-process';

/** Two changes of one path, or a change and somebody outside, that meet at one certain call: each of these orders once broke a rule on paper. */
const sequences = async (fs: ReturnType<typeof oneProcess>['fs'], key: string) =>
  (await fs.metadata.page('outbox', key, { limit: 100 })).map(({ value }) => value.sequence);

describe('two clients that append at once', () => {
  it('to one file: what the first was told is stored stays, the second is refused', async () => {
    const { view, fs } = oneProcess();
    await put(view, '/log', 'one ');
    const first = await view.prepareUpload(at('/log'), { kind: 'append' });
    const second = await viewOf(fs, makeUser({ name: 'other' })).prepareUpload(at('/log'), { kind: 'append' });
    await first.receive(sourceOf(['two ']), accepts, never());
    expect(await kindOf(second.receive(sourceOf(['three']), accepts, never()))).toBe('base-changed');
    expect(await get(view, '/log')).toBe('one two ');
  });

  it('and a third that began earlier and is stored between: the append is refused', async () => {
    const { view, fs, held } = oneProcess();
    await put(view, '/log', 'one ');
    const whole = await viewOf(fs, makeUser({ name: 'other' })).prepareUpload(at('/log'), { kind: 'new' });
    const call = new HeldCall('writer.settle', 'after');
    const append = await viewOf(held(call)).prepareUpload(at('/log'), { kind: 'append' });
    const refused = kindOf(append.receive(sourceOf(['two']), accepts, never()));
    await call.reached;
    await whole.receive(sourceOf(['another']), accepts, never());
    call.release();
    expect(await refused).toBe('base-changed');
    expect(await get(view, '/log')).toBe('another');
  });

  it('to a file that neither found: the second does not replace what the first was told is stored', async () => {
    const { view, fs } = oneProcess();
    const first = await view.prepareUpload(at('/log'), { kind: 'append' });
    const second = await viewOf(fs, makeUser({ name: 'other' })).prepareUpload(at('/log'), { kind: 'append' });
    await first.receive(sourceOf(['one ']), accepts, never());
    expect(await kindOf(second.receive(sourceOf(['two']), accepts, never()))).toBe('base-changed');
    expect(await get(view, '/log')).toBe('one ');
    expect(await unfinished(fs)).toEqual([]);
  });
});

describe('an append whose file', () => {
  it('a consumer takes meanwhile does not bring that file back', async () => {
    const { view, fs, objects } = oneProcess();
    await put(view, '/log', 'one ');
    const upload = await view.prepareUpload(at('/log'), { kind: 'append' });
    const source = {
      deliver: async (accept: (bytes: Buffer) => boolean) => {
        accept(Buffer.from('two'));
        objects.take('acme/log');
      },
    };
    expect(await kindOf(upload.receive(source, accepts, never()))).toBe('base-changed');
    expect(objects.objects.size).toBe(0);
    expect(await events(fs)).toEqual(['arrived acme/log', 'removed acme/log']);
  });

  it('an operator replaces meanwhile leaves the operator’s file alone', async () => {
    const { view, objects } = oneProcess();
    await put(view, '/log', 'one ');
    const upload = await view.prepareUpload(at('/log'), { kind: 'append' });
    objects.place('acme/log', Buffer.from('another'));
    expect(await kindOf(upload.receive(sourceOf(['two']), accepts, never()))).toBe('base-changed');
    expect(objects.objects.get('acme/log')?.bytes.toString()).toBe('another');
  });

  it('was taken leaves the history of the path, so that later events do not replace earlier ones', async () => {
    const { view, fs, held, objects, clock } = oneProcess();
    await put(view, '/log', 'one ');
    const call = new HeldCall('writer.settle', 'after');
    const upload = await viewOf(held(call)).prepareUpload(at('/log'), { kind: 'append' });
    const refused = kindOf(upload.receive(sourceOf(['two']), accepts, never()));
    await call.reached;
    objects.take('acme/log');
    call.release();
    expect(await refused).toBe('base-changed');
    clock.step(-3_600_000);
    await put(view, '/log', 'new');
    expect(await events(fs)).toEqual(['arrived acme/log', 'removed acme/log', 'arrived acme/log']);
    const told = await sequences(fs, 'acme/log');
    expect(told).toEqual([...told].sort((a, b) => a - b));
  });
});

describe('a session that was told the size of a cut upload', () => {
  it.each([{ kind: 'append' }, { kind: 'at', offset: 8 }] as const)('does not continue another one of the same size: %j', async (how) => {
    const { view, fs } = oneProcess();
    await cut(view, '/a', ['AAAAAAAAA'], connectionLost);
    expect((await view.stat(at('/a'), 'size')).size).toBe(8);
    // Another session of the account sends another file, and is cut at the same length.
    const another = viewOf(fs);
    await cut(another, '/a', ['BBBBBBBBB'], connectionLost);
    await another.stat(at('/a'), 'size');
    expect(await kindOf(view.prepareUpload(at('/a'), how))).toBe('restart-not-possible');
    await put(another, '/a', 'B', how);
    expect(await get(view, '/a')).toBe('BBBBBBBBB');
  });
});

describe('what goes with a path whose entry has gone', () => {
  it('keeps its sequence over a delete, also when the clock steps back', async () => {
    const { view, fs, clock } = oneProcess();
    await put(view, '/a', 'one');
    await view.deleteFile(at('/a'));
    clock.step(-86_400_000);
    await put(view, '/a', 'two');
    expect(await events(fs)).toEqual(['arrived acme/a', 'removed acme/a', 'arrived acme/a']);
  });

  it('is that an older cut upload stays hidden when the later version is deleted', async () => {
    const { view, fs } = oneProcess();
    const other = viewOf(fs, makeUser({ name: 'other' }));
    await cut(view, '/a', ['123456789'], connectionLost);
    await put(other, '/a', 'later');
    expect(await names(view)).toEqual(['a 5']);
    await other.deleteFile(at('/a'));
    expect(await names(view)).toEqual([]);
    expect(await kindOf(view.stat(at('/a'), 'size'))).toBe('not-found');
  });

  it('is that an older cut upload stays hidden when the later version is renamed away', async () => {
    const { view, fs } = oneProcess();
    const other = viewOf(fs, makeUser({ name: 'other' }));
    await cut(view, '/a', ['123456789'], connectionLost);
    await put(other, '/a', 'later');
    await other.rename(await other.prepareRename(at('/a')), at('/b'));
    expect(await names(view)).toEqual(['b 5']);
  });
});

describe('an upload', () => {
  it('that began after another is the later one, although the clock stepped back between them', async () => {
    const { view, fs, clock } = oneProcess();
    const first = await view.prepareUpload(at('/a'), { kind: 'new' });
    clock.step(-60_000);
    const second = await viewOf(fs).prepareUpload(at('/a'), { kind: 'new' });
    await second.receive(sourceOf(['second']), accepts, never());
    expect(await kindOf(first.receive(sourceOf(['first']), accepts, never()))).toBe('overtaken');
    expect(await get(view, '/a')).toBe('second');
  });

  it('without a record that is cut when a later one is stored leaves nothing above that', async () => {
    const { view, fs, objects } = oneProcess();
    const upload = await view.prepareUpload(at('/a'), { kind: 'new' });
    await put(viewOf(fs), '/a', 'later');
    expect(await kindOf(upload.receive(sourceOf(['123456789'], connectionLost), accepts, never()))).toBe('cut');
    expect(await names(view)).toEqual(['a 5']);
    expect(objects.half.size).toBe(0);
  });

  it('waits for a change of its path that is under way, and is stored after it', async () => {
    const { held, view, clock, fs } = oneProcess();
    await put(view, '/a', 'old');
    const call = new HeldCall('objects.remove', 'before');
    const removal = viewOf(held(call)).deleteFile(at('/a'));
    await call.reached;
    const upload = put(view, '/a', 'new');
    await clock.advance(5_000);
    expect(await names(view)).toEqual(['a 3']);
    call.release();
    await removal;
    await runUntilDone(clock, upload);
    expect(await get(view, '/a')).toBe('new');
    expect(await events(fs)).toEqual(['arrived acme/a', 'removed acme/a', 'arrived acme/a']);
  });

  it('that waited a minute for a change of its path is parked and told so', async () => {
    const { held, view, clock, fs } = oneProcess();
    await put(view, '/a', 'old');
    const call = new HeldCall('objects.remove', 'before');
    const removal = viewOf(held(call)).deleteFile(at('/a'));
    await call.reached;
    const upload = await view.prepareUpload(at('/a'), { kind: 'new' });
    const ended = upload.receive(sourceOf(['new content']), accepts, never()).catch((error: unknown) => error);
    const failure = (await runUntilDone(clock, ended, 1_000)) as Failure;
    expect(failure.kind).toBe('busy');
    expect(failure.message).toContain('10 bytes are kept for resume');
    call.release();
    await removal;
    expect(await unfinished(fs)).toEqual([]);
  });

  it('whose client is lost while it waits for a change of its path does not wait on', async () => {
    const { held, view, clock } = oneProcess();
    await put(view, '/a', 'old');
    const call = new HeldCall('objects.remove', 'before');
    const removal = viewOf(held(call)).deleteFile(at('/a'));
    await call.reached;
    const gone = new AbortController();
    const upload = await view.prepareUpload(at('/a'), { kind: 'new' });
    const ended = kindOf(upload.receive(sourceOf(['new content']), accepts, gone.signal));
    await clock.advance(1_000);
    gone.abort(new Failure('control-lost', 'The control connection was lost.'));
    expect(await ended).toBe('control-lost');
    call.release();
    await removal;
  });

  it('is not swept between its record and its first byte', async () => {
    const { held, view, fs } = oneProcess();
    await put(view, '/a', 'old');
    // The ancestors are read when the record has been written.
    await view.makeDirectory(at('/d'));
    await put(view, '/d/a', 'old');
    const call = new HeldCall('metadata.transact', 'after');
    const preparing = viewOf(held(call)).prepareUpload(at('/d/a'), { kind: 'new' });
    await call.reached;
    expect(await sweep(fs, { isDead: () => false })).toBe(0);
    call.release();
    const upload = await preparing;
    await upload.receive(sourceOf(['new']), accepts, never());
    expect(await get(view, '/d/a')).toBe('new');
  });

  it('under a name of the server is not swept before its first byte either', async () => {
    const { held, fs, view } = oneProcess();
    const call = new HeldCall('metadata.transact', 'after');
    const preparing = viewOf(held(call)).prepareUpload(at('/scan'), { kind: 'unique' });
    await call.reached;
    expect(await sweep(fs, { isDead: () => false })).toBe(0);
    call.release();
    await (await preparing).receive(sourceOf(['page']), accepts, never());
    expect(await names(view)).toEqual(['scan 4']);
  });
});
