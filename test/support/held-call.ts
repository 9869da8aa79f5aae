import type { TestStores } from './filesystem';
import { wrapPorts } from './wrapped-ports';

/** Stops whoever makes a certain call of a port, before or after its effect, until the test lets it go on: two changes meet exactly where the test wants it. */
export class HeldCall {
  readonly reached: Promise<void>;
  private arrive: () => void = () => undefined;
  private readonly released: Promise<void>;
  release: () => void = () => undefined;
  private seen = 0;

  constructor(
    private readonly name: string,
    private readonly when: 'before' | 'after',
    /** Which one of these calls, counted from one. */
    private readonly number = 1,
  ) {
    this.reached = new Promise((resolve) => {
      this.arrive = resolve;
    });
    this.released = new Promise((resolve) => {
      this.release = resolve;
    });
  }

  wrap(stores: TestStores): TestStores {
    return wrapPorts(stores, async (name, effect) => {
      if (name !== this.name || ++this.seen !== this.number) return effect();
      const answer = this.when === 'after' ? await effect() : undefined;
      this.arrive();
      await this.released;
      return this.when === 'after' ? answer : effect();
    });
  }
}
