import { type ChildProcess, fork } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { type AddressInfo, createServer, type Server, Socket } from 'node:net';
import path from 'node:path';
import { MemoryLeaseStore } from '../../runtime/adapters/memory/memory-lease-store';
import { randomIds } from '../../runtime/adapters/random-ids';
import { systemClock } from '../../runtime/adapters/system-clock';
import { Failure } from '../../runtime/model/failure';
import type { DataRequest, DataSockets } from '../../runtime/ports/data-sockets';
import { PassivePorts } from '../../runtime/routing/passive-ports';
import { Worker } from '../../runtime/routing/worker';
import type { PipeEnd } from '../../runtime/routing/worker-channel';
import type { WorkerPipe } from '../../runtime/routing/worker-slot';
import { Workers } from '../../runtime/routing/workers';
import { describeLeaseStore } from '../contracts/lease-store.contract';
import { FakeClock, settle } from '../support/fake-clock';
import { dial, eventually, Peer, secure, tlsOptions, within } from '../support/wire-server';

/** Both ends of a pipe in one process. Messages are copied as a real one does, and of a socket the other side gets one of its own. */
function pipes(task = 'task'): { primary: WorkerPipe & EventEmitter; worker: PipeEnd & EventEmitter; cut(): void } {
  const ends = [new EventEmitter(), new EventEmitter()] as const;
  let open = true;
  const make = (own: EventEmitter, other: EventEmitter) =>
    Object.assign(own, {
      send: (message: unknown, handle?: Socket, _options?: unknown, sent?: (error: Error | null) => void) => {
        const copy: unknown = JSON.parse(JSON.stringify(message));
        setImmediate(() => {
          if (open) other.emit('message', copy, handle && new Socket());
          sent?.(open ? null : new Error('closed'));
        });
        return true;
      },
    });
  const [left, right] = ends;
  return {
    primary: Object.assign(make(left, right), { task, kill: cut }) as unknown as WorkerPipe & EventEmitter,
    worker: make(right, left) as unknown as PipeEnd & EventEmitter,
    cut,
  };

  function cut(): void {
    open = false;
    left.emit('disconnect');
    right.emit('disconnect');
  }
}

const ignore = () => undefined;

function noting() {
  const lines: string[] = [];
  const note = (_: string, fields?: { text?: string }) => void lines.push(fields?.text ?? '');
  const log = { debug: ignore, info: ignore, warn: note, error: note, with: () => log };
  return { log, lines };
}

const noPorts: DataSockets = { reserve: () => Promise.reject(new Failure('no-data-connection', 'No passive port is free.')) };

/** A primary with workers in the same process. */
async function inProcess(count: number, changes: Partial<ConstructorParameters<typeof Workers>[0]> = {}) {
  const clock = new FakeClock();
  const leases = new MemoryLeaseStore(clock);
  const { log, lines } = noting();
  const workers: {
    worker: Worker;
    pipe: EventEmitter;
    sessions: Socket[];
    drained: number;
    park: jest.Mock;
    deafen(): void;
    cut(): void;
  }[] = [];
  const lost: number[] = [];
  const lostTasks: string[] = [];
  const closed: string[] = [];
  const primary = new Workers({
    count,
    leases,
    clock,
    log,
    dataSockets: noPorts,
    deadAfter: 24 * 3_600_000,
    onClosed: (address) => closed.push(address),
    onLost: (index, task) => {
      lost.push(index);
      lostTasks.push(task);
    },
    start: (index) => {
      const { primary: end, worker: own, cut } = pipes(`task ${index}.${workers.length}`);
      const sessions: Socket[] = [];
      const entry: (typeof workers)[number] = {
        pipe: own,
        sessions,
        drained: 0,
        park: jest.fn(async (_token: string, _durable: number) => true),
        deafen: () => void own.removeAllListeners('message'),
        cut,
        worker: new Worker({
          pipe: own,
          clock,
          onSession: (socket) => sessions.push(socket),
          onPark: (token, durable) => entry.park(token, durable) as Promise<boolean>,
          uploads: () => [`${index} uploads`],
          onDrain: () => {
            entry.drained++;
          },
        }),
      };
      workers.push(entry);
      entry.worker.ready();
      return end;
    },
    ...changes,
  });
  await primary.start();
  return { clock, leases, lines, workers, lost, lostTasks, closed, primary };
}

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

