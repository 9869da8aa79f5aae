import { Maintenance } from '../../runtime/filesystem/maintenance';
import { settle } from '../support/fake-clock';
import { at, cut, events, names, put } from '../support/filesystem';
import { connectionLost, oneProcess } from '../support/one-process';

function make(options: Partial<ConstructorParameters<typeof Maintenance>[1]> = {}) {
  const made = oneProcess({ parkedFor: 20_000 });
  let upkeeps = 0;
  const upkeep = () => {
    upkeeps++;
  };
  const maintenance = new Maintenance(made.fs, { every: 15_000, homes: async () => ['acme'], upkeep, ...options });
  return { ...made, maintenance, upkeeps: () => upkeeps };
}

it('sweeps at once and then every fifteen seconds, after the stores’ own housekeeping', async () => {
  const { maintenance, clock, view, objects, upkeeps } = make();
  await cut(view, '/a', ['123456789'], connectionLost);
  maintenance.start();
  await settle();
  expect(upkeeps()).toBe(1);
  await clock.advance(15_000);
  expect(await names(view)).toEqual(['a 8']);
  await clock.advance(15_000);
  expect(upkeeps()).toBe(3);
  expect(objects.half.size).toBe(0);
  await maintenance.stop();
});

it('delivers what has happened since', async () => {
  const delivered: string[] = [];
  const sink = { deliver: async ({ type, key }: { type: string; key: string }) => void delivered.push(`${type} ${key}`) };
  const { maintenance, clock, view, fs } = make({ sink });
  maintenance.start();
  await put(view, '/a', 'x');
  await clock.advance(15_000);
  expect(delivered).toEqual(['arrived acme/a']);
  expect(await events(fs)).toEqual([]);
  await maintenance.stop();
});

it('compares the folders with the index again a minute after the last time', async () => {
  const { maintenance, clock, objects, view } = make();
  maintenance.start();
  await clock.advance(1_000);
  objects.place('acme/a', Buffer.from('placed'));
  await clock.advance(50_000);
  expect(await view.stat(at('/a'), 'exists').catch(() => 'unknown')).toBe('unknown');
  await clock.advance(15_000);
  expect(await view.stat(at('/a'), 'exists')).toMatchObject({ size: 6 });
  await maintenance.stop();
});

it('goes on after a failure', async () => {
  let failures = 2;
  const delivered: string[] = [];
  const upkeep = () => {
    if (failures-- > 0) throw new Error('no');
  };
  const sink = { deliver: async ({ key }: { key: string }) => void delivered.push(key) };
  const { maintenance, clock, view } = make({ upkeep, sink });
  await put(view, '/a', 'x');
  maintenance.start();
  await clock.advance(15_000);
  expect(delivered).toEqual([]);
  await clock.advance(15_000);
  expect(delivered).toEqual(['acme/a']);
  await maintenance.stop();
});

describe('beside other tasks, one of which has the duty', () => {
  const others = (takeDuty: () => Promise<boolean>, forgotten: string[] = []) => ({
    takeDuty,
    isDead: (task: string) => task === 'dead',
    dead: () => ['dead'],
    forget: async (task: string) => void forgotten.push(task),
  });

  it('sweeps what others have left only with the duty', async () => {
    let mine = false;
    const forgotten: string[] = [];
    const { maintenance, clock, objects, view, fs } = make({ others: others(async () => mine, forgotten) });
    await cut(view, '/a', ['123456789'], connectionLost);
    fs.active.mayHaveLeft = false;
    maintenance.start();
    await clock.advance(120_000);
    expect(objects.half.size).toBe(1);
    expect(forgotten).toEqual([]);
    mine = true;
    await clock.advance(15_000);
    expect(objects.half.size).toBe(0);
    await clock.advance(30_000);
    expect(forgotten).toContain('dead');
    await maintenance.stop();
  });

  it('sweeps without it after a failure of its own, until nothing is left', async () => {
    const { maintenance, clock, view, fs } = make({ others: others(async () => false) });
    await cut(view, '/a', ['123456789'], connectionLost);
    expect(fs.active.mayHaveLeft).toBe(true);
    maintenance.start();
    await clock.advance(15_000);
    expect(fs.active.mayHaveLeft).toBe(false);
    await maintenance.stop();
  });

  it('does not sweep when it cannot know', async () => {
    const { maintenance, clock, objects, view, fs } = make({ others: others(async () => Promise.reject(new Error('away'))) });
    await cut(view, '/a', ['123456789'], connectionLost);
    fs.active.mayHaveLeft = false;
    maintenance.start();
    await clock.advance(120_000);
    expect(objects.half.size).toBe(1);
    await maintenance.stop();
  });
});

it('ends when it is stopped, and leaves no timer', async () => {
  const { maintenance, clock, upkeeps } = make();
  maintenance.start();
  await clock.advance(1_000);
  await maintenance.stop();
  const before = upkeeps();
  await clock.advance(600_000);
  expect(upkeeps()).toBe(before);
  expect(clock.pending).toBe(0);
});
