import type { Choice, Target } from './fake-load-balancer';

/**
 * Chooses targets so that nothing works which relies on luck: a client's next control connection goes to another task than its last, and its data connections
 * to a task that has no session of it. A client is an address here, which is all that a balancer knows.
 */
export class FleetAdversary {
  private readonly last = new Map<string, string>();
  private turn = 0;
  /** By client: its control connections go to this task. */
  readonly pinned = new Map<string, string>();
  /** Data connections that had to go to the right task, because there was no other. */
  unavoidable = 0;
  right = 0;
  wrong = 0;

  readonly choose = (choice: Choice): Target => (choice.group === 'data' ? this.chooseForData(choice) : this.chooseForControl(choice));

  private chooseForControl({ client, candidates }: Choice): Target {
    const pin = this.pinned.get(client);
    const other = candidates.filter(({ name }) => name !== this.last.get(client));
    const target = candidates.find(({ name }) => name === pin) ?? this.next(other.length > 0 ? other : candidates);
    this.last.set(client, target.name);
    return target;
  }

  private chooseForData({ client, candidates }: Choice): Target {
    const owner = this.last.get(client);
    const others = candidates.filter(({ name }) => name !== owner);
    if (others.length === 0) this.unavoidable++;
    const target = this.next(others.length > 0 ? others : candidates);
    if (target.name === owner) this.right++;
    else this.wrong++;
    return target;
  }

  private next(candidates: readonly Target[]): Target {
    return candidates[this.turn++ % candidates.length] as Target;
  }
}
