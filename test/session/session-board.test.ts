import { MemoryLeaseStore } from '../../runtime/adapters/memory/memory-lease-store';
import type { SessionRow } from '../../runtime/ports/lease-store';
import { type BoardedSession, SessionBoard } from '../../runtime/session/session-board';
import { FakeClock, settle } from '../support/fake-clock';
import { startDialogue } from './dialogue';

function make() {
  const clock = new FakeClock();
  const store = new MemoryLeaseStore(clock);
  const written: SessionRow[] = [];
  const faults: string[] = [];
  const away = { show: false, hide: false };
  const log = { debug: () => undefined, info: () => undefined, warn: note, error: note, with: () => log };
  function note(_: string, fields?: { text?: string }): void {
    faults.push(fields?.text ?? '');
  }
  const leases = {
    takeKicks: (task: string) => store.takeKicks(task),
    show: async (row: SessionRow) => {
      if (away.show) throw new Error('away');
      written.push(row);
      await store.show(row);
    },
    hide: async (row: Pick<SessionRow, 'task' | 'id'>) => {
      if (away.hide) throw new Error('away');
      await store.hide(row);
    },
  };
  const board = new SessionBoard({ leases, task: 'one', clock, log });
  const beat = async () => {
    board.refresh();
    await settle(20);
  };
  const listed = async () => (await store.sessions('one')).map(({ id }) => id);
  return { clock, store, board, written, faults, away, beat, listed };
}

class FakeSession implements BoardedSession {
  kicked = 0;
  shown: BoardedSession['shown'];
  end: () => void = () => undefined;
  readonly finished = new Promise<void>((resolve) => {
    this.end = resolve;
  });

  constructor(id: string) {
    this.shown = { id, client: '192.0.2.1', begun: 5 };
  }

  kick(): void {
    this.kicked++;
  }
}

describe('the board of sessions', () => {
  it('writes what has changed since the last beat, and nothing else', async () => {
    const { board, written, beat } = make();
    const [first, second] = [new FakeSession('s-1'), new FakeSession('s-2')];
    board.add(first);
    board.add(second);
    expect(written).toEqual([]);
    await beat();
    await beat();
    expect(written.map(({ id, task }) => `${task} ${id}`)).toEqual(['one s-1', 'one s-2']);
    second.shown = { ...second.shown, user: 'acme', transfer: { verb: 'STOR', path: '/a', bytes: 1, begun: 6 } };
    await beat();
    expect(written).toHaveLength(3);
    expect(written[2]).toEqual({ ...second.shown, task: 'one' });
  });

  it('takes a session down at its end, and never shows one that ended before the beat', async () => {
    const { board, written, beat, listed } = make();
    const [long, short] = [new FakeSession('s-1'), new FakeSession('s-2')];
    board.add(long);
    await beat();
    board.add(short);
    short.end();
    await beat();
    long.end();
    await settle(5);
    expect(await listed()).toEqual([]);
    expect(written.map(({ id }) => id)).toEqual(['s-1']);
  });

  it('takes down a session that ends while its row is being written', async () => {
    const { board, listed } = make();
    const session = new FakeSession('s-1');
    board.add(session);
    board.refresh();
    session.end();
    await settle(20);
    expect(await listed()).toEqual([]);
  });

  it('shows its sessions again where others took them away, because they thought this task dead', async () => {
    const { board, store, beat, listed } = make();
    board.add(new FakeSession('s-1'));
    await beat();
    await store.forget('one');
    await beat();
    expect(await listed()).toEqual([]);
    board.refresh(true);
    await settle(20);
    expect(await listed()).toEqual(['s-1']);
  });

  it('ends the sessions that are asked for, and only those', async () => {
    const { board, store, beat } = make();
    const [first, second] = [new FakeSession('s-1'), new FakeSession('s-2')];
    board.add(first);
    board.add(second);
    await store.kick({ task: 'one', id: 's-2' });
    await store.kick({ task: 'one', id: 's-gone' });
    await beat();
    await beat();
    expect([first.kicked, second.kicked]).toEqual([0, 1]);
  });

  it('writes again what the store did not take, and hides again what it did not forget', async () => {
    const { board, away, faults, beat, listed } = make();
    const session = new FakeSession('s-1');
    board.add(session);
    away.show = true;
    await beat();
    expect(faults).toHaveLength(1);
    away.show = false;
    await beat();
    expect(await listed()).toEqual(['s-1']);
    away.hide = true;
    session.end();
    await settle(5);
    expect(await listed()).toEqual(['s-1']);
    away.hide = false;
    await beat();
    expect(await listed()).toEqual([]);
  });

  it('is empty when it is closed, and does not wait for ever for a store that hangs', async () => {
    const { board, store, clock, beat, listed } = make();
    board.add(new FakeSession('s-1'));
    await beat();
    await board.close();
    expect(await listed()).toEqual([]);

    const hanging = new SessionBoard({
      leases: { takeKicks: () => new Promise(() => undefined), show: (row) => store.show(row), hide: (row) => store.hide(row) },
      task: 'one',
      clock,
      log: { debug: jest.fn(), info: jest.fn(), warn: jest.fn(), error: jest.fn(), with: jest.fn() },
    });
    hanging.refresh();
    const closed = hanging.close();
    await clock.advance(5_000);
    await closed;
  });
});

describe('a session on the board', () => {
  it('says who it is and what it does', async () => {
    const dialogue = await startDialogue({ until: 'secured' });
    const { session, clock } = dialogue;
    const begun = clock.now();
    expect(session.shown).toEqual({ id: session.id, client: '192.0.2.7', begun, user: undefined, transfer: undefined });
    await clock.advance(1_000);
    await dialogue.say('> USER alice\n< 331\n> PASS correct horse\n< 230\n> PBSZ 0\n< 200\n> PROT P\n< 200');
    await dialogue.say('> TYPE I\n< 200\n> EPSV\n< 229\n> STOR /a.bin\n< 150');
    dialogue.data.last.arrive('seven b');
    expect(session.shown).toEqual({
      id: session.id,
      client: '192.0.2.7',
      begun,
      user: 'alice',
      transfer: { verb: 'STOR', path: '/a.bin', bytes: 7, begun: begun + 1_000 },
    });
  });

  it('that is kicked hears why, at once when it is idle', async () => {
    const dialogue = await startDialogue();
    dialogue.session.kick();
    await dialogue.say('< 421 This session was ended by the operator');
    expect(dialogue.control.ended).toBe(true);
  });

  it('that is kicked in an upload ends it as a shutdown does, and then hears why', async () => {
    const dialogue = await startDialogue();
    await dialogue.say('> TYPE I\n< 200\n> EPSV\n< 229\n> STOR /a.bin\n< 150');
    dialogue.session.kick();
    await dialogue.clock.advance(10);
    await dialogue.say('< 426 Ended by the operator.\n< 421 This session was ended by the operator');
    expect(dialogue.data.last.request.signal.reason).toMatchObject({ kind: 'shutdown' });
    expect(dialogue.control.ended).toBe(true);
  });
});
