import { EventEmitter } from 'node:events';
import { Socket } from 'node:net';
import { MemoryLeaseStore } from '../../runtime/adapters/memory/memory-lease-store';
import { Failure } from '../../runtime/model/failure';
import type { DataSockets } from '../../runtime/ports/data-sockets';
import { Worker } from '../../runtime/routing/worker';
import type { PipeEnd } from '../../runtime/routing/worker-channel';
import type { WorkerPipe } from '../../runtime/routing/worker-slot';
import { Workers } from '../../runtime/routing/workers';
import { FakeClock } from '../support/fake-clock';

/** Both ends of a pipe in one process. Messages are copied as a real one does, and of a socket the other side gets one of its own. */
export function pipes(task = 'task'): { primary: WorkerPipe & EventEmitter; worker: PipeEnd & EventEmitter; cut(): void } {
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

export const ignore = () => undefined;

export function noting() {
  const lines: string[] = [];
  const note = (_: string, fields?: { text?: string }) => void lines.push(fields?.text ?? '');
  const log = { debug: ignore, info: ignore, warn: note, error: note, with: () => log };
  return { log, lines };
}

export const noPorts: DataSockets = { reserve: () => Promise.reject(new Failure('no-data-connection', 'No passive port is free.')) };

/** A primary with workers in the same process. */
export async function inProcess(count: number, changes: Partial<ConstructorParameters<typeof Workers>[0]> = {}) {
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
