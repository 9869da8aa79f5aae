import { CommandQueue, type Queued } from '../../runtime/session/command-queue';

const command = (verb: string, argument = ''): Queued => ({ kind: 'command', command: { verb, argument: Buffer.from(argument) } });

it('a queue is full with sixteen lines, whatever they are', () => {
  const queue = new CommandQueue();
  for (let index = 0; index < 15; index++) queue.add(index % 2 ? { kind: 'malformed' } : command('PWD'));
  expect(queue.isFull).toBe(false);
  queue.add({ kind: 'too-long' });
  expect(queue.isFull).toBe(true);
  queue.take();
  expect(queue.isFull).toBe(false);
});

it('a queue is full with 8 KiB', () => {
  const queue = new CommandQueue();
  queue.add(command('CWD', 'x'.repeat(8 * 1024 - 4)));
  expect(queue.isFull).toBe(false);
  queue.add(command('A'));
  expect(queue.isFull).toBe(true);
});

it.each([
  ['take', (queue: CommandQueue) => queue.take()],
  ['remove', (queue: CommandQueue) => queue.remove('CWD')],
  ['clear', (queue: CommandQueue) => queue.clear()],
])('%s makes room', (_, empty) => {
  const queue = new CommandQueue();
  for (let round = 0; round < 3; round++) {
    queue.add(command('CWD', 'x'.repeat(8_189)));
    expect(queue.isFull).toBe(true);
    empty(queue);
    expect([queue.isFull, queue.isEmpty]).toEqual([false, true]);
  }
});

it('gives back in order, but for what was taken out of its turn', () => {
  const queue = new CommandQueue();
  for (const verb of ['PWD', 'ABOR', 'NOOP']) queue.add(command(verb));
  queue.add({ kind: 'malformed' });
  expect([queue.remove('ABOR'), queue.remove('ABOR')]).toEqual([true, false]);
  expect([queue.take(), queue.take(), queue.take(), queue.take()]).toEqual([
    command('PWD'),
    command('NOOP'),
    { kind: 'malformed' },
    undefined,
  ]);
});
