import { claimKey, endedKey, entryKey, uploadKey } from '../../runtime/filesystem/rows';
import { recover, recoverFrom, sweep } from '../../runtime/filesystem/sweeper';
import { transact } from '../../runtime/filesystem/transaction';
import type { DirectoryEntry } from '../../runtime/model/entry';
import { runUntilDone } from '../support/fake-clock';
import { accepts, at, cut, get, makeUser, names, never, put, sourceOf, unfinished, viewOf } from '../support/filesystem';
import { connectionLost, kindOf, oneProcess } from '../support/one-process';

const hour = 3_600_000;
const nobody = { isDead: () => false };
const place = { parent: 'acme', name: 'a' };
type Made = ReturnType<typeof oneProcess>;

/** A record as a handler of `owner` leaves it that is gone. */
async function leave({ fs, view }: Made, owner: string) {
  const upload = await view.prepareUpload(at('/a'), { kind: 'new' });
  let end: () => void = () => undefined;
  const source = {
    deliver: async (accept: (bytes: Buffer) => boolean) => {
      accept(Buffer.from('123456789'));
      await new Promise<void>((resolve) => {
        end = resolve;
      });
    },
  };
  const ended = kindOf(upload.receive(source, accepts, never()));
  let token: string | undefined;
  while (!token) token = (await fs.metadata.page('upload', 'acme', { limit: 1 }))[0]?.value.token;
  const row = uploadKey(place, token);
  await transact(fs, async (tx) => {
    const record = await tx.get(row);
    if (record) tx.put(row, { ...record, owner });
  });
  return { token, finish: () => end(), ended };
}

describe('a cut upload', () => {
  it('is dropped when its time is over, and not before; nothing of it stays', async () => {
    const made = oneProcess();
    await cut(made.view, '/a', ['123456789'], connectionLost);
    await made.clock.advance(24 * hour - 1);
    expect(await sweep(made.fs, nobody)).toBe(0);
    await made.clock.advance(1);
    expect(await sweep(made.fs, nobody)).toBe(1);
    expect([made.objects.half.size, await names(made.view)]).toEqual([0, []]);
    expect(await sweep(made.fs, nobody)).toBe(0);
  });

  it('that has just been continued does not expire', async () => {
    const made = oneProcess();
    await cut(made.view, '/a', ['123456789'], connectionLost);
    await made.view.stat(at('/a'), 'size');
    await made.clock.advance(24 * hour);
    const upload = await made.view.prepareUpload(at('/a'), { kind: 'append' });
    expect(await sweep(made.fs, nobody)).toBe(0);
    await upload.receive(sourceOf(['9']), accepts, never());
    expect(await get(made.view, '/a')).toBe('123456789');
  });
});

describe('an upload that is being received', () => {
  it.each([
    ['its living owner', 'task-2', false],
    ['a dead owner', 'dead', true],
    ['nobody', 'none', true],
  ])('by %s is parked: %s %s', async (_, owner, parked) => {
    const made = oneProcess();
    const { finish, ended } = await leave(made, owner);
    expect(await sweep(made.fs, { isDead: (task) => task === 'dead' })).toBe(parked ? 1 : 0);
    const [record] = await made.fs.metadata.page('upload', 'acme', { limit: 1 });
    expect(record?.value.state).toBe(parked ? 'parked' : 'receiving');
    finish();
    // Whoever it was: he is refused when he comes back.
    expect(await ended).toBe('taken-over');
  });

  it('by a session of this process is left alone, whoever asks', async () => {
    const made = oneProcess();
    const { finish, ended } = await leave(made, 'task-1');
    expect(await sweep(made.fs, nobody)).toBe(0);
    finish();
    expect(await ended).toBe('done');
  });

  it('is parked once when two sweepers come at the same time', async () => {
    const made = oneProcess();
    const { finish, ended } = await leave(made, 'none');
    const second = made.nextProcess('task-2');
    const repairs = await runUntilDone(made.clock, Promise.all([sweep(made.fs, nobody), sweep(second, nobody)]));
    expect(repairs.reduce((sum, one) => sum + one, 0)).toBeGreaterThanOrEqual(1);
    expect(await names(viewOf(second))).toEqual(['a 8']);
    expect(await sweep(made.fs, nobody)).toBe(0);
    finish();
    await ended;
  });
});

