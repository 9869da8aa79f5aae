import { crc32 } from 'node:zlib';
import type { MemoryObjectStore } from '../../runtime/adapters/memory/memory-object-store';

/**
 * What clients asked for and were told, and what could be seen in the store meanwhile. Contents name the operation that sent them, so that whatever is seen
 * says where it comes from.
 */
export type Change =
  | { readonly kind: 'put'; readonly key: string; readonly content: string }
  | { readonly kind: 'append'; readonly key: string; readonly content: string }
  | { readonly kind: 'delete'; readonly key: string }
  | { readonly kind: 'rename'; readonly key: string; readonly to: string }
  | { readonly kind: 'read'; readonly key: string; content?: string }
  /** Outside: an operator drops a file in, a consumer takes one. Each happens at one instant. */
  | { readonly kind: 'place'; readonly key: string; readonly content: string }
  | { readonly kind: 'take'; readonly key: string; readonly content: string };

export interface Operation {
  readonly number: number;
  readonly who: string;
  readonly change: Change;
  readonly started: number;
  ended: number;
  /** `unknown`: no answer, or one that says that it may still appear. */
  outcome: 'done' | 'refused' | 'unknown';
  reason?: string;
}

export interface Sighting {
  readonly key: string;
  readonly content: string;
  /** When it was first seen there. */
  readonly at: number;
}

export class Ledger {
  readonly operations: Operation[] = [];
  readonly sightings: Sighting[] = [];
  readonly violations: string[] = [];
  /** How often what lay at a key went or was replaced. */
  readonly disappearances = new Map<string, number>();
  now = 0;
  private readonly seen = new Map<string, Buffer>();

  begin(who: string, change: Change): Operation {
    const operation: Operation = {
      number: this.operations.length,
      who,
      change,
      started: ++this.now,
      ended: Number.POSITIVE_INFINITY,
      outcome: 'unknown',
    };
    this.operations.push(operation);
    return operation;
  }

  end(operation: Operation, outcome: Operation['outcome'], reason?: string): void {
    operation.outcome = outcome;
    operation.reason = reason;
    if (outcome !== 'unknown') operation.ended = ++this.now;
    const { change } = operation;
    if (outcome !== 'done' || (change.kind !== 'put' && change.kind !== 'append')) return;
    if (!this.sightings.some(({ content }) => content.endsWith(change.content))) {
      this.violations.push(`${operation.who} was told that ${change.content.slice(0, 12)} is stored before anybody could see it`);
    }
  }

  atOnce(who: string, change: Change): void {
    this.end(this.begin(who, change), 'done');
  }

  /** After each effect: whatever can be seen is one whole content. */
  look(store: MemoryObjectStore): void {
    this.now++;
    for (const [key, bytes] of this.seen) {
      if (store.objects.get(key)?.bytes === bytes) continue;
      this.seen.delete(key);
      this.disappearances.set(key, (this.disappearances.get(key) ?? 0) + 1);
    }
    for (const [key, { bytes }] of store.objects) {
      if (this.seen.get(key) === bytes) continue;
      this.seen.set(key, bytes);
      const content = bytes.toString();
      this.sightings.push({ key, content, at: this.now });
      if (!this.isWhole(content)) this.violations.push(`not one whole upload is visible at ${key}: ${content}`);
    }
  }

  isWhole(content: string): boolean {
    return this.operations.some(
      ({ change }) =>
        ((change.kind === 'put' || change.kind === 'place' || change.kind === 'append') && change.content === content) ||
        (change.kind === 'append' && content.endsWith(change.content) && this.isWhole(content.slice(0, -change.content.length))),
    );
  }

  wasSeen(content: string): boolean {
    return this.sightings.some((sighting) => sighting.content === content);
  }

  /** The one that made this content: sent it whole, or its end. */
  makerOf(content: string): Operation | undefined {
    return this.operations.find(
      ({ change }) => (change.kind === 'put' || change.kind === 'append' || change.kind === 'place') && content.endsWith(change.content),
    );
  }
}

export const checksum = (content: string): number => crc32(Buffer.from(content));
