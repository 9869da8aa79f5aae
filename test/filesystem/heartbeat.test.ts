import { MemoryLeaseStore } from '../../runtime/adapters/memory/memory-lease-store';
import { ActiveUpload, ActiveUploads } from '../../runtime/filesystem/active-uploads';
import { Heartbeat } from '../../runtime/filesystem/heartbeat';
import { TaskObserver } from '../../runtime/filesystem/task-observer';
import type { LeaseStore } from '../../runtime/ports/lease-store';
import { FakeClock } from '../support/fake-clock';
import { makeFilesystem, memoryStores, quietLog } from '../support/filesystem';

function make() {
  const clock = new FakeClock();
  const leases = new MemoryLeaseStore(clock);
  let reads: 'work' | 'fail' = 'work';
  const seen: Pick<LeaseStore, 'tasks'> = {
    tasks: async () => {
      if (reads === 'fail') throw new Error('away');
      return leases.tasks();
    },
  };
  const observer = new TaskObserver(seen, clock, 30_000);
  const task = (name: string) => {
    const active = new ActiveUploads();
    const heartbeat = new Heartbeat(
      { task: name, active, clock, log: quietLog },
      { leases, observer: new TaskObserver(leases, clock), every: 5_000 },
    );
    return { active, heartbeat };
  };
  const watch = async (seconds: number) => {
    for (let passed = 0; passed < seconds; passed += 5) {
      await clock.advance(5_000);
      await observer.observe().catch(() => undefined);
    }
  };
  return {
    clock,
    leases,
    observer,
    task,
    watch,
    setReads: (how: 'work' | 'fail') => {
      reads = how;
    },
  };
}

it('a task that beats is never dead; one that stops is, thirty seconds later', async () => {
  const { observer, task, watch } = make();
  const { heartbeat } = task('other');
  await heartbeat.start();
  await watch(120);
  expect(observer.isDead('other')).toBe(false);
  await heartbeat.stop();
  await watch(25);
  expect(observer.isDead('other')).toBe(false);
  await watch(10);
  expect(observer.isDead('other')).toBe(true);
  expect(observer.dead()).toEqual(['other']);
});

it('an outage of the store kills nobody: what was observed before it does not count', async () => {
  const { observer, task, watch, setReads } = make();
  const { heartbeat } = task('other');
  await heartbeat.start();
  await watch(10);
  await heartbeat.stop();
  await watch(20);
  setReads('fail');
  await watch(300);
  expect(observer.isDead('other')).toBe(false);
  setReads('work');
  await watch(25);
  expect(observer.isDead('other')).toBe(false);
  await watch(15);
  expect(observer.isDead('other')).toBe(true);
});

it('an observer that was stopped for a while knows nothing when it wakes up', async () => {
  const { clock, observer, task, watch } = make();
  const { heartbeat } = task('other');
  await heartbeat.start();
  await watch(10);
  await clock.advance(100_000);
  expect(observer.isDead('other')).toBe(false);
  await observer.observe();
  expect(observer.isDead('other')).toBe(false);
  await heartbeat.stop();
});

it('an owner without a row is dead when it had none for thirty seconds of looking', async () => {
  const { observer, watch } = make();
  await watch(5);
  expect(observer.isDead('nobody')).toBe(false);
  await watch(25);
  expect(observer.isDead('nobody')).toBe(false);
  await watch(10);
  expect(observer.isDead('nobody')).toBe(true);
});

it('the others learn which uploads are silent, and no more than a row can hold', async () => {
  const { clock, leases, observer, task, watch } = make();
  const { active, heartbeat } = task('other');
  const fs = { ...makeFilesystem(memoryStores(), clock, 'other'), active };
  for (let count = 0; count < 120; count++) active.add(new ActiveUpload(fs, `token-${count}`, `acme/${count}`, 'acme', 1));
  await heartbeat.start();
  await watch(5);
  await watch(5);
  expect(observer.isSilent('other', 'token-0')).toBe(true);
  expect(Object.keys((await leases.tasks())[0]?.silent ?? {})).toHaveLength(100);
  active.get('token-0')?.sawBytes();
  active.get('token-0')?.end();
  await watch(5);
  expect(observer.isSilent('other', 'token-0')).toBe(false);
  await heartbeat.stop();
});

it('a task that was silent for long doubts that its rows are still there, until all others have looked again', async () => {
  const { clock, leases } = make();
  const doubts: boolean[] = [];
  const heartbeat = new Heartbeat(
    { task: 'one', active: new ActiveUploads(), clock, log: quietLog },
    { leases, every: 5_000, deadAfter: 30_000, onBeat: async (doubted) => void doubts.push(doubted) },
  );
  await heartbeat.beat();
  await clock.advance(10_000);
  await heartbeat.beat();
  expect(doubts).toEqual([false, false]);
  await clock.advance(40_000);
  for (let beat = 0; beat < 5; beat++) {
    await heartbeat.beat();
    await clock.advance(5_000);
  }
  expect(doubts.slice(2)).toEqual([true, true, true, true, false]);
});

it('beats that did not go through are silence too', async () => {
  const { clock, leases } = make();
  const doubts: boolean[] = [];
  let away = false;
  const flaky: LeaseStore = Object.assign(Object.create(leases), {
    beat: (status: Parameters<LeaseStore['beat']>[0]) => (away ? Promise.reject(new Error('away')) : leases.beat(status)),
  });
  const heartbeat = new Heartbeat(
    { task: 'one', active: new ActiveUploads(), clock, log: quietLog },
    { leases: flaky, every: 5_000, deadAfter: 30_000, onBeat: async (doubted) => void doubts.push(doubted) },
  );
  await heartbeat.start();
  away = true;
  for (let passed = 0; passed < 20; passed += 5) await clock.advance(5_000);
  away = false;
  await clock.advance(5_000);
  expect(doubts).toEqual([false, true]);
  await heartbeat.stop();
});
