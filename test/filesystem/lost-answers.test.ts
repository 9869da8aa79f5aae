import { recover, sweep } from '../../runtime/filesystem/sweeper';
import { Failure } from '../../runtime/model/failure';
import type { ByteSource } from '../../runtime/ports/byte-source';
import { runUntilDone } from '../support/fake-clock';
import { accepts, at, events, get, names, never, put, sourceOf, unfinished, viewOf } from '../support/filesystem';
import { HeldCall } from '../support/held-call';
import { kindOf, oneProcess } from '../support/one-process';
import { wrapPorts } from '../support/wrapped-ports';

/** A process that dies, or a store that does not answer, at the moment when nobody can tell whether a file is there: in the end it is, once, or it never was. */
describe('a process that dies after it has made a file visible', () => {
  async function dieAfterComplete() {
    const made = oneProcess();
    const call = new HeldCall('writer.complete', 'after');
    const upload = await viewOf(made.held(call)).prepareUpload(at('/a'), { kind: 'new' });
    upload.receive(sourceOf(['whole']), accepts, never()).catch(() => undefined); // Never goes on: its process is dead.
    await call.reached;
    return made;
  }

  it('has its upload announced and listed by the next one', async () => {
    const { nextProcess } = await dieAfterComplete();
    const next = nextProcess();
    await recover(next);
    expect(await get(viewOf(next), '/a')).toBe('whole');
    expect(await events(next)).toEqual(['arrived acme/a']);
    expect(await unfinished(next)).toEqual([]);
  });

  it('and whose file a consumer has taken: it arrived and was removed', async () => {
    const { nextProcess, objects } = await dieAfterComplete();
    objects.take('acme/a');
    const next = nextProcess();
    await recover(next);
    expect(await names(viewOf(next))).toEqual([]);
    expect(await events(next)).toEqual(['arrived acme/a', 'removed acme/a']);
    expect(await unfinished(next)).toEqual([]);
  });

  it('and whose file an operator has replaced: that file is listed as placed by others', async () => {
    const { nextProcess, objects } = await dieAfterComplete();
    objects.place('acme/a', Buffer.from('placed'));
    const next = nextProcess();
    await recover(next);
    expect(await get(viewOf(next), '/a')).toBe('placed');
    expect(await events(next)).toEqual(['arrived acme/a', 'removed acme/a']);
  });
});

describe('a store that does not answer', () => {
  /** Calls of this name fail until the test heals them. */
  function failing(name: string, effect: 'none' | 'done') {
    const made = oneProcess();
    const state = { broken: true };
    const stores = wrapPorts(made, async (called, act) => {
      if (called !== name || !state.broken) return act();
      if (effect === 'done') await act();
      throw new Failure('store-unavailable', 'Storage is not available; try again later.');
    });
    return { ...made, fs: { ...made.fs, ...stores }, state };
  }

  it('for five minutes leaves the commit to the sweeper, which finishes it', async () => {
    const { fs, clock, state, view } = failing('writer.complete', 'none');
    const broken = { ...fs, objects: fs.objects };
    const completing = wrapPorts(broken, async (called, act) => {
      if (called === 'objects.completeSettled' && state.broken)
        throw new Failure('store-unavailable', 'Storage is not available; try again later.');
      return act();
    });
    const ended = kindOf(put(viewOf({ ...fs, ...completing }), '/a', 'whole'));
    expect(await runUntilDone(clock, ended, 1_000)).toBe('unconfirmed');
    expect(await names(view)).toEqual([]);
    state.broken = false;
    expect(await sweep(fs, { isDead: () => false })).toBe(1);
    expect(await get(view, '/a')).toBe('whole');
    expect(await events(fs)).toEqual(['arrived acme/a']);
    expect(await unfinished(fs)).toEqual([]);
  });

  it('although it has stored the file does not make two of one upload', async () => {
    const { fs, clock, state, view, objects } = failing('writer.complete', 'done');
    await runUntilDone(clock, put(viewOf(fs), '/a', 'whole'));
    state.broken = false;
    expect(await get(view, '/a')).toBe('whole');
    expect([...objects.objects.values()]).toHaveLength(1);
    expect(await events(fs)).toEqual(['arrived acme/a']);
  });

  it('once the index has been lost after the claim: the client is told that the file may still appear, and it appears once', async () => {
    const made = oneProcess();
    let down = false;
    const stores = wrapPorts(made, async (called, act) => {
      if (down && called.startsWith('metadata')) throw new Failure('store-unavailable', 'Storage is not available; try again later.');
      const answer = await act();
      if (called === 'writer.complete') down = true;
      return answer;
    });
    const ended = kindOf(put(viewOf({ ...made.fs, ...stores }), '/a', 'whole'));
    expect(await runUntilDone(made.clock, ended)).toBe('unconfirmed');
    made.objects.take('acme/a');
    await sweep(made.fs, { isDead: () => false });
    expect(await names(made.view)).toEqual([]);
    expect(made.objects.half.size).toBe(0);
    expect(await events(made.fs)).toEqual(['arrived acme/a', 'removed acme/a']);
  });
});