describe('reservations of a worker', () => {
  const request: DataRequest = {
    client: '192.0.2.1',
    user: 'u',
    anyAddress: false,
    onSocket: ignore,
    onStranger: ignore,
    onExpired: ignore,
  };

  function reserving() {
    const asked: DataRequest[] = [];
    const released: number[] = [];
    let answer: (port: number) => void = ignore;
    const dataSockets: DataSockets = {
      reserve: async (one) => {
        asked.push(one);
        const port = await new Promise<number>((resolve) => {
          answer = resolve;
        });
        return { port, release: () => released.push(port) };
      },
    };
    return { asked, released, dataSockets, answer: (port: number) => answer(port) };
  }

  it('are made by the primary, and hear what becomes of them', async () => {
    const { asked, dataSockets, answer } = reserving();
    const { workers } = await inProcess(1, { dataSockets });
    const heard: string[] = [];
    const reserved = workers[0]?.worker.reserve({
      ...request,
      onSocket: (_, address) => heard.push(`socket ${address}`),
      onStranger: (address) => heard.push(`stranger ${address}`),
      onExpired: () => heard.push('expired'),
    });
    await settle();
    expect(asked).toEqual([expect.objectContaining({ client: '192.0.2.1', user: 'u', anyAddress: false })]);
    answer(8192);
    expect((await reserved)?.port).toBe(8192);
    asked[0]?.onStranger('192.0.2.9');
    asked[0]?.onSocket(new Socket(), '192.0.2.1');
    await settle();
    expect(heard).toEqual(['stranger 192.0.2.9', 'socket 192.0.2.1']);
  });

  it('get a connection that is there before the answer', async () => {
    const { asked, dataSockets } = reserving();
    const { workers } = await inProcess(1, { dataSockets });
    let arrived = 0;
    void workers[0]?.worker.reserve({
      ...request,
      onSocket: () => {
        arrived++;
      },
    });
    await settle();
    asked[0]?.onSocket(new Socket(), '192.0.2.1');
    await settle();
    expect(arrived).toBe(1);
  });

  it('are released with their worker, and when it asks', async () => {
    const { released, dataSockets, answer } = reserving();
    const { workers } = await inProcess(1, { dataSockets });
    for (const port of [8192, 8193]) {
      const reserved = workers[0]?.worker.reserve(request);
      await settle();
      answer(port);
      const { release } = (await reserved) as { release(): void };
      if (port === 8192) release();
    }
    await settle();
    expect(released).toEqual([8192]);
    workers[0]?.cut();
    expect(released).toEqual([8192, 8193]);
  });

  it('of a worker that is lost while the port is sought are released when it is found', async () => {
    const { released, dataSockets, answer } = reserving();
    const { workers } = await inProcess(1, { dataSockets });
    const reserved = expect(workers[0]?.worker.reserve(request)).rejects.toMatchObject({ kind: 'store-unavailable' });
    await settle();
    workers[0]?.cut();
    answer(8192);
    await reserved;
    expect(released).toEqual([8192]);
  });

  it('close a connection that was released while it was on its way', async () => {
    const { asked, dataSockets, answer } = reserving();
    const { workers } = await inProcess(1, { dataSockets });
    const reserved = workers[0]?.worker.reserve(request);
    await settle();
    answer(8192);
    const { release } = (await reserved) as { release(): void };
    asked[0]?.onSocket(new Socket(), '192.0.2.1');
    const arrived = new Promise<Socket>((resolve) => workers[0]?.pipe.once('message', (_, socket) => resolve(socket as Socket)));
    release();
    await settle();
    expect((await arrived).destroyed).toBe(true);
  });

  it('fail as those of the primary do, and when it does not answer', async () => {
    const { workers } = await inProcess(1);
    await expect(workers[0]?.worker.reserve(request)).rejects.toMatchObject({
      kind: 'no-data-connection',
      message: 'No passive port is free.',
    });
    const { dataSockets } = reserving();
    const { workers: hung, clock } = await inProcess(1, { dataSockets });
    const late = expect(hung[0]?.worker.reserve(request)).rejects.toMatchObject({ kind: 'store-unavailable' });
    await clock.advance(10_000);
    await late;
    // The watch over the worker goes on.
    expect(clock.pending).toBe(1);
  });
});

describeLeaseStore('a worker', async () => {
  const { workers, clock } = await inProcess(1);
  const { worker } = workers[0] as { worker: Worker };
  return { leases: worker.leases, clock, end: async () => undefined };
});

