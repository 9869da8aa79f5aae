import type { Filesystem, FilesystemLimits } from '../../runtime/filesystem/filesystem';
import { Failure } from '../../runtime/model/failure';
import { FakeClock } from './fake-clock';
import { makeFilesystem, memoryStores, viewOf } from './filesystem';
import type { HeldCall } from './held-call';
import { wrapPorts } from './wrapped-ports';

/** One process on stores in memory, with a clock that the test moves. */
export function oneProcess(limits: Partial<FilesystemLimits> = {}) {
  const clock = new FakeClock();
  const stores = memoryStores();
  const fs = makeFilesystem(stores, clock, 'task-1', limits);
  return {
    clock,
    fs,
    view: viewOf(fs),
    /** The same process, with a call that the test holds. */
    held: (call: HeldCall): Filesystem => ({ ...fs, ...call.wrap(stores) }),
    /** The same process, each of whose calls the test is told before it has its effect. */
    told: (note: (name: string) => void): Filesystem => {
      const wrapped = wrapPorts(stores, (name, effect) => {
        note(name);
        return effect();
      });
      return { ...fs, ...wrapped };
    },
    nextProcess: (task = 'next'): Filesystem => makeFilesystem(stores, clock, task, limits),
    ...stores,
  };
}

export const connectionLost = new Failure('cut', 'The connection was reset.');

/** `done`, or the kind of failure. */
export const kindOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'done',
    (error: unknown) => (error instanceof Failure ? error.kind : String(error)),
  );
