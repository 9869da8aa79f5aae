import type { Filesystem } from '../filesystem/filesystem';
import { filesInIndex, objectsInStore } from '../filesystem/key-order';
import { isTemporaryKey, temporaryPrefix } from '../filesystem/object-key';
import { readEntry } from '../filesystem/path-state';
import { reconcile, type Step } from '../filesystem/reconcile';
import { compareNames, type ObjectKey } from '../model/entry';
import { isListable } from '../model/virtual-path';
import type { UserDirectory } from '../ports/user-directory';
import { OperatorError } from './operator-error';

/** Reconcile, home after home in the order of keys, so that the last place that was told is where another run goes on. */
export interface ReconcileReport {
  compared: number;
  drifts: number;
  repaired: number;
  /** Differences that are still there: only reported, being changed meanwhile, or of keys that FTP cannot say. */
  left: number;
  /** The last place that was compared, for `--after`. */
  last: ObjectKey | undefined;
  /** False: it was broken off, and another run can go on behind `last`. */
  finished: boolean;
}

export const nothingCompared: Readonly<ReconcileReport> = {
  compared: 0,
  drifts: 0,
  repaired: 0,
  left: 0,
  last: undefined,
  finished: false,
};

/** The homes, or the one directory that was named. @throws When it lies in no home, or is not there. */
export async function directoriesOf(fs: Filesystem, users: UserDirectory, prefix: string | undefined): Promise<ObjectKey[]> {
  const homes = new Set<ObjectKey>();
  for await (const { user } of users.list()) homes.add(user.home);
  // The order of what lies below: `acme-test/a` comes before `acme/a`.
  const all = [...homes].sort((left, right) => compareNames(`${left}/`, `${right}/`));
  if (prefix === undefined) return all;
  const directory = prefix.replace(/^\/+|\/+$/g, '');
  if (!all.some((home) => directory === home || directory.startsWith(`${home}/`)))
    throw new OperatorError(`${prefix} lies in no home; homes are ${all.join(', ') || 'none'}`, 'usage');
  if (!homes.has(directory)) await requireDirectory(fs, directory, prefix);
  return [directory];
}

async function requireDirectory(fs: Filesystem, directory: ObjectKey, prefix: string): Promise<void> {
  const unknown = new OperatorError(`there is no directory ${prefix}, neither in the index nor in the store`, 'usage');
  if (!directory.split('/').every(isListable)) throw unknown;
  const entry = await readEntry(fs, directory);
  if (entry?.kind === 'file') throw new OperatorError(`${prefix} is a file: name the directory that it lies in`, 'usage');
  if (entry) return;
  const below = [
    filesInIndex(fs, directory),
    objectsInStore(fs.objects, directory),
    objectsInStore(fs.objects, temporaryPrefix + directory),
  ];
  for (const files of below) for await (const _ of files) return;
  throw unknown;
}

/** Fills the report as it goes, so that it tells how far this came however it ends. Ends early, with no step half done, when the signal aborts. */
export async function reconcileAll(
  fs: Filesystem,
  directories: readonly ObjectKey[],
  options: { readonly repair: boolean; readonly after?: ObjectKey; readonly signal?: AbortSignal },
  report: ReconcileReport,
  onStep: (step: Step) => void,
): Promise<void> {
  const { repair, after, signal } = options;
  for (const directory of directories) {
    const from = after === undefined ? 'begin' : whereIn(directory, after);
    if (from === 'behind') continue;
    for await (const step of reconcile(fs, { directory, repair, ...(from === 'within' && { after }) })) {
      onStep(step);
      report.compared++;
      report.last = step.place;
      if (step.drift) count(report, step);
      if (signal?.aborted) return;
    }
  }
  report.finished = true;
}

/** Whether the place lies in this directory, or the directory is wholly before or behind it. */
function whereIn(directory: ObjectKey, after: ObjectKey): 'begin' | 'within' | 'behind' {
  const key = isTemporaryKey(after) ? after.slice(temporaryPrefix.length) : after;
  if (key.startsWith(`${directory}/`)) return 'within';
  return compareNames(`${directory}/`, key) < 0 ? 'behind' : 'begin';
}

function count(report: ReconcileReport, { repaired }: Step): void {
  report.drifts++;
  if (repaired === 'adopted' || repaired === 'removed') report.repaired++;
  else if (repaired !== 'none') report.left++;
}
