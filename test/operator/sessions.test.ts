import { MemoryLeaseStore } from '../../runtime/adapters/memory/memory-lease-store';
import { Failure } from '../../runtime/model/failure';
import { sessionsAsText } from '../../runtime/operator/session-text';
import { Sessions } from '../../runtime/operator/sessions';
import type { SessionRow } from '../../runtime/ports/lease-store';
import { FakeClock } from '../support/fake-clock';

const row = (id: string, task: string, changes: Partial<SessionRow> = {}): SessionRow => ({
  id,
  task,
  client: '192.0.2.1',
  begun: 5,
  ...changes,
});

function make() {
  const clock = new FakeClock();
  const leases = new MemoryLeaseStore(clock);
  const alive = new Set<string>();
  const sessions = new Sessions({ leases, clock, beatEvery: 5_000 });
  const beat = () => Promise.all([...alive].map((task) => leases.beat({ task, silent: {} })));
  /** Lets time pass, with beats every five seconds, until the answer is there. */
  const wait = async <T>(asked: Promise<T>): Promise<{ value: T; after: number }> => {
    let done = false;
    const settled = asked.finally(() => {
      done = true;
    });
    settled.catch(() => undefined); // Awaited below.
    const began = clock.monotonic();
    while (!done) {
      await clock.advance(1_250);
      if (!done && clock.monotonic() % 5_000 === 0) await beat();
    }
    return { value: await settled, after: clock.monotonic() - began };
  };
  return { clock, leases, alive, sessions, beat, wait };
}

describe('the sessions of all tasks', () => {
  it('are listed in the order they began, those of dead tasks left out', async () => {
    const { leases, alive, sessions, beat, wait } = make();
    for (const task of ['one', 'two', 'dead']) alive.add(task);
    await beat();
    alive.delete('dead');
    await leases.show(row('s-b', 'one', { begun: 7 }));
    await leases.show(row('s-a', 'two', { begun: 6 }));
    await leases.show(row('s-c', 'one', { begun: 5 }));
    await leases.show(row('s-x', 'dead'));
    const { value, after } = await wait(sessions.list());
    expect(value.map(({ id }) => id)).toEqual(['s-c', 's-a', 's-b']);
    expect(after).toBeLessThanOrEqual(12_500);
  });

  it('are told within one beat when every task lives, and at once when there are none', async () => {
    const { leases, alive, sessions, beat, wait } = make();
    alive.add('one').add('two');
    await beat();
    expect(await sessions.list()).toEqual([]);
    await leases.show(row('s-a', 'one'));
    const { value, after } = await wait(sessions.list());
    expect(value).toHaveLength(1);
    expect(after).toBeLessThanOrEqual(7_500);
    // It was seen to live a moment ago.
    expect(await sessions.list()).toHaveLength(1);
  });

  it('are gone from the list when their task has died meanwhile', async () => {
    const { clock, leases, alive, sessions, beat, wait } = make();
    alive.add('one');
    await beat();
    await leases.show(row('s-a', 'one'));
    expect((await wait(sessions.list())).value).toHaveLength(1);
    alive.clear();
    await clock.advance(11_000);
    expect((await wait(sessions.list())).value).toEqual([]);
  });
});

describe('kick', () => {
  it('asks the task of the session, and is done when the session is gone', async () => {
    const { leases, alive, sessions, beat, wait } = make();
    alive.add('one').add('two');
    await beat();
    await leases.show(row('s-a', 'one'));
    await leases.show(row('s-b', 'two'));
    const kicked = wait(sessions.kick('s-b').then(async (ended) => ended.id));
    const watch = async () => {
      for (;;) {
        if ((await leases.takeKicks('two')).includes('s-b')) return leases.hide(row('s-b', 'two'));
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await watch();
    expect((await kicked).value).toBe('s-b');
    expect(await leases.takeKicks('one')).toEqual([]);
  });

  it('says that there is no such session', async () => {
    const { sessions } = make();
    await expect(sessions.kick('s-none')).rejects.toThrow('there is no session s-none: "causeway sessions" lists them');
  });

  it('says when the session does not end', async () => {
    const { leases, alive, sessions, beat, wait } = make();
    alive.add('one');
    await beat();
    await leases.show(row('s-a', 'one'));
    await expect(wait(sessions.kick('s-a'))).rejects.toThrow('session s-a was told to end and has not within 26 seconds');
  });
});

describe('whoever watches them', () => {
  const away = new Failure('store-unavailable', 'away');

  it('goes on where the store is away for a while', async () => {
    const { leases, clock, sessions } = make();
    const tasks = leases.tasks.bind(leases);
    const screens = sessions.watch(2_000);
    const next = async () => {
      const screen = screens.next();
      await clock.advance(2_000);
      return (await screen).value;
    };
    expect(await next()).toEqual([]);
    leases.tasks = () => Promise.reject(away);
    expect([await next(), await next()]).toEqual([undefined, undefined]);
    leases.tasks = tasks;
    expect(await next()).toEqual([]);
  });

  it.each([
    ['the first look does not go through', away],
    ['it is no question of waiting', new Error('a bug')],
  ])('is told and ended when %s', async (_, error) => {
    const { leases, sessions } = make();
    leases.tasks = () => Promise.reject(error);
    await expect(sessions.watch(2_000).next()).rejects.toBe(error);
  });
});

describe('the table of sessions', () => {
  it('says that there are none', () => {
    expect(sessionsAsText([], 0)).toBe('no sessions\n');
  });

  it('has a line for each, its columns aligned', () => {
    const now = 10_000_000;
    const rows = [
      row('s-7F3K2Q', 'one', { begun: now - 3_723_000 }),
      row('s-A', 'two', {
        client: '2001:db8::1',
        user: 'acme',
        begun: now - 61_000,
        transfer: { verb: 'STOR', path: '/in/ü.csv', bytes: 5 * 1_024 * 1_024 + 600_000, begun: now - 9_000 },
      }),
      row('s-B', 'two', { user: 'beta', begun: now + 60_000, transfer: { verb: 'RETR', path: '/x', bytes: 1_023, begun: now } }),
    ];
    expect(sessionsAsText(rows, now)).toBe(
      [
        'SESSION   CLIENT       PARTNER  SINCE      TRANSFER',
        's-7F3K2Q  192.0.2.1    -        1 h 2 min  -',
        's-A       2001:db8::1  acme     1 min 1 s  STOR /in/ü.csv, 5.6 MiB in 9 s',
        's-B       192.0.2.1    beta     0 s        RETR /x, 1023 bytes in 0 s',
        '',
      ].join('\n'),
    );
  });
});
