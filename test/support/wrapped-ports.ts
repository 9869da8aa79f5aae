import type { MetadataStore } from '../../runtime/ports/metadata-store';
import type { ObjectStore, ObjectWriter } from '../../runtime/ports/object-store';
import type { TestStores } from './filesystem';

/** Every call that the rules wait for goes through here: `call` decides when its effect happens, and what becomes of its answer. */
export type PortCall = (name: string, effect: () => Promise<unknown>) => Promise<unknown>;

export function wrapPorts(stores: TestStores, call: PortCall): TestStores {
  return { metadata: wrap<MetadataStore>('metadata', stores.metadata, call), objects: wrapObjects(stores.objects, call) };
}

/** These answer at once, or are walked by their caller. */
const atOnce = new Set(['begin', 'halfWritten', 'list', 'accept', 'progress']);

function wrap<T extends object>(port: string, target: T, call: PortCall): T {
  return new Proxy(target, {
    get: (_, name) => {
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== 'function') return value;
      if (atOnce.has(String(name))) return value.bind(target);
      return (...args: unknown[]) => call(`${port}.${String(name)}`, () => value.apply(target, args) as Promise<unknown>);
    },
    set: (_, name, value) => Reflect.set(target, name, value),
  });
}

function wrapObjects(objects: ObjectStore, call: PortCall): ObjectStore {
  const writer = (made: ObjectWriter) => wrap('writer', made, call);
  const wrapped = wrap('objects', objects, call);
  return new Proxy(wrapped, {
    get: (target, name) => {
      if (name === 'begin') return (...args: Parameters<ObjectStore['begin']>) => writer(target.begin(...args));
      if (name === 'resume') return async (...args: Parameters<ObjectStore['resume']>) => writer(await target.resume(...args));
      if (name === 'append') return async (...args: Parameters<ObjectStore['append']>) => writer(await target.append(...args));
      if (name === 'directories' && target.directories) return wrap('directories', target.directories, call);
      return Reflect.get(target, name);
    },
  });
}
