import { MemoryLeaseStore } from '../../runtime/adapters/memory/memory-lease-store';
import { Seats } from '../../runtime/session/seats';
import { FakeClock } from '../support/fake-clock';
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
