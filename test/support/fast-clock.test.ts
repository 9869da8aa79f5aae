import { fastClock } from './fast-clock';

it('never wakes a sleeper, nor calls a timer, before its own time', async () => {
  const clock = fastClock();
  const short = Array.from({ length: 100 }, (_, index) => index * 20).map(async (milliseconds) => {
    const begun = clock.monotonic();
    if (milliseconds % 40) await clock.sleep(milliseconds);
    else await new Promise<void>((resolve) => void clock.timer(milliseconds, resolve));
    return clock.monotonic() - begun < milliseconds;
  });
  // Keeps the loop alive: the clock's timers do not.
  await clock.sleep(3_000);
  expect((await Promise.all(short)).filter(Boolean)).toEqual([]);
});

it('calls nobody who has cancelled', async () => {
  const clock = fastClock();
  const called = jest.fn();
  clock.timer(100, called).cancel();
  await clock.sleep(300);
  expect(called).not.toHaveBeenCalled();
});