describe('an index that is away', () => {
  /** From the first of these calls on, for so many milliseconds. */
  function awayFrom(trigger: string, milliseconds: number) {
    const made = oneProcess();
    let until: number | undefined;
    const stores = wrapPorts(made, async (called, act) => {
      if (called === trigger) until ??= made.clock.monotonic() + milliseconds;
      const away = until !== undefined && made.clock.monotonic() < until;
      if (away && called.startsWith('metadata')) throw new Failure('store-unavailable', 'Storage is not available; try again later.');
      return act();
    });
    return { ...made, away: { ...made.fs, ...stores } };
  }

  it.each([
    ['while the bytes come', 'writer.ready'],
    ['when the claim is due', 'writer.settle'],
    ['when the file is there and has to be listed', 'writer.complete'],
  ])('for four minutes %s cuts no upload: its end waits', async (_, trigger) => {
    const { away, clock, view, fs } = awayFrom(trigger, 240_000);
    const upload = await viewOf(away).prepareUpload(at('/a'), { kind: 'new' });
    const source: ByteSource = {
      deliver: async (accept, ready) => {
        for (let sent = 0; sent < 30; sent++) {
          accept(Buffer.from('0123456789'));
          await ready();
          await clock.sleep(2_000);
        }
      },
    };
    const began = clock.monotonic();
    await runUntilDone(clock, upload.receive(source, accepts, never()), 500);
    expect(clock.monotonic() - began).toBeGreaterThanOrEqual(240_000);
    expect((await get(view, '/a')).length).toBe(300);
    expect(await events(fs)).toEqual(['arrived acme/a']);
    expect(await unfinished(fs)).toEqual([]);
  });

  it('for longer than a client is kept waiting leaves the upload to the sweeper', async () => {
    const { away, clock, view, fs } = awayFrom('writer.settle', 3_600_000);
    const ended = kindOf(put(viewOf(away), '/a', 'whole content'));
    expect(await runUntilDone(clock, ended, 1_000)).toBe('unconfirmed');
    await sweep(fs, { isDead: () => false });
    expect((await names(view)).length).toBeLessThanOrEqual(1);
    expect(await events(fs)).toEqual([]);
  });

  it('gives up at once when the client does', async () => {
    const { away, clock } = awayFrom('writer.settle', 3_600_000);
    const gone = new AbortController();
    const upload = await viewOf(away).prepareUpload(at('/a'), { kind: 'new' });
    const ended = kindOf(upload.receive(sourceOf(['whole content']), accepts, gone.signal));
    await clock.advance(20_000);
    gone.abort(new Failure('control-lost', 'The control connection was lost.'));
    await clock.advance(6_000);
    expect(await ended).toBe('control-lost');
  });
});
