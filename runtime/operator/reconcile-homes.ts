import type { Filesystem } from '../filesystem/filesystem';
import { reconcile, type Step } from '../filesystem/reconcile';
import { compareNames, type ObjectKey } from '../model/entry';
import type { UserDirectory } from '../ports/user-directory';
import { OperatorError } from './operator-error';

/** Reconcile, home after home in the order of keys, so that the last key that was told is where another run goes on. */
export interface ReconcileReport {
  readonly compared: number;
  readonly drifts: number;
  readonly repaired: number;
  /** Differences that are still there: only reported, being changed meanwhile, or of keys that FTP cannot say. */
  readonly left: number;
  /** The last key that was compared, for `--after`. */
  readonly last: ObjectKey | undefined;
}

/** The homes, or the one directory that was named. @throws When it lies in no home. */
export async function directoriesOf(users: UserDirectory, prefix: string | undefined): Promise<ObjectKey[]> {
  const homes: ObjectKey[] = [];
  for await (const { user } of users.list()) homes.push(user.home);
  homes.sort(compareNames);
  if (prefix === undefined) return homes;
  const directory = prefix.replace(/^\/+|\/+$/g, '');
  if (homes.some((home) => directory === home || directory.startsWith(`${home}/`))) return [directory];
  throw new OperatorError(`${prefix} lies in no home; homes are ${homes.join(', ') || 'none'}`, 'usage');
}

export async function reconcileAll(
  fs: Filesystem,
  directories: readonly ObjectKey[],
  options: { readonly repair: boolean; readonly after?: ObjectKey },
  onStep: (step: Step) => void,
): Promise<ReconcileReport> {
  const report = { compared: 0, drifts: 0, repaired: 0, left: 0, last: undefined as ObjectKey | undefined };
  for (const directory of directories) {
    for await (const step of reconcile(fs, { directory, ...options })) {
      onStep(step);
      report.compared++;
      report.last = step.key;
      if (!step.drift) continue;
      report.drifts++;
      if (step.repaired === 'adopted' || step.repaired === 'removed') report.repaired++;
      else if (step.repaired !== 'none') report.left++;
    }
  }
  return report;
}
