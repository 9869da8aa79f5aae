import { randomIds } from '../../runtime/adapters/random-ids';
import { systemClock } from '../../runtime/adapters/system-clock';
import { type Config, readConfig } from '../../runtime/config/config';
import { openRouting } from '../../runtime/open-routing';
import type { LeaseStore } from '../../runtime/ports/lease-store';
import { quietLog } from '../support/filesystem';

it('a server on its own reserves ports without a word to the table that its index is in', async () => {
  const asked: PropertyKey[] = [];
  const leases = new Proxy({} as LeaseStore, {
    get: (_, name) => {
      asked.push(name);
      return async () => true;
    },
  });
  const config = readConfig({ CAUSEWAY_HOST: '127.0.0.1', CAUSEWAY_PASSIVE_PORTS: 'free:8' }, 2 ** 31) as Config;
  const routing = await openRouting(config, { clock: systemClock, ids: randomIds, log: quietLog, task: 'task', leases });
  const request = { client: '127.0.0.1', user: 'acme', anyAddress: false, onSocket: () => {}, onStranger: () => {}, onExpired: () => {} };
  const [one, two] = [
    await routing.dataSockets.reserve({ ...request, session: {} }),
    await routing.dataSockets.reserve({ ...request, session: {} }),
  ];
  expect(routing.passivePorts).toEqual(expect.arrayContaining([one.port, two.port]));
  expect(one.port).not.toBe(two.port);
  one.release();
  two.release();
  await routing.close();
  expect(asked).toEqual([]);
});
