import { EventEmitter } from 'node:events';
import { Socket } from 'node:net';
import { Failure } from '../../runtime/model/failure';
import { WorkerCalls } from '../../runtime/routing/worker-calls';
import { type PipeEnd, type ToPrimary, type ToWorker, WorkerChannel } from '../../runtime/routing/worker-channel';
import { answerLease } from '../../runtime/routing/worker-leases';
import { FakeClock } from '../support/fake-clock';

/** The pipe between two processes when the other side hangs or is gone. */

const ignore = () => undefined;

describe('a channel', () => {
  it('keeps a bounded number of messages for a side that does not take them, and closes sockets beyond', () => {
    const sent: ((error: Error | null) => void)[] = [];
    const pipe = Object.assign(new EventEmitter(), {
      send: (_message: unknown, _handle: unknown, _options: unknown, done: (error: Error | null) => void) => sent.push(done) > 0,
    });
    const channel = new WorkerChannel<ToWorker, ToPrimary>(pipe as unknown as PipeEnd, ignore, ignore);
    for (let count = 0; count < 4_096; count++) expect(channel.post({ kind: 'drain' })).toBe(true);
    const socket = new Socket();
    expect(channel.post({ kind: 'data', reservation: 1, address: '' }, socket)).toBe(false);
    expect(socket.destroyed).toBe(true);
    sent[0]?.(null);
    const lost = new Socket();
    expect(channel.post({ kind: 'data', reservation: 1, address: '' }, lost)).toBe(true);
    expect(lost.destroyed).toBe(false);
    const refused = new Socket();
    sent[1]?.(null);
    channel.post({ kind: 'data', reservation: 1, address: '' }, refused);
    sent[4_097]?.(new Error('the pipe is closed'));
    expect(refused.destroyed).toBe(true);
    pipe.emit('disconnect');
    expect(lost.destroyed).toBe(true);
    expect(channel.post({ kind: 'drain' })).toBe(false);
  });

  it('keeps a socket open until the other side says that it has it, and tells of those before it that did not arrive', () => {
    const sent: { handover?: number }[] = [];
    const pipe = Object.assign(new EventEmitter(), { send: (message: { handover?: number }) => sent.push(message) > 0 });
    const channel = new WorkerChannel<ToWorker, ToPrimary>(pipe as unknown as PipeEnd, ignore, ignore);
    const lost: number[] = [];
    const sockets = [0, 1, 2].map((number) => {
      const socket = new Socket();
      channel.post({ kind: 'data', reservation: number, address: '' }, socket, () => lost.push(number));
      return socket;
    });
    pipe.emit('message', { kind: 'taken', handover: sent[1]?.handover });
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true, true, false]);
    expect(lost).toEqual([0]);
    pipe.emit('message', { kind: 'taken', handover: sent[2]?.handover });
    expect(sockets[2]?.destroyed).toBe(true);
    expect(lost).toEqual([0]);
  });
});

describe('calls', () => {
  it('are refused when too many wait, cannot be sent, or the other side is gone', async () => {
    const clock = new FakeClock();
    const calls = new WorkerCalls(clock);
    const waiting = Array.from({ length: 2_048 }, () => calls.ask(() => true));
    await expect(calls.ask(() => true)).rejects.toBeInstanceOf(Failure);
    calls.settle(1, 'answer', undefined);
    await expect(waiting[0]).resolves.toBe('answer');
    await expect(calls.ask(() => false)).rejects.toMatchObject({ kind: 'store-unavailable' });
    const rest = Promise.allSettled(waiting.slice(1));
    calls.close();
    expect(new Set((await rest).map(({ status }) => status))).toEqual(new Set(['rejected']));
    expect(clock.pending).toBe(0);
  });

  it('hear failures with their kind, and bugs as such', async () => {
    const calls = new WorkerCalls(new FakeClock());
    const [refused, bug] = [calls.ask(() => true), calls.ask(() => true)];
    calls.settle(1, undefined, { kind: 'busy', message: 'Try again.' });
    calls.settle(2, undefined, { kind: undefined, message: 'a bug' });
    await expect(refused).rejects.toMatchObject({ name: 'Failure', kind: 'busy', message: 'Try again.' });
    await expect(bug).rejects.toMatchObject({ name: 'Error', message: 'a bug' });
    calls.settle(3, 'late', undefined);
  });

  it('reach only what leases have', async () => {
    await expect(answerLease({} as never, 'constructor' as never, [])).rejects.toThrow('do not have');
  });
});
