import type { Call } from '../support/recorded-calls';
import { type Known, resolve, type Statement } from './template';

/** What a role may do, compared with what was done. Only what the template's own policies use is understood: actions and resources by name, no denials. */
export interface Grant {
  readonly action: string;
  readonly resource: string;
}

export function grantsOf(statements: readonly Statement[], known: Known): Grant[] {
  return statements.flatMap(({ Effect, Action, Resource }) => {
    if (Effect !== 'Allow') throw new Error('a denial is not understood here');
    return [Action].flat().flatMap((action) => [Resource].flat().map((resource) => ({ action, resource: resolve(resource, known) })));
  });
}

export interface Places {
  /** ARNs. */
  readonly bucket: string;
  readonly table: string;
}

function arnOf({ on }: Call, { bucket, table }: Places): string {
  return { bucket, object: `${bucket}/*`, table, index: `${table}/index/work` }[on];
}

/** Calls that the role may not make, but for those that are named with a reason. */
export function missing(
  grants: readonly Grant[],
  calls: readonly Call[],
  places: Places,
  excepted: Readonly<Record<string, string>> = {},
): string[] {
  return calls
    .filter(({ action }) => !(action in excepted))
    .filter((call) => !grants.some(({ action, resource }) => action === call.action && resource === arnOf(call, places)))
    .map(({ action, on }) => `${action} on the ${on}`)
    .sort();
}

/** Granted, and never used, but for those that are named with a reason. */
export function unused(
  grants: readonly Grant[],
  calls: readonly Call[],
  places: Places,
  excepted: Readonly<Record<string, string>>,
): string[] {
  return grants
    .filter(({ action, resource }) => !calls.some((call) => action === call.action && resource === arnOf(call, places)))
    .filter(({ action }) => !(action in excepted))
    .map(({ action, resource }) => `${action} on ${resource}`)
    .sort();
}
