import { recover, sweep } from '../../runtime/filesystem/sweeper';
import { Failure } from '../../runtime/model/failure';
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
