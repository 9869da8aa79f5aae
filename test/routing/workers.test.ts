import { Socket } from 'node:net';
import { FakeClock, settle } from '../support/fake-clock';

import { inProcess, pipes } from './workers-fixture';

describe('workers', () => {
  it('get each session where the fewest are, and say when it is over', async () => {
    const { primary, workers } = await inProcess(3);
    for (let count = 0; count < 9; count++) primary.accept(new Socket(), false);
    await settle();
    expect(workers.map(({ sessions }) => sessions.length)).toEqual([3, 3, 3]);
    for (const socket of (workers[1] as (typeof workers)[0]).sessions) socket.destroy();
    await settle();
    expect(primary.load).toEqual([3, 0, 3]);
    for (let count = 0; count < 4; count++) primary.accept(new Socket(), true);
    expect(primary.load).toEqual([4, 3, 3]);
  });

  it('that are lost are started again, later each time, and nothing is sent to them meanwhile', async () => {
    const { primary, workers, clock, lost, lines } = await inProcess(2);
    for (const socket of [1, 2]) primary.accept(Object.assign(new Socket(), { socket }), false);
    workers[0]?.cut();
    expect(lost).toEqual([0]);
    expect(primary.load).toEqual([undefined, 1]);
    primary.accept(new Socket(), false);
    expect(primary.load).toEqual([undefined, 2]);
    await clock.advance(1_000);
    expect(primary.load).toEqual([0, 2]);
    workers[2]?.cut();
    await clock.advance(1_000);
    expect(primary.load).toEqual([undefined, 2]);
    await clock.advance(1_000);
    expect(primary.load).toEqual([0, 2]);
    expect(lines).toEqual([expect.stringContaining('in 1 s'), expect.stringContaining('in 2 s')]);
  });

  it('that are all gone refuse a session', async () => {
    const { primary, workers, lines } = await inProcess(1);
    workers[0]?.cut();
    const socket = new Socket();
    primary.accept(socket, false);
    expect(socket.destroyed).toBe(true);
    expect(lines).toContain('no worker is ready');
  });

  it('that never become ready stop the start', async () => {
    const clock = new FakeClock();
    const starting = inProcess(1, { clock, start: () => pipes().primary });
    const refused = expect(starting).rejects.toThrow('not ready within 30 seconds');
    await clock.advance(30_000);
    await refused;
  });

  it('drain when they are told, and are not started again', async () => {
    const { primary, workers, clock, lost } = await inProcess(2);
    const drained = primary.drain(new AbortController().signal);
    await settle();
    expect(workers.map(({ drained: told }) => told)).toEqual([1, 1]);
    for (const { cut } of workers) cut();
    await drained;
    await clock.advance(60_000);
    expect(lost).toEqual([]);
    expect(workers).toHaveLength(2);
    expect(clock.pending).toBe(0);
  });

  it('give back every connection once: when it closes, when its worker dies, when there is no worker', async () => {
    const { primary, workers, closed } = await inProcess(2);
    for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.1']) primary.accept(new Socket(), false, address);
    await settle();
    workers[1]?.sessions[0]?.destroy();
    await settle();
    expect(closed).toEqual(['192.0.2.2']);
    workers[0]?.cut();
    expect(closed).toEqual(['192.0.2.2', '192.0.2.1', '192.0.2.1']);
    workers[1]?.cut();
    primary.accept(new Socket(), false, '192.0.2.3');
    expect(closed).toEqual(['192.0.2.2', '192.0.2.1', '192.0.2.1', '192.0.2.3']);
  });

  it('put aside an upload that a session of another one goes on with', async () => {
    const { workers } = await inProcess(2);
    const [first, second] = workers;
    await expect(first?.worker.park('task 1.1', 'token', 17)).resolves.toBe(true);
    expect(second?.park).toHaveBeenCalledWith('token', 17);
    second?.park.mockResolvedValueOnce(false);
    await expect(first?.worker.park('task 1.1', 'token', 17)).resolves.toBe(false);
    second?.park.mockRejectedValueOnce(new Error('the index is away'));
    await expect(first?.worker.park('task 1.1', 'token', 17)).resolves.toBe(false);
    await expect(first?.worker.park('a task that is gone', 'token', 17)).resolves.toBe(false);
  });

  it('say which uploads they receive, if all of them answer', async () => {
    const { primary, clock, workers } = await inProcess(2);
    expect(await primary.uploads()).toEqual(new Set(['0 uploads', '1 uploads']));
    workers[1]?.deafen();
    const asked = primary.uploads();
    await settle();
    await clock.advance(2_000);
    expect(await asked).toBeUndefined();
  });

  it('that do not put an upload aside within two seconds are ended, and the question is answered', async () => {
    const { workers, clock, lost, lostTasks } = await inProcess(2);
    const [first, second] = workers;
    second?.park.mockReturnValue(new Promise(() => undefined));
    const asked = first?.worker.park('task 1.1', 'token', 17);
    await settle();
    await clock.advance(1_999);
    expect(lost).toEqual([]);
    await clock.advance(1);
    await expect(asked).resolves.toBe(false);
    expect({ lost, lostTasks }).toEqual({ lost: [1], lostTasks: ['task 1.1'] });
  });

  it('that die while they are asked for an upload leave nobody waiting', async () => {
    const { workers, clock } = await inProcess(2);
    const [first, second] = workers;
    second?.park.mockReturnValue(new Promise(() => undefined));
    const asked = first?.worker.park('task 1.1', 'token', 17);
    await settle();
    second?.cut();
    await clock.advance(0);
    await expect(asked).resolves.toBe(false);
  });

  it('that have said nothing for three seconds get no session while another speaks', async () => {
    const { primary, workers, clock } = await inProcess(2);
    for (let second = 0; second < 3; second++) {
      await clock.advance(1_000);
      await workers[0]?.worker.leases.beat({ task: 'task 0.0', silent: {} });
    }
    for (let count = 0; count < 3; count++) primary.accept(new Socket(), false);
    expect(primary.load).toEqual([3, 0]);
    await clock.advance(3_000);
    primary.accept(new Socket(), false);
    expect(primary.load).toEqual([3, 1]);
  });

  it('that say nothing for too long are ended, those that speak are not', async () => {
    const { workers, clock, lost, lines } = await inProcess(2, { deadAfter: 30_000 });
    for (let second = 0; second < 40; second++) {
      await workers[0]?.worker.leases.beat({ task: 'task 0.0', silent: {} });
      await clock.advance(1_000);
    }
    expect(lost).toEqual([1]);
    expect(lines).toContain('a worker has said nothing for 30 seconds and is ended');
  });

  it('are given up at the deadline', async () => {
    const { primary } = await inProcess(1);
    await expect(primary.drain(AbortSignal.abort(new Error('deadline')))).rejects.toThrow('deadline');
  });
});
