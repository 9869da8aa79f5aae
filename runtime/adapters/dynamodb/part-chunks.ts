import { createHash } from 'node:crypto';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { Part } from '../../model/upload-record';
import { untilAnswered } from './attempts';
import { encode } from './attributes';
import type { Dynamo, ItemKey } from './dynamo';
import { chunkPartition, nameOf } from './keys';
import { getItems } from './read-items';

/**
 * The part list of a large upload. An item holds 400 KB, and a list of 10,000 parts that is written again with each part would cost a megabyte a second. So
 * every 64 parts become an item of their own, named by their content under the upload's handle: written once, before the row that names it, never changed,
 * collected by TTL. Whoever continues the upload names the same chunks and copies nothing.
 */
export const partsOfChunk = 64;
/** Longer than a half-written object lives in any store: the bucket's own rule ends it before. */
const chunkLifetime = 30 * 24 * 3_600_000;
/** Of chunks that are kept in memory, about 20 MB; what falls out is read, or written, again. */
const mostRemembered = 2_048;
const writesAtOnce = 8;

/** Of one list: the names of its full chunks, and the parts behind them. */
export interface SplitParts {
  readonly chunks: readonly string[];
  readonly tail: readonly Part[];
}

export class PartChunks {
  /** Chunks that are in the table, least recently used first. */
  private readonly known = new Map<string, readonly Part[]>();
  /** Names by the first part of the chunk: an upload hands over the same objects again with each part that it adds. */
  private readonly named = new WeakMap<Part, { readonly parts: readonly Part[]; readonly hash: string }>();

  constructor(private readonly dynamo: Dynamo) {}

  /** Resolves when every full chunk is in the table. */
  async write(uploadId: string | undefined, parts: readonly Part[]): Promise<SplitParts> {
    // What is not in a chunk is 1 to 64 parts.
    const full = Math.max(0, Math.ceil(parts.length / partsOfChunk) - 1);
    const chunks: string[] = [];
    const missing: { key: ItemKey; parts: readonly Part[] }[] = [];
    for (let index = 0; index < full; index++) {
      const chunk = parts.slice(index * partsOfChunk, (index + 1) * partsOfChunk);
      const hash = this.hashOf(chunk);
      chunks.push(hash);
      const key = chunkKey(uploadId, index, hash);
      if (!this.recall(key)) missing.push({ key, parts: chunk });
    }
    for (let first = 0; first < missing.length; first += writesAtOnce) {
      await Promise.all(missing.slice(first, first + writesAtOnce).map((chunk) => this.put(chunk.key, chunk.parts)));
    }
    return { chunks, tail: parts.slice(full * partsOfChunk) };
  }

  private async put(key: ItemKey, parts: readonly Part[]): Promise<void> {
    const { client, table, clock } = this.dynamo;
    const ttl = Math.ceil((clock.now() + chunkLifetime) / 1_000);
    // Without a condition: whoever writes this key writes this content.
    const command = new PutItemCommand({ TableName: table, Item: encode({ ...key, value: encodeParts(parts), ttl }) });
    await untilAnswered(this.dynamo, () => client.send(command));
    this.remember(key, parts);
  }

  /** The whole list of each; undefined where a chunk has gone, which only age does. */
  async read(splits: readonly (SplitParts & { readonly uploadId: string | undefined })[]): Promise<(Part[] | undefined)[]> {
    const keys = splits.map(({ uploadId, chunks }) => chunks.map((hash, index) => chunkKey(uploadId, index, hash)));
    const present = new Map<string, readonly Part[]>();
    const missing: ItemKey[] = [];
    for (const key of keys.flat()) {
      const parts = this.recall(key);
      if (parts) present.set(nameOf(key), parts);
      else missing.push(key);
    }
    for (const [name, item] of await getItems<ItemKey & { value: string }>(this.dynamo, missing)) {
      const parts = decodeParts(item.value);
      present.set(name, parts);
      this.remember(item, parts);
    }
    return splits.map(({ tail }, split) => {
      const whole: Part[] = [];
      for (const key of keys[split] as ItemKey[]) {
        const parts = present.get(nameOf(key));
        if (!parts) return undefined;
        whole.push(...parts);
      }
      whole.push(...tail);
      return whole;
    });
  }

  private hashOf(parts: readonly Part[]): string {
    const first = parts[0] as Part;
    const before = this.named.get(first);
    if (before?.parts.every((part, index) => part === parts[index])) return before.hash;
    const hash = createHash('sha256').update(encodeParts(parts)).digest('base64url').slice(0, 22);
    this.named.set(first, { parts, hash });
    return hash;
  }

  private recall(key: ItemKey): readonly Part[] | undefined {
    const parts = this.known.get(nameOf(key));
    if (parts) this.remember(key, parts);
    return parts;
  }

  private remember(key: ItemKey, parts: readonly Part[]): void {
    const name = nameOf(key);
    this.known.delete(name);
    this.known.set(name, parts);
    if (this.known.size > mostRemembered) this.known.delete(this.known.keys().next().value as string);
  }
}

function chunkKey(uploadId: string | undefined, index: number, hash: string): ItemKey {
  return { pk: `${chunkPartition}${uploadId ?? ''}`, sk: `${String(index).padStart(4, '0')}-${hash}` };
}

/** Without the names of the fields, which would be the half of it. */
export function encodeParts(parts: readonly Part[]): string {
  return JSON.stringify(
    parts.map(({ number, size, crc32, etag }) => (etag === undefined ? [number, size, crc32] : [number, size, crc32, etag])),
  );
}

export function decodeParts(text: string): Part[] {
  const parts = JSON.parse(text) as [number, number, number, string?][];
  return parts.map(([number, size, crc32, etag]) => (etag === undefined ? { number, size, crc32 } : { number, size, crc32, etag }));
}