describe('a claim without record or journal', () => {
  async function orphan(made: Made, owner: string, quietUntil?: number) {
    await transact(made.fs, async (tx) => {
      const row = claimKey(place);
      await tx.get(row);
      tx.put(row, { state: 'held', token: 'x', owner, purpose: 'rmdir', sequence: 5, begun: 3, quietUntil });
    });
  }

  it('of a dead owner is freed; the history it kept stays', async () => {
    const made = oneProcess();
    await orphan(made, 'dead');
    expect(await sweep(made.fs, nobody)).toBe(0);
    expect(await sweep(made.fs, { isDead: (owner) => owner === 'dead' })).toBe(1);
    const [row] = await made.fs.metadata.get([claimKey(place)]);
    expect(row?.value).toMatchObject({ state: 'free', sequence: 5, begun: 3 });
  });

  it('that is kept for a late request is freed only when that time is over', async () => {
    const made = oneProcess();
    await orphan(made, 'none', made.clock.now() + 30_000);
    await made.clock.advance(29_999);
    expect(await sweep(made.fs, nobody)).toBe(0);
    await made.clock.advance(1);
    expect(await sweep(made.fs, nobody)).toBe(1);
  });

  it('takes the mark of its removal with it: the directory can be used again', async () => {
    const made = oneProcess();
    await made.view.makeDirectory(at('/a'));
    await transact(made.fs, async (tx) => {
      const row = entryKey(place);
      tx.put(row, { ...((await tx.get(row)) as DirectoryEntry), mark: { purpose: 'removing', owner: 'dead', token: 'x' } });
    });
    await orphan(made, 'dead');
    expect(await kindOf(put(made.view, '/a/b', 'x'))).toBe('not-found');
    await sweep(made.fs, { isDead: (owner) => owner === 'dead' });
    await put(made.view, '/a/b', 'x');
    expect(await unfinished(made.fs)).toEqual([]);
  });
});

describe('what has ended', () => {
  it('is remembered for an hour', async () => {
    const made = oneProcess();
    await put(made.view, '/a', 'x');
    const ended = async () => (await made.fs.metadata.scan('ended', { limit: 10 })).length;
    await made.clock.advance(hour - 1);
    await sweep(made.fs, nobody);
    expect(await ended()).toBe(1);
    await made.clock.advance(1);
    await sweep(made.fs, nobody);
    expect(await ended()).toBe(0);
  });

  it('leaves the history of its path for 25 hours, longer than any cut upload lives', async () => {
    const made = oneProcess();
    await put(made.view, '/a', 'x');
    await made.view.deleteFile(at('/a'));
    await made.clock.advance(25 * hour - 1);
    await sweep(made.fs, nobody);
    expect(await made.fs.metadata.page('claim', 'acme', { limit: 1 })).toHaveLength(1);
    await made.clock.advance(1);
    expect(await sweep(made.fs, nobody)).toBe(1);
    expect(await made.fs.metadata.page('claim', 'acme', { limit: 1 })).toHaveLength(0);
  });

  it('and left something in the store has it removed, however often that failed', async () => {
    const made = oneProcess();
    await cut(made.view, '/a', ['123456789'], connectionLost);
    let failures = 2;
    const objects = Object.assign(Object.create(made.objects) as typeof made.objects, {
      discard: async (...args: Parameters<typeof made.objects.discard>) => {
        if (failures-- > 0) throw new Error('the disk says no');
        return made.objects.discard(...args);
      },
    });
    const fs = { ...made.fs, objects };
    await made.clock.advance(24 * hour);
    // The expiry fails first, then the sweep of what it left: each in its own attempt.
    expect(await sweep(fs, nobody)).toBe(0);
    expect(await sweep(fs, nobody)).toBe(1);
    expect(made.objects.half.size).toBe(0);
    expect((await made.fs.metadata.scan('ended', { limit: 1 }))[0]?.value.leftovers).toBe(false);
  });
});

