import { Failure } from '../../runtime/model/failure';
import type { ObjectStore, ObjectWriter } from '../../runtime/ports/object-store';
import type { TestStores } from './filesystem';

/**
 * Every await of the rules is a call of a port, so the ports are where a process can die. The n-th call is hit: the process is gone before it, or after its
 * effect; or the call fails, or its effect happens and the answer is lost. A dead process's later calls never return.
 */
export type Fault = 'killed before' | 'killed after' | 'error' | 'answer lost';
export const allFaults: readonly Fault[] = ['killed before', 'killed after', 'error', 'answer lost'];

export class FaultyPorts {
  calls = 0;
  readonly names: string[] = [];
  private dead = false;
  private armed = true;
  private readonly died: Promise<void>;
  private die: () => void = () => undefined;

  constructor(
    private readonly hit: number,
    private readonly fault: Fault,
  ) {
    this.died = new Promise((resolve) => {
      this.die = resolve;
    });
  }

  /** Resolves when the process has been killed. */
  get death(): Promise<void> {
    return this.died;
  }

  /** The change is over; what the test does then meets no fault. Gives whether the fault was met. */
  disarm(): boolean {
    this.armed = false;
    return this.calls > this.hit;
  }

  wrap(stores: TestStores): TestStores {
    return { metadata: this.proxy('metadata', stores.metadata), objects: this.wrapObjects(stores.objects) };
  }

  private wrapObjects(objects: ObjectStore): ObjectStore {
    const wrapped = this.proxy('objects', objects);
    const writer = (made: ObjectWriter) => this.proxyWriter(made);
    return new Proxy(wrapped, {
      get: (target, name) => {
        if (name === 'begin') return (...args: Parameters<ObjectStore['begin']>) => writer(target.begin(...args));
        if (name === 'resume') return async (...args: Parameters<ObjectStore['resume']>) => writer(await target.resume(...args));
        if (name === 'append') return async (...args: Parameters<ObjectStore['append']>) => writer(await target.append(...args));
        if (name === 'directories' && target.directories) return this.proxy('directories', target.directories);
        return Reflect.get(target, name);
      },
    });
  }

  private proxy<T extends object>(port: string, target: T): T {
    return new Proxy(target, {
      get: (_, name) => {
        const value = Reflect.get(target, name) as unknown;
        if (typeof value !== 'function' || name === 'begin' || name === 'halfWritten')
          return typeof value === 'function' ? value.bind(target) : value;
        return (...args: unknown[]) => this.call(`${port}.${String(name)}`, () => value.apply(target, args) as Promise<unknown>);
      },
    });
  }

  private proxyWriter(target: ObjectWriter): ObjectWriter {
    const faulty = new Set(['ready', 'settle', 'complete', 'park', 'abort', 'flush']);
    return new Proxy(target, {
      get: (_, name) => {
        const value = Reflect.get(target, name) as unknown;
        if (typeof value !== 'function') return value;
        if (!faulty.has(String(name))) return value.bind(target);
        return (...args: unknown[]) => this.call(`writer.${String(name)}`, () => value.apply(target, args) as Promise<unknown>);
      },
      set: (_, name, value) => Reflect.set(target, name, value),
    });
  }

  private async call(name: string, effect: () => Promise<unknown>): Promise<unknown> {
    if (this.dead) return forever();
    const number = this.calls++;
    this.names.push(name);
    if (number !== this.hit || !this.armed) return effect();
    const unknown = () => new Failure('store-unavailable', 'Storage is not available; try again later.');
    switch (this.fault) {
      case 'killed before':
        this.kill();
        return forever();
      case 'killed after':
        this.dead = true;
        await effect();
        this.die();
        return forever();
      case 'error':
        throw unknown();
      case 'answer lost':
        await effect();
        throw unknown();
    }
  }

  private kill(): void {
    this.dead = true;
    this.die();
  }
}

function forever(): Promise<never> {
  return new Promise(() => undefined);
}
