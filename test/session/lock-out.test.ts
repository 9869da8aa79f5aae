import { LockOut, SessionCounter } from '../../runtime/session/lock-out';
import { FakeClock } from '../support/fake-clock';

describe('a lock-out', () => {
  it('begins with the failure that is one too many, and ends half an hour after the last', async () => {
    const clock = new FakeClock();
    const lockOut = new LockOut(clock, 10, 1_800_000);
    const outcomes = Array.from({ length: 11 }, () => lockOut.failed('alice', '192.0.2.7'));
    expect(outcomes.indexOf(true)).toBe(9);
    expect(outcomes.filter(Boolean)).toHaveLength(1);
    await clock.advance(1_799_999);
    expect(lockOut.isLocked('alice', '192.0.2.7')).toBe(true);
    await clock.advance(1);
    expect(lockOut.isLocked('alice', '192.0.2.7')).toBe(false);
  });

  it('is of one name at one address', () => {
    const lockOut = new LockOut(new FakeClock(), 1, 1_000);
    lockOut.failed('alice', '192.0.2.7');
    expect(lockOut.isLocked('alice', '192.0.2.8')).toBe(false);
    expect(lockOut.isLocked('bob', '192.0.2.7')).toBe(false);
  });

  it('counts anew after a login', () => {
    const lockOut = new LockOut(new FakeClock(), 2, 1_000);
    lockOut.failed('alice', 'a');
    lockOut.succeeded('alice', 'a');
    expect(lockOut.failed('alice', 'a')).toBe(false);
  });

  it('forgets failures that lie half an hour back', async () => {
    const clock = new FakeClock();
    const lockOut = new LockOut(clock, 2, 1_000);
    lockOut.failed('alice', 'a');
    await clock.advance(1_000);
    expect(lockOut.failed('alice', 'a')).toBe(false);
  });

  it('remembers so many pairs and no more, the latest ones', () => {
    const lockOut = new LockOut(new FakeClock(), 1, 1_000, 3);
    for (const name of ['a', 'b', 'c', 'a', 'd']) lockOut.failed(name, 'x');
    expect(['a', 'b', 'c', 'd'].map((name) => lockOut.isLocked(name, 'x'))).toEqual([true, false, true, true]);
  });

  it('keeps no more of a name than names can have', () => {
    const lockOut = new LockOut(new FakeClock(), 1, 1_000);
    lockOut.failed('x'.repeat(4_000), 'a');
    expect(lockOut.isLocked('x'.repeat(64), 'a')).toBe(true);
  });
});

it('sessions are counted by partner; leaving twice gives nothing twice', () => {
  const sessions = new SessionCounter(2);
  expect([sessions.enter('a'), sessions.enter('a'), sessions.enter('a'), sessions.enter('b'), sessions.enter('a', 3)]).toEqual([
    true,
    true,
    false,
    true,
    true,
  ]);
  sessions.leave('a');
  sessions.leave('a');
  sessions.leave('a');
  sessions.leave('a');
  expect([sessions.enter('a'), sessions.enter('a'), sessions.enter('a')]).toEqual([true, true, false]);
});
