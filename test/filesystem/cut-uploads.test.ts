import { Failure } from '../../runtime/model/failure';
import { at, cut, get, makeUser, names, put, unfinished, viewOf } from '../support/filesystem';
import { connectionLost, kindOf, oneProcess } from '../support/one-process';

describe('a cut upload', () => {
  it('is kept for its owner, shorter than what was received, and hidden from others', async () => {
    const { fs, view } = oneProcess();
    const failure = await cut(view, '/a', ['12345678', 'x'], connectionLost);
    expect((failure as Failure).message).toContain('8 bytes are kept for resume');
    expect(await names(view)).toEqual(['a 8']);
    const other = viewOf(fs, makeUser({ name: 'other' }));
    expect(await names(other)).toEqual([]);
    expect(await kindOf(view.open(at('/a'), 0))).toBe('parked');
    expect(await kindOf(view.prepareRename(at('/a')))).toBe('parked');
    expect(await kindOf(view.setModified(at('/a'), 0))).toBe('parked');
  });

  it('is continued by a session that was told its size, and by no other way', async () => {
    const { view, fs } = oneProcess();
    await cut(view, '/a', ['123456789'], connectionLost);
    const fresh = viewOf(fs);
    expect(await kindOf(fresh.prepareUpload(at('/a'), { kind: 'append' }))).toBe('restart-not-possible');
    expect(await kindOf(fresh.prepareUpload(at('/a'), { kind: 'at', offset: 8 }))).toBe('restart-not-possible');
    expect((await fresh.stat(at('/a'), 'size')).size).toBe(8);
    expect(await kindOf(fresh.prepareUpload(at('/a'), { kind: 'at', offset: 7 }))).toBe('restart-not-possible');
    await put(fresh, '/a', '90', { kind: 'append' });
    expect(await get(fresh, '/a')).toBe('1234567890');
    expect(await unfinished(fs)).toEqual([]);
  });

  it('that one session listed is continued by number in another', async () => {
    const { view, fs } = oneProcess();
    await cut(view, '/a', ['123456789'], connectionLost);
    expect(await names(viewOf(fs))).toEqual(['a 8']);
    await put(viewOf(fs), '/a', '90', { kind: 'at', offset: 8 });
    expect(await get(view, '/a')).toBe('1234567890');
  });

  it('of one file is never glued to the tail of another', async () => {
    const { view, fs } = oneProcess();
    await cut(view, '/a', ['123456789'], connectionLost);
    const teller = viewOf(fs);
    expect((await teller.stat(at('/a'), 'size')).size).toBe(8);
    await put(viewOf(fs), '/a', 'another file');
    expect(await kindOf(teller.prepareUpload(at('/a'), { kind: 'append' }))).toBe('restart-not-possible');
    expect(await kindOf(teller.prepareUpload(at('/a'), { kind: 'at', offset: 8 }))).toBe('restart-not-possible');
    expect(await get(view, '/a')).toBe('another file');
  });

  it('shadows the version below it until it is deleted', async () => {
    const { view, fs } = oneProcess();
    await put(view, '/a', 'old');
    await cut(view, '/a', ['new content'], connectionLost);
    expect(await names(view)).toEqual(['a 10']);
    expect(await get(viewOf(fs, makeUser({ name: 'reader' })), '/a')).toBe('old');
    await view.deleteFile(at('/a'));
    expect(await names(view)).toEqual(['a 3']);
    expect(await get(view, '/a')).toBe('old');
  });

  it('of no bytes hides the version below it, and says so', async () => {
    const { view } = oneProcess();
    await put(view, '/a', 'old');
    const failure = await cut(view, '/a', [], connectionLost);
    expect((failure as Failure).message).toMatch(
      /Nothing was kept; the version before it is hidden .* until the file is sent again or deleted/,
    );
    expect(await names(view)).toEqual(['a 0']);
  });

  it.each(['no-data-connection', 'wrong-peer', 'data-tls', 'data-not-resumed'] as const)(
    'is not what is left when the client never got to send (%s): what was there before stays',
    async (kind) => {
      const { view, fs } = oneProcess();
      await put(view, '/a', 'old');
      const failure = await cut(view, '/a', [], new Failure(kind, 'Nobody came.'));
      expect((failure as Failure).message).toBe('Nobody came. Nothing was kept.');
      expect(await names(view)).toEqual(['a 3']);
      expect(await get(view, '/a')).toBe('old');
      expect(await unfinished(fs)).toEqual([]);
    },
  );

  it('stays as it was when whoever continues it never got to send', async () => {
    const { view } = oneProcess();
    await cut(view, '/a', ['123456789'], connectionLost);
    expect((await view.stat(at('/a'), 'size')).size).toBe(8);
    await cut(view, '/a', [], new Failure('no-data-connection', 'Nobody came.'), { kind: 'append' });
    expect((await view.stat(at('/a'), 'size')).size).toBe(8);
    await put(view, '/a', '90', { kind: 'append' });
    expect(await get(view, '/a')).toBe('1234567890');
  });

  it('is forgotten when its bytes have gone from the store, so that nobody is told a size that cannot be continued', async () => {
    const { view, objects, fs } = oneProcess();
    await put(view, '/a', 'old');
    await cut(view, '/a', ['123456789'], connectionLost);
    expect((await view.stat(at('/a'), 'size')).size).toBe(8);
    objects.half.clear();
    const failure = await cut(view, '/a', ['90'], connectionLost, { kind: 'at', offset: 8 });
    expect((failure as Failure).message).toBe('What was kept of this upload is gone; send the file whole.');
    expect((await view.stat(at('/a'), 'size')).size).toBe(3);
    expect(await unfinished(fs)).toEqual([]);
  });

  it('is replaced when the file is sent whole again', async () => {
    const { view, fs, objects } = oneProcess();
    await cut(view, '/a', ['123456789'], connectionLost);
    await put(view, '/a', 'whole');
    expect(await get(view, '/a')).toBe('whole');
    expect(objects.half.size).toBe(0);
    expect(await unfinished(fs)).toEqual([]);
  });

  it('without a durable byte leaves nothing on a free path', async () => {
    const { view, objects } = oneProcess();
    await cut(view, '/a', [], connectionLost);
    expect(await names(view)).toEqual([]);
    expect(objects.half.size).toBe(0);
  });

  it('that continued a complete file and brought nothing leaves that file as it was', async () => {
    const { view } = oneProcess();
    await put(view, '/a', 'complete');
    await view.stat(at('/a'), 'size');
    await cut(view, '/a', [], connectionLost, { kind: 'append' });
    expect(await names(view)).toEqual(['a 8']);
    expect(await get(view, '/a')).toBe('complete');
  });

  it('that continued a complete file keeps what it brought when the next connection brings nothing', async () => {
    const { view } = oneProcess();
    await put(view, '/a', 'complete');
    await view.stat(at('/a'), 'size');
    await cut(view, '/a', [', and more'], connectionLost, { kind: 'append' });
    const { size } = await view.stat(at('/a'), 'size');
    expect(size).toBeGreaterThan(8);
    await cut(view, '/a', [], connectionLost, { kind: 'append' });
    expect((await view.stat(at('/a'), 'size')).size).toBe(size);
    await put(view, '/a', 'complete, and more'.slice(size), { kind: 'append' });
    expect(await get(view, '/a')).toBe('complete, and more');
  });

  it('survives fifty cuts and is whole in the end', async () => {
    const { view } = oneProcess();
    const content = Array.from({ length: 60 }, (_, index) => `block ${index} `).join('');
    let sent = 0;
    await cut(view, '/a', [content.slice(0, 10)], connectionLost);
    for (let round = 0; round < 50; round++) {
      sent = (await view.stat(at('/a'), 'size')).size;
      await cut(view, '/a', [content.slice(sent, sent + 5 + (round % 9))], connectionLost, { kind: 'append' });
    }
    sent = (await view.stat(at('/a'), 'size')).size;
    await put(view, '/a', content.slice(sent), { kind: 'append' });
    expect(await get(view, '/a')).toBe(content);
  });
});
