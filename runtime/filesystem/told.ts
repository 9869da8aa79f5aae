import { type FileEntry, type ObjectKey, placeOf } from '../model/entry';

/**
 * Which version's size this session was told, by path. A resume carries at most a number, and a number fits many files: a session that was told the size of
 * one upload or version of a path continues only that one, so that the tail of one file is never glued to another. What a session stored itself it was
 * told by the reply; that a file is gone it learns like its size, and nothing is left to be continued.
 *
 * Bounded: the path told longest ago is forgotten first, which refuses a resume rather than allowing a wrong one.
 */
export class ToldSizes {
  /** Told longest ago first. */
  private readonly byKey = new Map<ObjectKey, { readonly told: Told; readonly at: number }>();
  private count = 0;

  constructor(private readonly limit = 10_000) {}

  tell(key: ObjectKey, told: Told): void {
    this.byKey.delete(key);
    this.byKey.set(key, { told, at: this.count++ });
    if (this.byKey.size > this.limit) this.byKey.delete(this.byKey.keys().next().value as ObjectKey);
  }

  of(key: ObjectKey): Told | undefined {
    return this.byKey.get(key)?.told;
  }

  /** The path, and all below it. */
  forget(path: ObjectKey): void {
    for (const key of this.byKey.keys()) if (key === path || key.startsWith(`${path}/`)) this.byKey.delete(key);
  }

  /** Begins a listing of the directory; what is returned ends it: a complete file that it has not told is gone. Uploads under way are in no listing. */
  listing(directory: ObjectKey): () => void {
    const begun = this.count;
    return () => {
      for (const [key, { told, at }] of this.byKey) {
        if (at >= begun) return;
        if (told.of === 'file' && placeOf(key).parent === directory) this.byKey.delete(key);
      }
    };
  }
}

export interface Told {
  readonly of: 'file' | 'upload';
  /** Token of the parked upload, or of the upload that made the version. */
  readonly token: string;
  readonly size: number;
}

export function toldFile({ token, size }: FileEntry): Told {
  return { of: 'file', token, size };
}
