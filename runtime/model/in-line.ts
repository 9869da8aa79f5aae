import { Failure } from './failure';

/** Logins that wait at once; whoever comes then is told to try again. */
const mostWaiting = 1_000;

/** Checks of logins, by name: so many of one name at once, and whoever comes then waits in line. */
export class InLine {
  private readonly lines = new Map<string, { running: number; readonly waiting: (() => void)[] }>();

  constructor(private readonly atOnce: number) {}

  /** @throws Failure `busy` when the line of this name is too long. */
  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const line = this.lines.get(name) ?? { running: 0, waiting: [] };
    this.lines.set(name, line);
    if (line.running < this.atOnce) line.running++;
    else {
      if (line.waiting.length >= mostWaiting) throw new Failure('busy', 'Too many logins at once; try again in a moment.');
      await new Promise<void>((resolve) => {
        line.waiting.push(resolve);
      });
    }
    try {
      return await work();
    } finally {
      // The place goes straight to who waits longest; freed first, it could be taken by a newcomer, and then one too many would run.
      const next = line.waiting.shift();
      if (next) next();
      else if (--line.running === 0) this.lines.delete(name);
    }
  }
}
