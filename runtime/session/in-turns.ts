/** Requests of one kind that are on their way to the store at once. */
const mostAtOnce = 16;

/** All of them, a few at a time; the first error stops what has not begun. */
export async function inTurns<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const rest = all.values();
  const lane = async () => {
    for (const one of rest) await work(one);
  };
  await Promise.all(Array.from({ length: Math.min(mostAtOnce, all.length) }, lane));
}
