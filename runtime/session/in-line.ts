/** Work by name: so much of one name at once, and whoever comes then waits in line. */
export class InLine {
  private readonly lines = new Map<string, { running: number; readonly waiting: (() => void)[] }>();

  constructor(private readonly atOnce: number) {}

  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const line = this.lines.get(name) ?? { running: 0, waiting: [] };
    this.lines.set(name, line);
    if (line.running < this.atOnce) line.running++;
    else {
      await new Promise<void>((resolve) => {
        line.waiting.push(resolve);
      });
    }
    try {
      return await work();
    } finally {
      // The place goes straight to who waits longest.
      const next = line.waiting.shift();
      if (next) next();
      else if (--line.running === 0) this.lines.delete(name);
    }
  }
}
