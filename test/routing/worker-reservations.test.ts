import { Socket } from 'node:net';
import type { DataRequest, DataSockets } from '../../runtime/ports/data-sockets';
import type { Worker } from '../../runtime/routing/worker';
import { describeLeaseStore } from '../contracts/lease-store.contract';
import { settle } from '../support/fake-clock';

import { ignore, inProcess } from './workers-fixture';

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
