import { randomBytes } from 'node:crypto';
import { DynamodbFaultProxy, errorAnswer } from '../support/dynamodb-fault-proxy';
import { addressOf, describeFleet, openTestFleet, type TestFleet, until } from '../support/fleet-fixture';
import { lookFromEveryTask, startLoad } from '../support/fleet-load';

/** The table that all tasks share is slow, fails, or is away: transfers wait or are refused, none is lost, and afterwards all is as before. */
const away = 1_000 * Number(process.env['FLEET_AWAY'] ?? 15);
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

describeFleet('a fleet of three tasks', () => {
  let test: TestFleet;
  let proxy: DynamodbFaultProxy;

  beforeAll(async () => {
    test = await openTestFleet({
      between: async (endpoint) => {
        proxy = await DynamodbFaultProxy.open(endpoint);
        return proxy.endpoint;
      },
    });
  }, 120_000);
  afterAll(async () => {
    await test?.close();
    await proxy?.close();
  });

  const everythingWorks = async (prefix: string) => {
    const load = startLoad(test, { clients: 3, prefix, readsBack: true });
    await until(() => load.acknowledged.size >= 9, 'transfers afterwards', 60_000);
    await load.stop();
    expect(load.failures).toEqual([]);
    expect(await lookFromEveryTask(test, load.acknowledged)).toEqual([]);
  };

  it('serves everybody with a table that is slow', async () => {
    proxy.keep('*', { first: () => pause(250), next: 'pass' });
    const load = startLoad(test, { clients: 4, prefix: 'slow' });
    await until(() => load.acknowledged.size >= 8, 'transfers', 120_000);
    await load.stop();
    proxy.keep('*', undefined);
    expect(load.failures).toEqual([]);
    expect(await lookFromEveryTask(test, load.acknowledged)).toEqual([]);
  });

  it('loses nothing with a table that fails now and then', async () => {
    let count = 0;
    const answer = errorAnswer('InternalServerError', {}, 500);
    proxy.keep('*', {
      first: () => {
        count++;
        // Every fourth request, whosever it is.
        if (count % 4 === 0) proxy.plan('PutItem', answer);
        if (count % 4 === 1) proxy.plan('TransactWriteItems', 'drop-after');
        if (count % 4 === 2) proxy.plan('GetItem', 'drop-before');
      },
      next: 'pass',
    });
    const load = startLoad(test, { clients: 4, prefix: 'failing', patience: 60_000 });
    await until(() => load.acknowledged.size >= 12, 'transfers', 120_000);
    proxy.keep('*', undefined);
    await load.stop();
    expect(await lookFromEveryTask(test, load.acknowledged)).toEqual([]);
    await everythingWorks('after-failing');
  });

  it('lets nobody feel a second without a table', async () => {
    const clients = await Promise.all(Array.from({ length: 6 }, (_, index) => test.connect({ from: addressOf(600 + index) })));
    const files = clients.map((client, index) => ({ client, name: `blink-${index}`, bytes: randomBytes(500_000) }));
    const uploads = Promise.all(files.map(({ client, name, bytes }) => client.uploadSlowly(name, bytes, 3_000)));
    await pause(2_500);
    proxy.keep('*', 'drop-before');
    await pause(1_000);
    proxy.keep('*', undefined);
    await uploads;
    for (const { client } of files) await client.quit();
    await everythingWorks('after-blink');
  });

  it(`tells everybody the truth in ${away / 1_000} seconds without a table, and works at once afterwards`, async () => {
    const clients = await Promise.all(Array.from({ length: 6 }, (_, index) => test.connect({ from: addressOf(600 + index) })));
    const files = clients.map((client, index) => ({ client, name: `away-${index}`, bytes: randomBytes(500_000) }));
    const uploads = Promise.allSettled(files.map(({ client, name, bytes }) => client.uploadSlowly(name, bytes, 3_000)));
    await pause(1_500);
    proxy.keep('*', 'drop-before');
    const load = startLoad(test, { clients: 3, prefix: 'during', patience: 30_000 });
    await pause(away);
    proxy.keep('*', undefined);
    const told = (await uploads).map((ended) => (ended.status === 'rejected' ? String(ended.reason) : 'stored'));
    // Received, and not stored: said so, within the client's patience, in words that let it send again.
    for (const text of told) expect(text).toMatch(/^stored$|was answered 4\d\d /);
    await load.stop();
    expect(await lookFromEveryTask(test, load.acknowledged)).toEqual([]);
    for (const [index, { client, name, bytes }] of files.entries()) {
      if (told[index] !== 'stored') await client.upload(name, bytes);
      const reader = await test.connect({ from: addressOf(610) });
      expect((await reader.download(name)).equals(bytes)).toBe(true);
      await reader.quit();
      await client.quit();
    }
    await everythingWorks('after-away');
  });
});
