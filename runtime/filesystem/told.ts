import type { ObjectKey } from '../model/entry';

/**
 * Which version's size this session was told, by path. A resume carries at most a number, and a number fits many files: a session that was told the size of
 * one upload or version of a path continues only that one, so that the tail of one file is never glued to another.
 *
 * Bounded: the path told longest ago is forgotten first, which refuses a resume rather than allowing a wrong one.
 */
export class ToldSizes {
  private readonly byKey = new Map<ObjectKey, Told>();

  constructor(private readonly limit = 10_000) {}

  tell(key: ObjectKey, told: Told): void {
    this.byKey.delete(key);
    this.byKey.set(key, told);
    if (this.byKey.size > this.limit) this.byKey.delete(this.byKey.keys().next().value as ObjectKey);
  }

  of(key: ObjectKey): Told | undefined {
    return this.byKey.get(key);
  }
}

export interface Told {
  /** Token of the parked upload, or of the upload that made the version. */
  readonly token: string;
  readonly size: number;
}
