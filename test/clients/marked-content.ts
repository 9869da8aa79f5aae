/** What the clients of the crash run send: every file says what it is in its first line, so a prefix or a mixture is recognised wherever it is seen. */
let serial = 0;

export interface Content {
  readonly id: string;
  readonly serial: number;
  readonly bytes: Buffer;
}

export function newContent(): Content {
  const id = `content-${++serial}`;
  const size = 2_000 + ((serial * 7919) % 400_000);
  return { id, serial, bytes: contentOf(id, size) };
}

function contentOf(id: string, size: number): Buffer {
  const head = `${id} ${size}\n`;
  return Buffer.concat([Buffer.from(head), Buffer.alloc(Math.max(0, size - head.length), id)]);
}

/** The id of a whole file; undefined for anything else. */
export function idOf(bytes: Buffer): string | undefined {
  const [id = '', size = ''] = bytes.toString('latin1', 0, 64).split('\n')[0]?.split(' ') ?? [];
  return /^content-\d+$/.test(id) && bytes.equals(contentOf(id, Number(size))) ? id : undefined;
}

/** What may lie at a name: acknowledged content, and what was under way when the server was killed. */
export class Expectations {
  readonly possible = new Map<string, Set<string | undefined>>();
  acknowledged = 0;

  known(name: string): string | undefined {
    const ids = this.possible.get(name);
    return ids?.size === 1 ? [...ids][0] : undefined;
  }

  maybe(name: string, id: string | undefined): void {
    const ids = this.possible.get(name) ?? new Set([undefined]);
    ids.add(id);
    this.possible.set(name, ids);
  }

  sure(name: string, id: string | undefined): void {
    this.acknowledged++;
    this.possible.set(name, new Set([id]));
  }
}
