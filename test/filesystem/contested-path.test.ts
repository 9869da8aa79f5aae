import { type Contest, everybody, runContest } from '../support/contested-path';

/**
 * Hundreds of orders of everybody's calls on one path, each chosen by a seed that a failure names: `CONTEST_SEED=123 npx jest contested-path` runs that one
 * alone. At each step only whole uploads are visible; in the end everything is explained by some serial order, announced once, and nothing is left over.
 */
const chosen = process.env['CONTEST_SEED'];
const seedsEach = 80;

const contests: readonly (readonly [string, Omit<Contest, 'seed'>])[] = [
  ['and nothing fails', { actors: everybody }],
  ['of one account', { actors: everybody, sameAccount: true }],
  ['and some calls fail or lose their answer', { actors: everybody, faults: 0.03 }],
  ['and many calls fail or lose their answer', { actors: everybody, faults: 0.15 }],
  ['and the process dies', { actors: everybody, crash: true }],
  ['of one account, and the process dies while calls fail', { actors: everybody, sameAccount: true, crash: true, faults: 0.05 }],
  ['and cut uploads expire at once', { actors: everybody, limits: { parkedFor: 0 } }],
];

it.each(contests)('writers, an appender, a deleter, a renamer and outsiders meet on one path, %s', async (_, contest) => {
  const seeds = chosen ? [Number(chosen)] : Array.from({ length: seedsEach }, (__, index) => index + 1);
  for (const seed of seeds) {
    const { violations, trace, ledger } = await runContest({ ...contest, seed });
    if (violations.length === 0) continue;
    const told = ledger.operations.map((operation) => JSON.stringify(operation));
    throw new Error([`seed ${seed}:`, ...violations, '', ...told, ...(chosen ? trace : [])].join('\n'));
  }
});