describe('workers as processes', () => {
  const children: ChildProcess[] = [];
  let control: Server;
  let passive: PassivePorts;
  let workers: Workers;
  let port: number;
  let accepted: Socket[];

  beforeEach(async () => {
    const { log } = noting();
    const leases = new MemoryLeaseStore(systemClock);
    passive = new PassivePorts({ leases, clock: systemClock, ids: randomIds, task: 'primary', reservedFor: 60_000 });
    await passive.bind('127.0.0.1', [0, 0, 0, 0]);
    workers = new Workers({
      count: 2,
      leases,
      clock: systemClock,
      log,
      dataSockets: passive,
      deadAfter: 600_000,
      onLost: ignore,
      start: () => {
        const child = fork(path.join(__dirname, 'worker-process.ts'), { execArgv: ['--import', 'tsx'] });
        children.push(child);
        return {
          task: `task ${children.length}`,
          kill: () => child.kill('SIGKILL'),
          send: (message: object, socket?: Socket, options?: object, sent?: (error: Error | null) => void) =>
            child.send(message, socket, options, sent),
          // As the server does: of a process that was killed, the end of the pipe is not always told.
          on: (event: string, listener: () => void) => child.on(event === 'disconnect' ? 'exit' : event, listener),
        } as unknown as WorkerPipe;
      },
    });
    await workers.start();
    accepted = [];
    control = createServer({ pauseOnConnect: true }, (socket) => {
      accepted.push(socket);
      workers.accept(socket, false);
    });
    control.listen(0, '127.0.0.1');
    await once(control, 'listening');
    port = (control.address() as AddressInfo).port;
  }, 30_000);

  afterEach(async () => {
    void control.close();
    await passive.close();
    const gone = children.map((child) => (child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined));
    await workers.drain(AbortSignal.timeout(5_000)).catch(ignore);
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await Promise.all(gone);
  });

  async function session(): Promise<{ peer: Peer; ask(word: string): Promise<string> }> {
    const peer = new Peer(await dial(port));
    await peer.expect('hello 127.0.0.1 false\n');
    const next = async () => {
      await within(
        eventually(() => peer.text.includes('\n'), 'a line'),
        'a line',
      );
      const [line = ''] = peer.text.split('\n');
      await peer.expect(`${line}\n`);
      return line;
    };
    return {
      peer,
      ask: (word) => {
        if (word !== '') peer.socket.write(word);
        return next();
      },
    };
  }

  it.each(['SIGKILL', 'SIGSTOP'] as const)(
    'that end by %s leave no connection open that was on its way to them',
    async (signal) => {
      const one = await session();
      const reserved = Number((await one.ask('port')).split(' ')[1]);
      for (const child of children) child.kill(signal);
      const late = [new Peer(await dial(reserved)), ...(await Promise.all([1, 2, 3].map(async () => new Peer(await dial(port)))))];
      await eventually(() => passive.reserved === 0, 'the data connection to be handed over');
      for (const child of [...children]) child.kill('SIGKILL');
      await within(Promise.all(late.map((peer) => peer.end())), 'the end of all');
      await eventually(() => accepted.every(({ destroyed }) => destroyed), 'the copies of the primary');
    },
    30_000,
  );

  it('serve sessions side by side; data connections find theirs, whole; counts are common; a dead one is noticed', async () => {
    const [first, second] = [await session(), await session()];
    const pids = [await first.ask('pid'), await second.ask('pid')];
    expect(new Set(pids).size).toBe(2);
    for (const [index, one] of [first, second].entries()) {
      const reserved = Number((await one.ask('port')).split(' ')[1]);
      const data = await dial(reserved);
      data.end(`payload ${index}`);
      expect(await one.ask('')).toBe(`data payload ${index} from 127.0.0.1 at ${pids[index]?.split(' ')[1]}`);
    }
    expect([await first.ask('fail'), await second.ask('fail'), await first.ask('fail')]).toEqual(['failed 1', 'failed 2', 'failed 3']);
    for (const ending of ['verified', 'cut']) {
      const reserved = Number((await first.ask('tls')).split(' ')[1]);
      const raw = await dial(reserved);
      const tls = await secure(raw, tlsOptions('TLSv1.3'));
      await new Promise((resolve) => tls.write(Buffer.alloc(300_000), resolve));
      if (ending === 'verified') tls.end();
      else raw.end();
      expect(await first.ask('')).toBe(`tls 300000 ${ending}`);
      raw.destroy();
    }
    expect(passive.reserved).toBe(0);
    expect(workers.load).toEqual([1, 1]);
    await first.ask('port');
    expect(passive.reserved).toBe(1);
    first.peer.socket.write('die');
    await first.peer.end();
    await eventually(() => workers.load.includes(undefined), 'the loss');
    expect(passive.reserved).toBe(0);
    // The other one goes on.
    expect(await second.ask('pid')).toBe(pids[1]);
    second.peer.socket.end();
    await eventually(() => workers.load.includes(0), 'the end of the session');
  }, 30_000);
});