it('one record that cannot be carried on does not keep the others waiting', async () => {
  const made = oneProcess();
  await cut(made.view, '/a', ['123456789'], connectionLost);
  await cut(made.view, '/b', ['123456789'], connectionLost);
  const objects = Object.assign(Object.create(made.objects) as typeof made.objects, {
    discard: async (...args: Parameters<typeof made.objects.discard>) => {
      if (args[1] === 'acme/a') throw new Error('the disk says no');
      return made.objects.discard(...args);
    },
  });
  await made.clock.advance(24 * hour);
  await sweep({ ...made.fs, objects }, nobody);
  expect(made.objects.half.size).toBe(1);
  expect(await names(made.view)).toEqual([]);
});

describe('a process that starts', () => {
  it('removes half-written bytes that no record names, and keeps those that one does', async () => {
    const made = oneProcess();
    await cut(made.view, '/a', ['123456789'], connectionLost);
    made.objects.half.set('left by nobody', Buffer.from('x'));
    await recover(made.nextProcess());
    expect([...made.objects.half.keys()]).toEqual([(await made.fs.metadata.page('upload', 'acme', { limit: 1 }))[0]?.value.token]);
    expect(await names(made.view)).toEqual(['a 8']);
  });

  it('parks what an earlier one was receiving, for its owner alone', async () => {
    const made = oneProcess();
    const { token } = await leave(made, 'task-1');
    const next = made.nextProcess();
    await recover(next);
    expect(await names(viewOf(next))).toEqual(['a 8']);
    expect(await names(viewOf(next, makeUser({ name: 'other' })))).toEqual([]);
    expect((await next.metadata.get([endedKey(token)]))[0]).toBeUndefined();
    expect(await unfinished(next)).toEqual([]);
  });

  it('does the same twice without doing anything the second time', async () => {
    const made = oneProcess();
    await leave(made, 'task-1');
    const next = made.nextProcess();
    await recover(next);
    const before = [await names(viewOf(next)), [...made.objects.half.keys()]];
    await recover(made.nextProcess('third'));
    expect([await names(viewOf(next)), [...made.objects.half.keys()]]).toEqual(before);
  });
});

describe('a process of several that has died', () => {
  const isDead = (owner: string) => owner === 'task-1';

  it('leaves what is parked, and files without a record that nobody is receiving are removed', async () => {
    const made = oneProcess();
    const { token } = await leave(made, 'task-1');
    made.objects.half.set('left without a record', Buffer.from('x'));
    made.objects.half.set('received by another', Buffer.from('x'));
    await recoverFrom(made.nextProcess(), isDead, async () => new Set(['received by another']));
    expect([...made.objects.half.keys()].sort()).toEqual([token, 'received by another'].sort());
    expect(await names(made.view)).toEqual(['a 8']);
  });

  it('costs nobody a file when the others do not say what they receive', async () => {
    const made = oneProcess();
    made.objects.half.set('received by whom?', Buffer.from('x'));
    await recoverFrom(made.nextProcess(), isDead, async () => undefined);
    expect([...made.objects.half.keys()]).toEqual(['received by whom?']);
  });

  it('leaves a bucket to its own rule', async () => {
    const made = oneProcess();
    made.objects.half.set('of a bucket', Buffer.from('x'));
    const next = made.nextProcess();
    const objects = Object.assign(Object.create(next.objects) as typeof next.objects, { directories: undefined });
    await recoverFrom({ ...next, objects }, isDead, async () => new Set());
    expect([...made.objects.half.keys()]).toEqual(['of a bucket']);
  });
});
