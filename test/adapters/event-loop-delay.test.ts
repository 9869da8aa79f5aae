import { watchEventLoop } from '../../runtime/adapters/event-loop-delay';

it('a turn that takes long is told once, in milliseconds', async () => {
  const delay = watchEventLoop();
  const turns = async (count: number) => {
    for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setTimeout(resolve, 25));
  };
  await turns(2);
  delay.take();
  // The first look begins the next measurement.
  await turns(2);
  for (const end = performance.now() + 300; performance.now() < end; );
  await turns(2);
  expect(delay.take()).toBeGreaterThan(200);
  delay.close();
  // Nothing is measured any more.
  await turns(1);
  delay.take();
  expect(delay.take()).toBe(0);
});
