import { createServer, type Server } from 'node:http';
import { readTaskPlace } from '../../runtime/adapters/ecs/task-metadata';
import { TaskProtection } from '../../runtime/adapters/ecs/task-protection';
import { FakeClock, settle } from '../support/fake-clock';
import { eventually } from '../support/wire-server';

/** The agent beside a container, played by a small HTTP server. */

let server: Server;
let base: string;
let asked: { method: string; url: string; body: unknown }[];
let answer: () => { status: number; body: string };

beforeEach(async () => {
  asked = [];
  answer = () => ({ status: 200, body: '{}' });
  server = createServer((request, response) => {
    let text = '';
    request.on('data', (piece) => {
      text += piece;
    });
    request.on('end', () => {
      asked.push({ method: request.method ?? '', url: request.url ?? '', body: text === '' ? undefined : JSON.parse(text) });
      const { status, body } = answer();
      response.writeHead(status).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as { port: number }).port}/agent`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe('the place of a task', () => {
  const place = {
    TaskARN: 'arn:aws:ecs:eu-central-1:111122223333:task/causeway/0123',
    AvailabilityZone: 'eu-central-1b',
    Containers: [{ Name: 'sidecar' }, { Name: 'causeway', Networks: [{ NetworkMode: 'awsvpc', IPv4Addresses: ['10.0.1.17'] }] }],
  };

  /** Nobody waits in a test. */
  const patient = { sleep: async () => undefined };

  it('is read from the metadata', async () => {
    answer = () => ({ status: 200, body: JSON.stringify(place) });
    expect(await readTaskPlace(base, patient)).toEqual({ address: '10.0.1.17', zone: 'eu-central-1b', taskArn: place.TaskARN });
    expect(asked).toEqual([{ method: 'GET', url: '/agent/task', body: undefined }]);
  });

  it('is asked for again where a container is up before the agent knows its task', async () => {
    const answers = [
      { status: 500, body: 'not yet' },
      { status: 200, body: JSON.stringify({ ...place, Containers: [] }) },
      { status: 200, body: JSON.stringify(place) },
    ];
    answer = () => answers[asked.length - 1] as (typeof answers)[0];
    expect(await readTaskPlace(base, patient)).toMatchObject({ address: '10.0.1.17' });
    expect(asked).toHaveLength(3);
  });

  it('is given up after some attempts, and it is told who was asked', async () => {
    answer = () => ({ status: 500, body: 'no' });
    await expect(readTaskPlace(base, patient)).rejects.toThrow(`${base}/task cannot be read: The agent answered 500: no`);
    expect(asked).toHaveLength(5);
  });

  it.each([
    ['no address', { ...place, Containers: [] }, 'no private address'],
    ['no zone', { ...place, AvailabilityZone: undefined }, 'no availability zone'],
    ['nothing', null, 'no private address'],
  ])('is not made up from %s', async (_, body, message) => {
    answer = () => ({ status: 200, body: JSON.stringify(body) });
    await expect(readTaskPlace(base, patient)).rejects.toThrow(message);
  });

  it.each([
    [404, 'not here', 'The agent answered 404: not here'],
    [200, 'words', 'something else than JSON'],
    [200, `"${'x'.repeat(300_000)}"`, 'longer than'],
  ])('is not read from an answer of %i', async (status, body, message) => {
    answer = () => ({ status, body });
    await expect(readTaskPlace(base, patient)).rejects.toThrow(message);
  });
});

describe('the protection of a task', () => {
  let clock: FakeClock;
  let protection: TaskProtection;
  let warnings: unknown[];

  beforeEach(() => {
    clock = new FakeClock();
    warnings = [];
    const ignore = () => undefined;
    const log = {
      debug: ignore,
      info: ignore,
      warn: (_: string, fields: unknown) => void warnings.push(fields),
      error: ignore,
      with: () => log,
    };
    protection = new TaskProtection({ agent: base, clock, log, expiresMinutes: 15, releaseAfter: 10_000 });
  });

  afterEach(() => protection.close());

  const on = { method: 'PUT', url: '/agent/task-protection/v1/state', body: { ProtectionEnabled: true, ExpiresInMinutes: 15 } };
  const off = { ...on, body: { ProtectionEnabled: false } };
  const requests = async (count: number) => {
    await eventually(() => asked.length === count, `${count} requests`);
    await settle();
  };

  it('is taken with the first transfer, renewed, and given back after the last', async () => {
    protection.update(1);
    protection.update(2);
    await requests(1);
    await eventually(() => protection.isHeld, 'the protection');
    await clock.advance(300_000);
    await requests(2);
    protection.update(0);
    await clock.advance(9_999);
    expect(asked).toEqual([on, on]);
    await clock.advance(1);
    await requests(3);
    expect(asked[2]).toEqual(off);
    await eventually(() => !protection.isHeld, 'its end');
    await clock.advance(3_600_000);
    expect(asked).toHaveLength(3);
    expect(clock.pending).toBe(0);
  });

  it('is kept between two files', async () => {
    protection.update(1);
    await requests(1);
    for (let file = 0; file < 5; file++) {
      protection.update(0);
      await clock.advance(5_000);
      protection.update(1);
    }
    expect(asked).toEqual([on]);
  });

  it.each([
    ['an error', 500, 'no'],
    ['a refusal', 200, '{"failure":{"Reason":"TASK_NOT_VALID"}}'],
    ['an error inside', 200, '{"error":{"Code":"AccessDeniedException","Message":"not authorized"}}'],
  ])('does without it, tells why, and asks again: %s', async (_, status, body) => {
    answer = () => ({ status, body });
    protection.update(1);
    await eventually(() => warnings.length === 1, 'the warning');
    expect(protection.isHeld).toBe(false);
    answer = () => ({ status: 200, body: '{"protection":{"ProtectionEnabled":true}}' });
    await settle();
    await clock.advance(30_000);
    await eventually(() => protection.isHeld, 'the protection');
    await clock.advance(30_000);
    expect(asked).toHaveLength(2);
  });

  it('that was not taken back is taken back again, as long as it lasts', async () => {
    protection.update(1);
    await eventually(() => protection.isHeld, 'the protection');
    answer = () => ({ status: 500, body: 'no' });
    protection.update(0);
    await clock.advance(10_000);
    await eventually(() => warnings.length === 1, 'the warning');
    await settle();
    answer = () => ({ status: 200, body: '{}' });
    await clock.advance(30_000);
    await eventually(() => !protection.isHeld, 'its end');
    expect(asked.map(({ body }) => body)).toEqual([on.body, off.body, off.body]);
    await settle();
    expect(clock.pending).toBe(0);
  });

  it('is given back when the server stops', async () => {
    protection.update(1);
    await protection.close();
    expect(asked.map(({ body }) => body)).toEqual([on.body, off.body]);
    expect(clock.pending).toBe(0);
  });

  it('is not waited for by a server that stops, where the agent does not answer', async () => {
    let tell: () => void = () => undefined;
    const heard = new Promise<void>((resolve) => {
      tell = resolve;
    });
    server.removeAllListeners('request');
    server.on('request', () => tell());
    protection.update(1);
    await heard;
    const closed = protection.close();
    await clock.advance(2_000);
    await closed;
    expect(clock.pending).toBe(0);
    server.closeAllConnections();
  });

  it('is not asked for when nothing ever ran', async () => {
    protection.update(0);
    await protection.close();
    expect(asked).toEqual([]);
  });
});
