import { MemoryLeaseStore } from '../../runtime/adapters/memory/memory-lease-store';
import { Seats } from '../../runtime/session/seats';
import { FakeClock, settle } from '../support/fake-clock';
import { quietLog } from '../support/filesystem';

function make() {
  const leases = new MemoryLeaseStore(new FakeClock());
  const dead = new Set<string>();
  const seatsOf = (task: string) => new Seats({ leases, task, fleet: { isDead: (other) => dead.has(other) }, log: quietLog });
  return { leases, dead, seatsOf };
}

const of = (session: string, name = 'acme') => ({ kind: 'partner', name, session }) as const;

it('as many as may be, over all tasks, and no more; who leaves makes room', async () => {
  const { seatsOf } = make();
  const [here, there] = [seatsOf('here'), seatsOf('there')];
  expect(await here.take(of('s-1'), 2)).toBe(true);
  expect(await there.take(of('s-2'), 2)).toBe(true);
  expect(await here.take(of('s-3'), 2)).toBe(false);
  expect(await here.take(of('s-3', 'other'), 2)).toBe(true);
  there.give(of('s-2'));
  there.give(of('s-2'));
  expect(await here.take(of('s-4'), 2)).toBe(true);
  expect(await here.take(of('s-5'), 2)).toBe(false);
});

it('one that was refused leaves no seat behind', async () => {
  const { leases, seatsOf } = make();
  const seats = seatsOf('here');
  await seats.take(of('s-1'), 1);
  for (let attempt = 0; attempt < 20; attempt++) expect(await seats.take(of(`s-${attempt + 2}`), 1)).toBe(false);
  expect(await leases.seats({ kind: 'partner', name: 'acme' })).toHaveLength(1);
});

it('of two that take the last seat at once, none exceeds the limit', async () => {
  const { leases, seatsOf } = make();
  const taken = await Promise.all([seatsOf('here').take(of('s-1'), 1), seatsOf('there').take(of('s-2'), 1)]);
  expect(taken.filter(Boolean).length).toBeLessThanOrEqual(1);
  expect((await leases.seats({ kind: 'partner', name: 'acme' })).length).toBe(taken.filter(Boolean).length);
});

it('seats of a dead task do not count', async () => {
  const { dead, seatsOf } = make();
  await seatsOf('there').take(of('s-1'), 1);
  dead.add('there');
  expect(await seatsOf('here').take(of('s-2'), 1)).toBe(true);
});

describe('when the store is away', () => {
  /** The store answers, does nothing, or does it without answering. */
  function faulty() {
    const { leases, seatsOf } = make();
    const state = { fault: 'none' as 'none' | 'refused' | 'answer lost' };
    for (const name of ['sit', 'rise', 'seats'] as const) {
      const original = leases[name].bind(leases) as (given: unknown) => Promise<never>;
      leases[name] = async (given: unknown) => {
        if (state.fault === 'refused') throw new Error('away');
        const answer = await original(given);
        if (state.fault === 'answer lost') throw new Error('away');
        return answer;
      };
    }
    return { leases, state, here: seatsOf('here'), there: seatsOf('there') };
  }

  it('whoever leaves makes room at once on his own task, and on the others with the next heartbeat', async () => {
    const { state, here, there, leases } = faulty();
    await here.take(of('s-1'), 2);
    await here.take(of('s-2'), 2);
    state.fault = 'refused';
    here.give(of('s-1'));
    here.give(of('s-2'));
    await settle();
    here.refresh();
    await settle();
    state.fault = 'none';
    expect(await here.take(of('s-3'), 2)).toBe(true);
    expect(await there.take(of('s-4'), 2)).toBe(false);
    here.refresh();
    await settle();
    expect((await leases.seats(of(''))).map(({ session }) => session)).toEqual(['s-3']);
    expect(await there.take(of('s-5'), 2)).toBe(true);
  });

  it.each(['refused', 'answer lost'] as const)('a login that failed (%s) leaves no seat', async (fault) => {
    const { state, here, leases } = faulty();
    state.fault = fault;
    await expect(here.take(of('s-1'), 1)).rejects.toThrow('away');
    state.fault = 'none';
    expect(await here.take(of('s-2'), 1)).toBe(true);
    here.refresh();
    await settle();
    expect((await leases.seats(of(''))).map(({ session }) => session)).toEqual(['s-2']);
  });

  it('a session that takes its seat again keeps it', async () => {
    const { state, here, leases } = faulty();
    await here.take(of('s-1'), 1);
    state.fault = 'refused';
    here.give(of('s-1'));
    await settle();
    state.fault = 'none';
    const rise = leases.rise.bind(leases);
    let answer: () => void = () => undefined;
    const slow = new Promise<void>((resolve) => {
      answer = resolve;
    });
    leases.rise = (seat) => slow.then(() => rise(seat));
    here.refresh();
    const again = here.take(of('s-1'), 1);
    await settle();
    answer();
    expect(await again).toBe(true);
    here.refresh();
    await settle();
    expect(await leases.seats(of(''))).toHaveLength(1);
  });
});

it('seats of a dead task are taken away by whoever knows that it is dead, for those who cannot know yet', async () => {
  const { leases, dead, seatsOf } = make();
  await seatsOf('there').take(of('s-1'), 1);
  dead.add('there');
  await seatsOf('here').take(of('s-2'), 1);
  await settle();
  expect((await leases.seats(of(''))).map(({ session }) => session)).toEqual(['s-2']);
});

describe('when others took a living task for dead', () => {
  async function robbed() {
    const { leases, seatsOf } = make();
    const here = seatsOf('here');
    await here.take(of('s-1'), 2);
    await here.take(of('s-2'), 2);
    for (const seat of await leases.seats(of(''))) await leases.rise(seat);
    return { leases, here, there: seatsOf('there') };
  }

  it('its sessions take their seats again, and count everywhere', async () => {
    const { here, there } = await robbed();
    here.refresh(true);
    await settle();
    expect(await there.take(of('s-3'), 2)).toBe(false);
  });

  it('a session that leaves while its seat is being taken again leaves none behind', async () => {
    const { leases, here } = await robbed();
    const sit = leases.sit.bind(leases);
    let answer: () => void = () => undefined;
    const slow = new Promise<void>((resolve) => {
      answer = resolve;
    });
    leases.sit = (seat) => slow.then(() => sit(seat));
    here.refresh(true);
    await settle();
    here.give(of('s-1'));
    await settle();
    answer();
    await settle();
    expect((await leases.seats(of(''))).map(({ session }) => session)).toEqual(['s-2']);
  });

  it('a seat that cannot be taken again at once is taken with the next heartbeat', async () => {
    const { leases, here } = await robbed();
    const sit = leases.sit.bind(leases);
    leases.sit = () => Promise.reject(new Error('away'));
    here.refresh(true);
    await settle();
    leases.sit = sit;
    here.refresh();
    await settle();
    expect(await leases.seats(of(''))).toHaveLength(2);
  });
});
