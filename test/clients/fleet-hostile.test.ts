import { DynamoLeaseStore } from '../../runtime/adapters/dynamodb/dynamodb-lease-store';
import { openDynamo } from '../../runtime/adapters/dynamodb/open-dynamodb';
import { randomIds } from '../../runtime/adapters/random-ids';
import { systemClock } from '../../runtime/adapters/system-clock';
import type { Lease } from '../../runtime/ports/lease-store';
import { quietLog } from '../support/filesystem';
import type { FleetTask } from '../support/fleet';
import { addressOf, describeFleet, openTestFleet, type TestFleet, until } from '../support/fleet-fixture';
import {
  dialHostile,
  flood,
  headerOf,
  hostileBeginnings,
  isThrownOut,
  openConnectionsTo,
  residentMegabytes,
} from '../support/fleet-hostile';
import { startLoad } from '../support/fleet-load';
import { versitygwKeys } from '../support/servers/versitygw';

/** Strangers on the data and relay ports of task processes: they get nothing, cost nothing that lasts, and other transfers do not notice them. */
/** Of the heap and its fragments after so many sockets. */
const mostGrowth = 100;
const connects = Number(process.env['FLEET_CONNECTS'] ?? 10_000);

describeFleet('a fleet of two tasks with strangers on its inner ports', () => {
  let test: TestFleet;
  let leases: DynamoLeaseStore;
  let close: () => void;

  beforeAll(async () => {
    test = await openTestFleet({ tasks: 2 });
    const { CAUSEWAY_TABLE: table = '', CAUSEWAY_DYNAMODB_ENDPOINT: endpoint } = test.settings;
    const dynamo = openDynamo({ table, endpoint, credentials: versitygwKeys }, { clock: systemClock, ids: randomIds, log: quietLog });
    close = () => dynamo.close();
    leases = new DynamoLeaseStore(dynamo);
  }, 120_000);
  afterAll(async () => {
    close?.();
    await test?.close();
  });

  const innerPorts = () => test.fleet.tasks.flatMap(({ ports }) => [ports.dataPort, ports.relayPort]);
  const ownerOf = (address: string) => {
    const { target } = test.fleet.balancer.choices.filter(({ client, group }) => client === address && group !== 'data').at(-1) ?? {};
    return test.fleet.tasks.find(({ name }) => name === target) as FleetTask;
  };

  async function leasesOf(client: string): Promise<Lease[]> {
    const found = await Promise.all(test.fleet.passivePorts.map((port) => leases.find(client, port)));
    return found.filter((lease) => lease !== undefined);
  }

  const beginnings = Object.keys(hostileBeginnings({ client: '127.0.0.1', port: 8_192 }));
  const patient = new Set(['nothing', 'half a header']);

  describe.each(['dataPort', 'relayPort'] as const)('%s', (which) => {
    it.each(beginnings)('gives nothing to whoever says %s, and a partner who waits is served', async (what) => {
      const from = addressOf(700);
      const client = await test.connect({ from });
      const owner = ownerOf(from);
      const passive = await client.ask('EPSV', '229');
      const port = Number(/\|\|\|(\d+)\|/.exec(passive)?.[1]);
      // Another client's address where the header is true; the partner's own only where it is not.
      const told = hostileBeginnings({ client: what === 'a forged header' ? from : '127.0.9.1', port });
      for (const { ports } of test.fleet.tasks) {
        const stranger = await dialHostile(ports[which]);
        stranger.write(told[what] as Buffer);
        if (patient.has(what)) stranger.destroy();
        expect(await isThrownOut(stranger, 15_000)).toBe(true);
      }
      expect(await leasesOf(from)).toHaveLength(1);
      expect(owner.server.process.exitCode).toBeNull();
      await client.upload('hostile', Buffer.from(what));
      expect((await client.download('hostile')).toString()).toBe(what);
      await client.quit();
    });
  });

  it('throws out whoever says nothing on the relay port', async () => {
    const stranger = await dialHostile((test.fleet.tasks[0] as FleetTask).ports.relayPort);
    expect(await isThrownOut(stranger, 14_000)).toBe(true);
  });

  it('throws out whoever sends a header byte by byte and never ends it', async () => {
    const stranger = await dialHostile((test.fleet.tasks[0] as FleetTask).ports.relayPort);
    const header = headerOf({ client: '127.0.9.1', port: 8_192 });
    let sent = 0;
    const dripping = setInterval(() => sent < header.length - 1 && stranger.write(header.subarray(sent, ++sent)), 300);
    expect(await isThrownOut(stranger, 14_000)).toBe(true);
    clearInterval(dripping);
  });

  it('takes the nonce of a lease once', async () => {
    const from = addressOf(701);
    const client = await test.connect({ from });
    const owner = ownerOf(from);
    await client.ask('EPSV', '229');
    const [lease] = await leasesOf(from);
    if (!lease) throw new Error('there is no lease');
    const wrong = await dialHostile(owner.ports.relayPort);
    wrong.write(
      headerOf(
        { client: from, port: lease.port },
        lease.nonce.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
      ),
    );
    expect(await isThrownOut(wrong, 10_000)).toBe(true);
    const data = await client.connectTo(lease.port);
    data.write('anything');
    await until(async () => (await leasesOf(from)).length === 0, 'the connection has used the lease up');
    const replayed = await dialHostile(owner.ports.relayPort);
    replayed.write(headerOf({ client: from, port: lease.port }, lease.nonce));
    expect(await isThrownOut(replayed, 10_000)).toBe(true);
    data.destroy();
    client.close();
  });

  it('gives a port that somebody waits on to nobody else', async () => {
    const from = addressOf(702);
    const client = await test.connect({ from });
    const passive = await client.ask('EPSV', '229');
    const port = Number(/\|\|\|(\d+)\|/.exec(passive)?.[1]);
    const other = await test.connect({ from: addressOf(703) });
    const stranger = await other.connectTo(port);
    stranger.resume();
    stranger.write('anything');
    expect(await isThrownOut(stranger, 10_000)).toBe(true);
    await client.upload('mine', Buffer.from('mine'));
    await client.quit();
    await other.quit();
  });

  it(`survives ${connects} connects to each kind of port while partners transfer, and is afterwards as before`, async () => {
    const load = startLoad(test, { clients: 3, prefix: 'beside', readsBack: true });
    const [task] = test.fleet.tasks as [FleetTask];
    await until(() => load.acknowledged.size >= 6, 'transfers before');
    const memory = residentMegabytes(task.server.process.pid as number);
    await flood(task.ports.dataPort, connects);
    await flood(task.ports.relayPort, connects);
    const crowd = await Promise.all(Array.from({ length: 900 }, () => dialHostile(task.ports.dataPort)));
    const before = load.acknowledged.size;
    await until(() => load.acknowledged.size >= before + 6, 'transfers beside a crowd that waits');
    await load.stop();
    for (const socket of crowd) socket.destroy();
    expect(load.failures).toEqual([]);
    await until(() => openConnectionsTo(innerPorts()) === 0, 'every connection is gone');
    expect(residentMegabytes(task.server.process.pid as number)).toBeLessThan(memory + mostGrowth);
    for (const number of [700, 701, 702, 703]) expect(await leasesOf(addressOf(number))).toEqual([]);
    expect(test.fleet.tasks.map(({ server }) => server.process.exitCode)).toEqual([null, null]);
  });
});
