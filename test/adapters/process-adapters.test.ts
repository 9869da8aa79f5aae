import { availableMemory, startedOf } from '../../runtime/adapters/process-identity';
import { ProcessMetrics } from '../../runtime/adapters/process-metrics';
import { randomIds } from '../../runtime/adapters/random-ids';
import { systemClock } from '../../runtime/adapters/system-clock';

/** The small adapters of what every process has: time, randomness, counters, itself. */

describe('ids', () => {
  it('of sessions can be read over the telephone', () => {
    expect(randomIds.session()).toMatch(/^s-[0-9A-HJKMNP-TV-Z]{6}$/);
  });

  it('of changes never come back', () => {
    const tokens = new Set(Array.from({ length: 10_000 }, () => randomIds.token()));
    expect(tokens.size).toBe(10_000);
    for (const token of tokens) expect(token).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
  });

  it('random numbers cover their range and do not leave it', () => {
    const seen = new Set(Array.from({ length: 2_000 }, () => randomIds.random(7)));
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(randomIds.random(1)).toBe(0);
    expect(randomIds.random(0)).toBe(0);
  });
});

describe('the clock', () => {
  it('sleeps, and wakes early with the reason of its signal', async () => {
    const before = systemClock.monotonic();
    await systemClock.sleep(5);
    expect(systemClock.monotonic() - before).toBeGreaterThan(3);
    const controller = new AbortController();
    const sleeping = systemClock.sleep(60_000, controller.signal);
    controller.abort(new Error('enough'));
    await expect(sleeping).rejects.toThrow('enough');
    await expect(systemClock.sleep(60_000, controller.signal)).rejects.toThrow('enough');
  });

  it('a cancelled timer does nothing', async () => {
    let called = false;
    systemClock
      .timer(1, () => {
        called = true;
      })
      .cancel();
    await systemClock.sleep(5);
    expect(called).toBe(false);
  });
});

it('counters add up and gauges show the last value', () => {
  const metrics = new ProcessMetrics();
  metrics.count('logins.ok');
  metrics.count('bytes.in', 5);
  metrics.count('bytes.in', 7);
  metrics.gauge('sessions.open', 3);
  metrics.gauge('sessions.open', 2);
  expect(metrics.snapshot()).toEqual({ 'logins.ok': 1, 'bytes.in': 12, 'sessions.open': 2 });
});

it('a living process has a start time and a dead one has none', () => {
  expect(startedOf(process.pid)).toMatch(/\S/);
  expect(startedOf(process.pid)).toBe(startedOf(process.pid));
  expect(startedOf(2 ** 22 + 1)).toBeUndefined();
});

it('there is memory', () => {
  expect(availableMemory()).toBeGreaterThan(16 * 1024 * 1024);
});
