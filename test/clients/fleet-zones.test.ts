import { randomBytes } from 'node:crypto';
import { Client } from 'basic-ftp';
import { addressOf, describeFleet, inTurns, openTestFleet, type TestFleet } from '../support/fleet-fixture';

/** Two zones with an address each and two tasks in each: PASV names the address that the client dialled, and who dials a zone stays in it. */
const zones = [
  { name: 'zone-a', address: '127.0.0.1' },
  { name: 'zone-b', address: '127.0.0.2' },
] as const;

describeFleet('a fleet in two zones', () => {
  let test: TestFleet;

  beforeAll(async () => {
    test = await openTestFleet({ tasks: 4, zones });
  }, 120_000);
  afterAll(() => test?.close());

  it.each(zones)('transfers in $name through its own address, with PASV and with EPSV', async ({ address }) => {
    await inTurns(8, 4, async (index, lane) => {
      const client = await test.connect({ host: address, from: addressOf(900 + lane), passive: index % 2 === 0 ? 'PASV' : 'EPSV' });
      expect(await client.ask('PASV', '227')).toContain(`(${address.replaceAll('.', ',')},`);
      const bytes = randomBytes(50_000);
      await client.upload(`${address}-${index}`, bytes);
      expect((await client.download(`${address}-${index}`)).equals(bytes)).toBe(true);
      await client.quit();
    });
    expect(test.adversary).toMatchObject({ right: 0, unavoidable: 0 });
  });

  it('shows in one zone what was stored in the other', async () => {
    const client = await test.connect({ host: zones[0].address, from: addressOf(910) });
    const names = await client.names();
    for (const { address } of zones) expect(names).toContain(`${address}-0`);
    await client.quit();
  });

  it('serves a client that never looks at the address in PASV', async () => {
    const client = new Client(30_000);
    try {
      await client.access({
        host: zones[1].address,
        port: test.fleet.explicitPort,
        user: 'demo',
        password: test.fleet.password,
        secure: true,
        secureOptions: { ca: test.ca, servername: 'localhost', checkServerIdentity: () => undefined },
      });
      expect((await client.list()).map(({ name }) => name)).toContain('127.0.0.2-0');
    } finally {
      client.close();
    }
  });
});
