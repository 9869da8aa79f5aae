import path from 'node:path';
import { type OperatorTools, openOperator, openSessions, type SessionTools } from '../../runtime/compose';
import { type Config, readConfig } from '../../runtime/config/config';
import type { FleetClient } from '../support/fleet-client';
import { addressOf, describeFleet, openTestFleet, type TestFleet, until } from '../support/fleet-fixture';

/** What an operator sees of a fleet's sessions, and what no partner's switch allows in one. */
describeFleet('the sessions of a fleet', () => {
  let test: TestFleet;
  let tools: SessionTools;
  let operator: OperatorTools;
  const credentials = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'] as const;
  const before = credentials.map((name) => process.env[name]);

  beforeAll(async () => {
    test = await openTestFleet();
    for (const name of credentials) process.env[name] = test.settings[name];
    const own = Object.entries(test.settings).filter(([name]) => name.startsWith('CAUSEWAY_'));
    const config = readConfig({ ...Object.fromEntries(own), CAUSEWAY_FLEET: 'on', CAUSEWAY_DATA: path.join(test.work, 'data') }, 1e9);
    if ('faults' in config) throw new Error(config.faults.join('\n'));
    tools = await openSessions(config as Config);
    operator = await openOperator(config as Config);
  }, 120_000);

  afterAll(async () => {
    await tools?.close();
    await operator?.close();
    await test?.close();
    credentials.forEach((name, index) => {
      if (before[index] === undefined) delete process.env[name];
      else process.env[name] = before[index];
    });
  });

  it('of all tasks are one list, and those of a task that died leave it', async () => {
    const clients: FleetClient[] = [];
    for (let client = 0; client < 6; client++) clients.push(await test.connect({ from: addressOf(700 + client) }));
    let rows = await tools.sessions.list();
    await until(async () => {
      rows = await tools.sessions.list();
      return rows.length === 6;
    }, 'all sessions');
    expect(rows.map(({ client }) => client).sort()).toEqual(clients.map((_, client) => addressOf(700 + client)).sort());
    expect(new Set(rows.map(({ task }) => task)).size).toBe(3);

    const dying = rows.filter(({ task }) => task === rows[0]?.task);
    await test.fleet.tasks.find(({ server }) => server.log().includes(rows[0]?.task as string))?.server.stop('SIGKILL');
    await until(async () => (await tools.sessions.list()).length === 6 - dying.length, 'the list without the dead task');
    for (const client of clients) client.close();
    await until(async () => (await tools.sessions.list()).length === 0, 'an empty list');
  }, 120_000);

  it('are ended on whatever task they are; the client hears why, and what it sent is kept', async () => {
    const client = await test.connect({ from: addressOf(720) });
    const sending = client.uploadSlowly('kicked', Buffer.alloc(2_000_000, 7), 10_000).catch((error: Error) => error.message);
    let id = '';
    await until(async () => {
      const row = (await tools.sessions.list()).find(({ transfer }) => transfer?.path === '/kicked' && transfer.bytes > 0);
      id = row?.id ?? '';
      return row !== undefined;
    }, 'the transfer');
    const kicked = tools.sessions.kick(id);
    await client.reply('426 Ended by the operator.');
    await client.reply('421 This session was ended by the operator');
    client.close();
    expect((await kicked).user).toBe('demo');
    await sending;
  }, 120_000);

  it('have no clear data, though the partner may', async () => {
    await operator.partners.set('demo', { switches: { allowClearData: true } });
    const client = await test.connect({ from: addressOf(730) });
    await client.ask('PROT C', '534');
    await client.ask('CDC', '534');
    await client.ask('PROT S', '536');
    await client.upload('still-private', Buffer.from('x'));
    await client.quit();
  }, 60_000);
});
