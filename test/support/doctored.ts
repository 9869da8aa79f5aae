/**
 * Modules whose exported functions a test can replace while it runs, so that a bug can be planted into the rules themselves. A test file lists the modules with
 * `jest.mock`; nothing is replaced until `replace` says so.
 */
type Anything = (...args: never[]) => unknown;
const replacements = new Map<string, (real: Anything) => Anything>();

export function doctor<T extends object>(module: T, ...names: readonly (keyof T & string)[]): T {
  const doctored = { ...module } as Record<string, unknown>;
  for (const name of names) {
    const real = module[name] as Anything;
    doctored[name] = (...args: never[]) => (replacements.get(name)?.(real) ?? real)(...args);
  }
  return doctored as T;
}

export function replace<F extends Anything>(name: string, replacement: (real: F) => (...args: Parameters<F>) => unknown): void {
  replacements.set(name, replacement as unknown as (real: Anything) => Anything);
}

export function restoreAll(): void {
  replacements.clear();
}
