import { mkdtempSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type RunningServer, startServer } from '../../runtime/compose';
import { readConfig } from '../../runtime/config/config';
import { variables } from '../../runtime/config/variables';
import type { EventName, Log, LogFields } from '../../runtime/ports/log';
import { dial, Peer, secure, tlsOptions, within } from '../support/wire-server';

/** Settings that limit something, from their name in the environment to the reply of the whole server. Its times are the real ones, so none is waited for. */
const folder = mkdtempSync(path.join(tmpdir(), 'causeway-limits-'));
const logged: { event: EventName; fields: LogFields | undefined }[] = [];
const note = (event: EventName, fields?: LogFields) => void logged.push({ event, fields });
const log: Log = { debug: note, info: note, warn: note, error: note, with: () => log };
const password = 'limited to this test';
const keepAlive = jest.spyOn(Socket.prototype, 'setKeepAlive');

let server: RunningServer;

beforeAll(async () => {
  const config = readConfig(
    {
      CAUSEWAY_DATA: folder,
      CAUSEWAY_HOST: '127.0.0.1',
      CAUSEWAY_EXPLICIT_PORT: '0',
      CAUSEWAY_IMPLICIT_PORT: '0',
      CAUSEWAY_PASSIVE_PORTS: 'free:8',
      CAUSEWAY_LINE_LENGTH: '2048',
      CAUSEWAY_LOGIN_FAILURES: '1',
      CAUSEWAY_STATUS_ENTRIES: '2',
      CAUSEWAY_RESERVATIONS: '3',
      CAUSEWAY_BUFFER_BUDGET: '12MiB',
      CAUSEWAY_SMALLEST_PART: '6MiB',
      CAUSEWAY_SESSIONS_PER_USER: '6',
      CAUSEWAY_KEEP_ALIVE: '7',
    },
    2 ** 30,
  );
  if ('faults' in config) throw new Error(config.faults.join('\n'));
  server = await startServer(config, 'localhost', log);
  await server.partners.add('acme', password);
});

afterEach(async () => {
  for (const client of clients.splice(0)) {
    await client.ask('QUIT', '221');
    await client.peer.end();
  }
});

afterAll(async () => {
  await server.drain();
  rmSync(folder, { recursive: true, force: true });
});

interface Client {
  readonly peer: Peer;
  ask(command: string, reply: string): Promise<void>;
}

const clients: Client[] = [];

/** A session on the implicit port. */
async function open(): Promise<Client> {
  const peer = new Peer(await secure(await dial(server.implicitPort), tlsOptions('TLSv1.3')));
  const client: Client = {
    peer,
    ask: async (command, reply) => {
      peer.socket.write(`${command}\r\n`);
      await peer.expect(reply);
      await peer.expect('\r\n');
    },
  };
  clients.push(client);
  await peer.expect('220 ');
  await peer.expect('\r\n');
  return client;
}

async function login(): Promise<Client> {
  const client = await open();
  await client.ask('USER acme', '331 ');
  await client.ask(`PASS ${password}`, '230 ');
  return client;
}

const several = async (count: number): Promise<Client[]> => {
  const opened: Client[] = [];
  while (opened.length < count) opened.push(await login());
  return opened;
};

it('CAUSEWAY_LINE_LENGTH: the longest line is read, one byte more is not', async () => {
  const client = await open();
  await client.ask(`NOOP ${'x'.repeat(2_048 - 7)}`, '200 ');
  await client.ask(`NOOP ${'x'.repeat(2_048 - 6)}`, '500 Command line too long.');
});

it('CAUSEWAY_LOGIN_FAILURES: that many wrong passwords end the session', async () => {
  const client = await open();
  await client.ask('USER acme', '331 ');
  await client.ask('PASS wrong', '421 Login incorrect too often, closing.');
  await client.peer.end();
  clients.splice(0);
});

it('CAUSEWAY_STATUS_ENTRIES: a directory of that many names fits into STAT', async () => {
  const client = await login();
  for (const name of ['d', 'd/a', 'd/b']) await client.ask(`MKD ${name}`, '257 ');
  await client.ask('STAT d', '212 End');
  await client.ask('MKD d/c', '257 ');
  await client.ask('STAT d', '450 Too many entries for STAT: use LIST.');
});

it('CAUSEWAY_RESERVATIONS: one more session of the partner gets no port until one is given back', async () => {
  const [first, second, third, fourth] = (await several(4)) as [Client, Client, Client, Client];
  for (const client of [first, second, third]) await client.ask('EPSV', '229 ');
  await fourth.ask('EPSV', '425 No passive port is free for this client');
  await first.ask('EPSV', '229 ');
  await third.ask('ABOR', '226 ');
  await fourth.ask('EPSV', '229 ');
});

it('CAUSEWAY_SMALLEST_PART: the budget holds that many uploads, and refuses the next before 150', async () => {
  const uploads = await several(3);
  for (const client of uploads) await client.ask('EPSV', '229 ');
  const [first, second, third] = uploads as [Client, Client, Client];
  await first.ask('STOR one', '150 ');
  await second.ask('STOR two', '150 ');
  await third.ask('STOR three', '450 Too many uploads at once: the server takes 2. Try again in a moment.');
  for (const client of [first, second]) {
    await client.ask('ABOR', '426 ');
    await client.peer.expect('226 ');
  }
  await third.ask('STOR three', '150 ');
  await third.ask('ABOR', '426 ');
  await third.peer.expect('226 ');
});

it('CAUSEWAY_KEEP_ALIVE: control and data connections are kept alive at that interval', async () => {
  const client = await login();
  keepAlive.mockClear();
  client.peer.socket.write('EPSV\r\n');
  await client.peer.expect('229 Entering Extended Passive Mode (|||');
  const [port] = await within(
    (async () => {
      await client.peer.expect('');
      while (!client.peer.text.includes('\r\n')) await new Promise(setImmediate);
      return /^\d+/.exec(client.peer.text) ?? [];
    })(),
    'a port',
  );
  await client.peer.expect('\r\n');
  client.peer.socket.write('NLST\r\n');
  await client.peer.expect('150 ');
  await secure(await dial(Number(port)), tlsOptions('TLSv1.3')).then((socket) => socket.resume());
  await client.peer.expect('226 ');
  await open();
  expect(keepAlive.mock.calls.filter(([on, delay]) => on === true && delay === 7_000)).toHaveLength(2);
});

it('every other limit is documented with its range', () => {
  for (const [name, variable] of Object.entries(variables))
    if (['seconds', 'count', 'bytes'].includes(variable.kind)) expect([name, 'range' in variable]).toEqual([name, true]);
});
