import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { FleetTask } from '../support/fleet';
import { addressOf, describeFleet, openTestFleet, type TestFleet, until } from '../support/fleet-fixture';
import { lookFromEveryTask, startLoad } from '../support/fleet-load';

/** Crowds, and tasks that die, stand still or are replaced while transfers run: what was acknowledged is whole and listed from every task. */
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Milliseconds. */
const lateDeregistration = 500;

describeFleet('a fleet of three tasks', () => {
  let test: TestFleet;

  beforeAll(async () => {
    // The listeners close fifteen seconds before the end of this.
    test = await openTestFleet({ lateDeregistration, settings: { CAUSEWAY_DRAIN_TIMEOUT: '20' } });
  }, 120_000);
  afterAll(() => test?.close());

  const taskNamed = (name: string | undefined) => test.fleet.tasks.find((task) => task.name === name) as FleetTask;
  const lastChoice = (address: string) =>
    test.fleet.balancer.choices.filter(({ client, group }) => client === address && group !== 'data').at(-1);

  it('takes forty parallel transfers from one client address', async () => {
    const from = addressOf(40);
    const clients = await Promise.all(Array.from({ length: 40 }, (_, index) => test.connect({ from, implicit: index % 2 === 1 })));
    const files = clients.map((client, index) => ({ client, name: `parallel-${index}`, bytes: randomBytes(300_000) }));
    await Promise.all(files.map(({ client, name, bytes }) => client.upload(name, bytes)));
    const read = await Promise.all(files.map(({ client, name }) => client.download(name)));
    expect(files.filter(({ bytes }, index) => !read[index]?.equals(bytes)).map(({ name }) => name)).toEqual([]);
    await Promise.all(clients.map((client) => client.quit()));
  });

  it('serves two hundred clients at once', async () => {
    const serve = async (_: unknown, index: number) => {
      const client = await test.connect({ from: addressOf(100 + index), implicit: index % 2 === 1 });
      const bytes = randomBytes(20_000);
      await client.upload(`crowd-${index}`, bytes);
      expect((await client.download(`crowd-${index}`)).equals(bytes)).toBe(true);
      await client.quit();
    };
    await Promise.all(Array.from({ length: 200 }, serve));
  });

  it.each([1, 2])('replaces a task that is killed, round %i: nothing acknowledged is lost', async (round) => {
    const load = startLoad(test, { clients: 6, prefix: `killed-${round}`, bytes: 500_000, patience: 20_000 });
    await until(() => load.acknowledged.size >= 6, 'the first uploads');
    await test.fleet.retire(test.fleet.tasks[0] as FleetTask, 'SIGKILL');
    await pause(1_000);
    await test.fleet.add();
    await load.stop();
    expect(load.acknowledged.size).toBeGreaterThan(6);
    expect(await lookFromEveryTask(test, load.acknowledged)).toEqual([]);
  });

  it('goes on while a task stands still for longer than it may, and after it wakes up', async () => {
    const load = startLoad(test, { clients: 6, prefix: 'stopped', bytes: 500_000, patience: 8_000 });
    await until(() => load.acknowledged.size >= 6, 'the first uploads');
    const task = test.fleet.tasks[0] as FleetTask;
    task.server.process.kill('SIGSTOP');
    try {
      await until(() => !test.fleet.isHealthy(task), 'the balancer sees it');
      const before = load.acknowledged.size;
      await until(() => load.acknowledged.size >= before + 6, 'uploads without it');
      await pause(9_000);
    } finally {
      task.server.process.kill('SIGCONT');
    }
    await until(() => test.fleet.isHealthy(task), 'it is back');
    const before = load.acknowledged.size;
    await until(() => load.acknowledged.size >= before + 6, 'uploads with it');
    await load.stop();
    expect(await lookFromEveryTask(test, load.acknowledged)).toEqual([]);
  });

  it('closes a data connection whose task died before it arrived', async () => {
    const from = addressOf(41);
    const client = await test.connect({ from });
    const owner = taskNamed(lastChoice(from)?.target);
    const passive = await client.ask('EPSV', '229');
    await test.fleet.retire(owner, 'SIGKILL');
    const begun = performance.now();
    const data = await client.connectTo(Number(/\|\|\|(\d+)\|/.exec(passive)?.[1]));
    // The balancer forwards nothing before the first bytes.
    data.write('anything');
    await once(data, 'close');
    expect(performance.now() - begun).toBeLessThan(15_000);
    client.close();
    await test.fleet.add();
    // The balancer goes on sending clients to a task for a while after it has gone; the next test is not about those.
    await pause(2 * lateDeregistration);
  });

  it('replaces all tasks one after the other under load without a failed transfer', async () => {
    const load = startLoad(test, { clients: 6, prefix: 'rolling', readsBack: true });
    await until(() => load.acknowledged.size >= 6, 'the first uploads');
    for (const task of [...test.fleet.tasks]) {
      const slow = await test.connect({ from: addressOf(42) });
      const bytes = randomBytes(3_000_000);
      const sending = slow.uploadSlowly(`slow-${task.name}`, bytes, 6_000);
      await test.fleet.add();
      expect(await test.fleet.retire(task, 'SIGTERM')).toBe(0);
      await sending;
      slow.close();
      const reader = await test.connect({ from: addressOf(42) });
      expect((await reader.download(`slow-${task.name}`)).equals(bytes)).toBe(true);
      await reader.quit();
    }
    await load.stop();
    expect(load.failures).toEqual([]);
    expect(load.acknowledged.size).toBeGreaterThan(30);
    expect(await lookFromEveryTask(test, load.acknowledged)).toEqual([]);
  });
});
