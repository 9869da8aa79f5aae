import type { Change, Operation } from './ledger';

/**
 * Whether all that was acknowledged, and what is there in the end, is explained by some order in which each operation happens at one instant between its
 * begin and its answer. What was not answered may have happened or not, at any time since it began.
 */
type State = ReadonlyMap<string, string>;

export function isExplained(operations: readonly Operation[], initial: State, final: State): boolean {
  const relevant = operations.filter(({ outcome }) => outcome !== 'refused');
  const dead = new Set<string>();

  const search = (done: ReadonlySet<Operation>, state: State): boolean => {
    if (relevant.every((operation) => done.has(operation) || operation.outcome === 'unknown') && sameState(state, final)) return true;
    const name = `${[...done].map(({ number }) => number).sort((a, b) => a - b)}|${[...state].sort()}`;
    if (dead.has(name)) return false;
    const open = relevant.filter((operation) => !done.has(operation));
    // Nothing may come before what had ended when it began.
    const horizon = Math.min(...open.filter(({ outcome }) => outcome === 'done').map(({ ended }) => ended));
    for (const operation of open) {
      if (operation.started > horizon) continue;
      for (const next of applied(state, operation.change, wasTaken(operation, operations))) {
        if (search(new Set([...done, operation]), next)) return true;
      }
    }
    dead.add(name);
    return false;
  };
  return search(new Set(), initial);
}

/**
 * Somebody outside had taken or replaced the source before the rename ended: after a lost answer nobody can tell whether it had been moved before, and it
 * counts as moved and taken.
 */
export function wasTaken({ change, ended }: Operation, operations: readonly Operation[]): boolean {
  return operations.some((other) => {
    const outside = other.change.kind === 'take' || other.change.kind === 'place';
    return outside && other.change.key === change.key && other.ended < ended;
  });
}

/** The states that the change may lead to; none: it cannot happen here. */
function applied(state: State, change: Change, taken: boolean): State[] {
  const there = state.get(change.key);
  const without = () => new Map([...state].filter(([key]) => key !== change.key));
  switch (change.kind) {
    case 'put':
    case 'place':
      return [new Map([...state, [change.key, change.content]])];
    case 'append':
      return [new Map([...state, [change.key, (there ?? '') + change.content]])];
    case 'take':
      return there === change.content ? [without()] : [];
    case 'delete':
      // A file that was dropped in while nobody had looked is newer than what was deleted, and stays.
      if (there?.startsWith('placed')) return [without(), state];
      // What a consumer has just taken is gone, which is what was asked for.
      return [without()];
    case 'rename':
      return [...(taken ? [state] : []), ...(there === undefined ? [] : [new Map([...without(), [change.to, there]])])];
    case 'read':
      return there === change.content ? [state] : [];
  }
}

function sameState(left: State, right: State): boolean {
  return left.size === right.size && [...left].every(([key, content]) => right.get(key) === content);
}
