import { MemoryLeaseStore } from '../../runtime/adapters/memory/memory-lease-store';
import { LockOut } from '../../runtime/session/lock-out';
import { FakeClock } from '../support/fake-clock';

function make(most: number, lockedFor: number) {
  const clock = new FakeClock();
  const lockOut = new LockOut(new MemoryLeaseStore(clock), most, lockedFor);
  const isLocked = async (user: string, address: string) => (await lockOut.look(user, address)).locked;
  return { clock, lockOut, isLocked };
}

it('begins with the failure that is one too many, and ends half an hour after the last', async () => {
  const { clock, lockOut, isLocked } = make(10, 1_800_000);
  const outcomes: boolean[] = [];
  for (let attempt = 0; attempt < 11; attempt++) outcomes.push(await lockOut.failed('alice', '192.0.2.7'));
  expect(outcomes.indexOf(true)).toBe(9);
  expect(outcomes.filter(Boolean)).toHaveLength(1);
  await clock.advance(1_799_999);
  expect(await isLocked('alice', '192.0.2.7')).toBe(true);
  await clock.advance(1);
  expect(await isLocked('alice', '192.0.2.7')).toBe(false);
});

it('is of one name at one address', async () => {
  const { lockOut, isLocked } = make(1, 1_000);
  await lockOut.failed('alice', '192.0.2.7');
  expect(await isLocked('alice', '192.0.2.8')).toBe(false);
  expect(await isLocked('bob', '192.0.2.7')).toBe(false);
});

it('counts anew after a login', async () => {
  const { lockOut } = make(2, 1_000);
  await lockOut.failed('alice', 'a');
  expect(await lockOut.look('alice', 'a')).toEqual({ failures: 1, locked: false });
  await lockOut.succeeded('alice', 'a');
  expect(await lockOut.failed('alice', 'a')).toBe(false);
});

it('forgets failures that lie half an hour back', async () => {
  const { clock, lockOut } = make(2, 1_000);
  await lockOut.failed('alice', 'a');
  await clock.advance(1_000);
  expect(await lockOut.failed('alice', 'a')).toBe(false);
});

it('is shared by all that count in the same store', async () => {
  const clock = new FakeClock();
  const leases = new MemoryLeaseStore(clock);
  const [here, there] = [new LockOut(leases, 2, 1_000), new LockOut(leases, 2, 1_000)];
  await here.failed('alice', 'a');
  expect(await there.failed('alice', 'a')).toBe(true);
  expect((await here.look('alice', 'a')).locked).toBe(true);
});

it('keeps no more of a name than names can have', async () => {
  const { lockOut, isLocked } = make(1, 1_000);
  await lockOut.failed('x'.repeat(4_000), 'a');
  expect(await isLocked('x'.repeat(64), 'a')).toBe(true);
});
