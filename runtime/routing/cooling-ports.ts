import type { Clock } from '../ports/clock';

/**
 * Ports that were reserved in vain, shut for their client until nothing can come any more that was sent for them: those that this task shut itself, so that it
 * does not ask the store in vain for them. Bounded by what is reserved in that time.
 */
export interface ShutPort {
  readonly client: string;
  readonly port: number;
  /** Of its last lease. */
  readonly nonce: string;
  readonly session: object | undefined;
  /** Monotonic. */
  readonly until: number;
}

export class CoolingPorts {
  /** By client and port, in the order in which they were shut, which is that in which they open. */
  private readonly shut = new Map<string, ShutPort>();

  constructor(
    private readonly clock: Clock,
    /** Milliseconds. */
    private readonly coolFor: number,
  ) {}

  add(port: Omit<ShutPort, 'until'>): void {
    if (this.coolFor === 0) return;
    this.remove(port);
    this.shut.set(nameOf(port), { ...port, until: this.clock.monotonic() + this.coolFor });
  }

  /** It is reserved again. */
  remove(port: Pick<ShutPort, 'client' | 'port'>): void {
    this.shut.delete(nameOf(port));
  }

  /** Those of a client, the longest shut first. */
  of(client: string): ShutPort[] {
    for (const [name, { until }] of this.shut) {
      if (until > this.clock.monotonic()) break;
      this.shut.delete(name);
    }
    return [...this.shut.values()].filter((port) => port.client === client);
  }
}

function nameOf({ client, port }: Pick<ShutPort, 'client' | 'port'>): string {
  return `${client} ${port}`;
}
