import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { MemoryLeaseStore } from '../../runtime/adapters/memory/memory-lease-store';
import { randomIds } from '../../runtime/adapters/random-ids';
import { systemClock } from '../../runtime/adapters/system-clock';
import { PassivePorts } from '../../runtime/routing/passive-ports';
import type { WorkerPipe } from '../../runtime/routing/worker-slot';
import { Workers } from '../../runtime/routing/workers';
import { dial, eventually, Peer, secure, tlsOptions, within } from '../support/wire-server';

import { ignore, noting } from './workers-fixture';

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
