import { Failure } from '../../runtime/model/failure';
import type { ObjectStore, ObjectWriter } from '../../runtime/ports/object-store';
import type { TestStores } from './filesystem';

/**
 * Every await of the rules is a call of a port, so the ports are where a process can die. The n-th call is hit: the process is gone before it, or after its
 * effect; or the call fails, or its effect happens and the answer is lost. A dead process's later calls never return.
 */
export type Fault = 'killed before' | 'killed after' | 'error' | 'answer lost' | 'landing late' | 'killed, landing late';
export const allFaults: readonly Fault[] = ['killed before', 'killed after', 'error', 'answer lost'];
/** A request that travels may also land when nobody waits for it any more. */
export const requestFaults: readonly Fault[] = [...allFaults, 'landing late', 'killed, landing late'];

export interface Requests {
  /** What the requester sees of a request that went unanswered. */
  readonly unanswered: () => Error;
  /** Lets it land later. */
  readonly later: (effect: () => Promise<unknown>) => void;
}

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

  /** One request of what lies behind a port. */
  request(name: string, effect: () => Promise<unknown>, requests: Requests): Promise<unknown> {
    return this.call(name, effect, requests);
  }

  wrapMetadata(metadata: TestStores['metadata']): TestStores['metadata'] {
    return this.proxy('metadata', metadata);
  }

  private async call(name: string, effect: () => Promise<unknown>, requests?: Requests): Promise<unknown> {
    if (this.dead) return forever();
    const number = this.calls++;
    this.names.push(name);
    if (number !== this.hit || !this.armed) return effect();
    const unknown = requests?.unanswered ?? (() => new Failure('store-unavailable', 'Storage is not available; try again later.'));
    switch (this.fault) {
      case 'killed before':
        this.kill();
        return forever();
      case 'killed after':
        this.dead = true;
        // A refusal is an effect too: nobody is there to hear it.
        await effect().catch(() => undefined);
        this.die();
        return forever();
      case 'error':
        throw unknown();
      case 'answer lost':
        await effect();
        throw unknown();
      case 'landing late':
        // A call within the process does not travel.
        if (!requests) return effect();
        requests.later(effect);
        throw unknown();
      case 'killed, landing late':
        if (!requests) return effect();
        requests.later(effect);
        this.kill();
        return forever();
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
