import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Choice, Target } from '../support/fake-load-balancer';
import { dial, eventually, within } from '../support/wire-server';
import { RoutingFleet, type RoutingTask, Waiting } from './routing-fleet';

/** Many transfers at once over three tasks and 48 ports, every data connection on a task that does not own it; and tasks that come and go meanwhile. */

let fleet: RoutingFleet;

afterEach(() => fleet.stop());

/** A hundred kilobytes up, an answer down; both ends must have all of it. */
const payload = Buffer.alloc(100_000, 'p');

async function transfer(owner: RoutingTask, client: string, number: number): Promise<void> {
  let arrived: Promise<string> | undefined;
  const waiting = await Waiting.on(owner, {
    client,
    user: `user-${number % 7}`,
    onSocket: (socket) => {
      arrived = answer(socket);
    },
  });
  const data = await dial(waiting.port, client);
  data.write(payload.subarray(0, 10));
  data.write(payload.subarray(10));
  let text = '';
  data.on('data', (bytes) => {
    text += bytes.toString();
  });
  await within(once(data, 'end'), `the answer to transfer ${number}`, 15_000);
  data.end();
  expect(text).toBe(`got ${payload.length}`);
  expect(await arrived).toBe('done');
}

/** As a session that knows the size: answers, ends, and waits for the client's end. */
async function answer(socket: Socket): Promise<string> {
  let size = 0;
  socket.allowHalfOpen = true;
  socket.on('data', ({ length }: Buffer) => {
    size += length;
    if (size === payload.length) socket.end(`got ${size}`);
  });
  socket.resume();
  await once(socket, 'end');
  return 'done';
}

async function inParallel(count: number, lanes: number, work: (number: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** The balancer is an adversary: never the task that reserved the port for this client. */
async function startAdversary(count: number): Promise<{ owners: Map<string, string> }> {
  fleet = await RoutingFleet.start(count, {}, 48);
  const owners = new Map<string, string>();
  const choose = ({ client, port, candidates }: Choice) => {
    const wrong = candidates.filter(({ name }) => name !== owners.get(`${client} ${port}`));
    return wrong[Math.floor(Math.random() * wrong.length)] as Target;
  };
  fleet.choose = choose;
  const reserve = fleet.leases.reserve.bind(fleet.leases);
  fleet.leases.reserve = async (lease) => {
    const reserved = await reserve(lease);
    if (reserved) owners.set(`${lease.client} ${lease.port}`, lease.task);
    return reserved;
  };
  return { owners };
}

async function expectNothingLeft(): Promise<void> {
  await eventually(() => fleet.balancer.open === 0, 'the connections to end');
  for (const { routing } of fleet.tasks) {
    await eventually(() => routing.counts().relays.active === 0, 'the relays to end');
    expect(routing.counts()).toMatchObject({ reserved: 0, waiting: 0, refused: 0, relays: { failed: 0 } });
  }
  await fleet.clock.advance(1);
  const ports = fleet.balancer.ports('data');
  const left = await Promise.all(ports.map((port) => fleet.leases.find('127.0.0.1', port)));
  expect(left.filter(Boolean)).toEqual([]);
}

describe('a fleet', () => {
  it('carries 600 transfers, 40 at once from one address, all by relay', async () => {
    await startAdversary(3);
    await inParallel(600, 40, (number) => transfer(fleet.task(1 + (number % 3)), '127.0.0.1', number));
    const relayed = fleet.tasks.map(({ routing }) => routing.counts().relays.begun);
    expect(relayed.reduce((sum, count) => sum + count, 0)).toBe(600);
    await expectNothingLeft();
    expect(fleet.clock.pending).toBe(0);
  });

  it('carries transfers of 60 clients at once', async () => {
    await startAdversary(3);
    await inParallel(300, 60, (number) => transfer(fleet.task(1 + (number % 3)), `127.0.1.${1 + (number % 60)}`, number));
    await expectNothingLeft();
  });

  it('replaces all of its tasks under load without a failure', async () => {
    await startAdversary(3);
    const live = [...fleet.tasks];
    let done = 0;
    const load = inParallel(300, 20, async (number) => {
      await transfer(live[number % live.length] as RoutingTask, '127.0.0.1', number);
      done++;
    });
    for (let round = 1; round <= 3; round++) {
      await eventually(() => done >= round * 60, 'some transfers', 20_000);
      const old = live.shift() as RoutingTask;
      live.push(await fleet.add(`task-${round + 3}`));
      // It gets new connections a while longer, relays what is not its own, and goes when it has nothing left.
      fleet.balancer.deregister(old.name);
      await fleet.clock.advance(100);
      await eventually(() => old.routing.counts().reserved === 0, 'its own transfers');
      await old.routing.drain(AbortSignal.timeout(10_000));
    }
    await load;
    expect(done).toBe(300);
    await expectNothingLeft();
  }, 60_000);
});
