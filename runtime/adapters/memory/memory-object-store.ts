import { crc32 } from '../../model/crc32';
import type { ObjectKey, Version } from '../../model/entry';
import { Failure } from '../../model/failure';
import type { Base, Progress, Settled } from '../../model/upload-record';
import type { Completed, DirectoryOperations, Found, Move, Moved, NewUpload, ObjectStore, ObjectWriter } from '../../ports/object-store';

/**
 * The object store of tests: objects and half-written uploads in memory, with the same two phases, conditions and held-back tail as the real ones. Directories
 * are the prefixes of what was put or made.
 */
interface Stored {
  readonly bytes: Buffer;
  readonly version: Version;
  readonly modified: number;
}

export interface MemoryObjectStoreOptions {
  /** Bytes that are acknowledged together. */
  readonly partSize?: number;
  /** Bytes never told as received. */
  readonly heldBack?: number;
  readonly now?: () => number;
}

export class MemoryObjectStore implements ObjectStore {
  readonly objects = new Map<ObjectKey, Stored>();
  readonly half = new Map<string, Buffer>();
  readonly folders = new Set<ObjectKey>();
  full = false;
  private versions = 0;
  private changes = 0;

  constructor(readonly options: MemoryObjectStoreOptions = {}) {}

  nextVersion(): Version {
    return `v${++this.versions}`;
  }

  /** What an outsider does: drops a file in, or takes one away. */
  place(key: ObjectKey, bytes: Buffer): Version {
    const version = this.nextVersion();
    this.set(key, { bytes, version, modified: this.options.now?.() ?? 0 });
    return version;
  }

  take(key: ObjectKey): Buffer | undefined {
    const stored = this.objects.get(key);
    this.objects.delete(key);
    this.changes++;
    return stored?.bytes;
  }

  private set(key: ObjectKey, stored: Stored): void {
    this.objects.set(key, stored);
    this.addFolders(key);
  }

  private addFolders(key: ObjectKey): void {
    this.changes++;
    for (let slash = key.lastIndexOf('/'); slash > 0; slash = key.lastIndexOf('/', slash - 1)) this.folders.add(key.slice(0, slash));
  }

  async requireRoom(): Promise<void> {
    if (this.full) throw new Failure('disk-full', 'No space left on the storage.');
  }

  begin(upload: NewUpload): ObjectWriter {
    return new MemoryWriter(this, upload, upload.token, Buffer.alloc(0));
  }

  async resume(upload: NewUpload, progress: Progress): Promise<ObjectWriter> {
    const uploadId = progress.uploadId ?? upload.token;
    const kept = this.half.get(uploadId) ?? Buffer.alloc(0);
    if (kept.length < progress.durable)
      throw new Failure('restart-not-possible', 'What was kept of this upload is gone; send the file whole.');
    return new MemoryWriter(this, upload, uploadId, kept.subarray(0, progress.durable));
  }

  async append(upload: NewUpload, base: Base): Promise<ObjectWriter> {
    const stored = this.objects.get(base.storedKey);
    if (stored?.version !== base.version)
      throw new Failure('base-changed', 'The file to be continued has been changed or taken; send it whole.');
    return new MemoryWriter(this, upload, upload.token, stored.bytes);
  }

  async salvage(token: string, _storedKey: ObjectKey, progress: Progress): Promise<Progress> {
    const uploadId = progress.uploadId ?? token;
    return progressOf(uploadId, this.half.get(uploadId) ?? Buffer.alloc(0), this.options.heldBack ?? 1, 0);
  }

  async discard(token: string, _storedKey: ObjectKey, progress: Progress): Promise<void> {
    this.half.delete(progress.uploadId ?? token);
  }

  readonly quietTime = 0;

  async completeSettled(upload: NewUpload, progress: Progress, settled: Settled, over: Version | undefined): Promise<Completed> {
    const uploadId = progress.uploadId ?? upload.token;
    const bytes = this.half.get(uploadId);
    if (bytes && bytes.length === settled.size) return this.publish(uploadId, upload.storedKey, bytes, settled, over);
    return this.objects.get(upload.storedKey)?.version === settled.proof ? { version: settled.proof } : 'taken';
  }

  async publish(uploadId: string, key: ObjectKey, bytes: Buffer, settled: Settled, over: Version | undefined): Promise<Completed> {
    const there = this.objects.get(key);
    if (there?.version !== over) return there ? { occupied: foundOf(there) } : 'vanished';
    this.set(key, { bytes, version: settled.proof, modified: this.options.now?.() ?? 0 });
    this.half.delete(uploadId);
    return { version: settled.proof };
  }

  async look(storedKey: ObjectKey): Promise<Found | undefined> {
    const stored = this.objects.get(storedKey);
    return stored && foundOf(stored);
  }

  async read(storedKey: ObjectKey, version: Version, start: number, signal: AbortSignal): Promise<AsyncIterable<Buffer> | undefined> {
    const stored = this.objects.get(storedKey);
    if (stored?.version !== version) return undefined;
    const { bytes } = stored;
    return (async function* chunks() {
      signal.throwIfAborted();
      if (start < bytes.length) yield bytes.subarray(start);
    })();
  }

  async checksum(storedKey: ObjectKey, version: Version): Promise<number | undefined> {
    const stored = this.objects.get(storedKey);
    return stored?.version === version ? crc32(stored.bytes) : undefined;
  }

  async remove(storedKey: ObjectKey, version: Version): Promise<'removed' | 'absent' | { other: Found }> {
    const stored = this.objects.get(storedKey);
    if (!stored) return 'absent';
    if (stored.version !== version) return { other: foundOf(stored) };
    this.take(storedKey);
    return 'removed';
  }

  readonly move = async ({ from, version, to, over }: Move): Promise<Moved> => {
    const source = this.objects.get(from);
    if (!source) return 'source-absent';
    if (source.version !== version) return { sourceOther: foundOf(source) };
    const target = this.objects.get(to);
    if (target && over === undefined) return { occupied: foundOf(target) };
    this.take(from);
    this.set(to, source);
    return { version };
  };

  async *halfWritten(): AsyncGenerator<{ uploadId: string }> {
    for (const uploadId of [...this.half.keys()]) yield { uploadId };
  }

  readonly directories: DirectoryOperations = {
    folds: false,
    make: async (key) => {
      this.addFolders(`${key}/`);
    },
    remove: async (key) => {
      if (this.namesBelow(key).size > 0) return 'not-empty';
      return this.folders.delete(key) ? 'removed' : 'absent';
    },
    move: async (from, to) => {
      if (!this.folders.has(from)) return 'source-absent';
      if (this.folders.has(to) || this.objects.has(to)) return 'occupied';
      const moved = (key: string) => to + key.slice(from.length);
      const below = (key: string) => key === from || key.startsWith(`${from}/`);
      for (const key of [...this.folders].filter(below)) {
        this.folders.delete(key);
        this.folders.add(moved(key));
      }
      for (const [key, stored] of [...this.objects].filter(([key]) => below(key))) {
        this.objects.delete(key);
        this.set(moved(key), stored);
      }
      this.changes++;
      return 'moved';
    },
    names: async (key) => (this.folders.has(key) ? { stamp: String(this.changes), names: this.namesBelow(key), unlistable: 0 } : undefined),
    kindOf: async (key) => (this.folders.has(key) ? 'directory' : this.objects.has(key) ? 'file' : undefined),
    stamp: async (key) => (this.folders.has(key) ? String(this.changes) : undefined),
  };

  private namesBelow(key: ObjectKey): Map<string, 'file' | 'directory'> {
    const names = new Map<string, 'file' | 'directory'>();
    const prefix = `${key}/`;
    const add = (full: string, kind: 'file' | 'directory') => {
      const rest = full.startsWith(prefix) ? full.slice(prefix.length) : '';
      if (rest !== '' && !rest.includes('/')) names.set(rest, kind);
    };
    for (const folder of this.folders) add(folder, 'directory');
    for (const object of this.objects.keys()) add(object, 'file');
    return names;
  }
}

function foundOf({ version, bytes, modified }: Stored): Found {
  return { version, size: bytes.length, modified };
}

function progressOf(uploadId: string, bytes: Buffer, heldBack: number, least: number): Progress {
  const durable = bytes.length === 0 ? 0 : Math.max(least, bytes.length - heldBack, 0);
  if (durable === 0) return { uploadId, parts: [], durable: 0, reserved: 0 };
  return { uploadId, parts: [{ number: 1, size: durable, crc32: crc32(bytes.subarray(0, durable)) }], durable, reserved: 1 };
}

class MemoryWriter implements ObjectWriter {
  received: number;
  onProgress?: () => void;
  private readonly pieces: Buffer[];
  private readonly start: number;
  private acknowledged: number;
  private settled: Settled | undefined;

  constructor(
    private readonly store: MemoryObjectStore,
    private readonly upload: NewUpload,
    private readonly uploadId: string,
    kept: Buffer,
  ) {
    this.pieces = [Buffer.from(kept)];
    this.start = kept.length;
    this.received = kept.length;
    this.acknowledged = kept.length;
  }

  private get bytes(): Buffer {
    return Buffer.concat(this.pieces);
  }

  private get heldBack(): number {
    return this.store.options.heldBack ?? 1;
  }

  accept(bytes: Buffer): boolean {
    this.pieces.push(Buffer.from(bytes));
    this.received += bytes.length;
    const { partSize = 8 } = this.store.options;
    if (this.received - this.acknowledged >= partSize) {
      this.acknowledged = this.received;
      this.store.half.set(this.uploadId, this.bytes);
      this.onProgress?.();
    }
    return true;
  }

  async ready(): Promise<void> {
    if (this.store.full) throw new Failure('disk-full', 'No space left on the storage.');
  }

  progress(): Progress {
    return progressOf(this.uploadId, this.bytes.subarray(0, Math.min(this.acknowledged, this.received)), this.heldBack, this.start);
  }

  async flush(): Promise<void> {
    this.acknowledged = this.received;
    this.store.half.set(this.uploadId, this.bytes);
    this.onProgress?.();
  }

  async settle(): Promise<Settled> {
    const { bytes } = this;
    this.store.half.set(this.uploadId, bytes);
    this.settled ??= { size: bytes.length, crc32: crc32(bytes), proof: this.store.nextVersion() };
    return this.settled;
  }

  async complete(over: Version | undefined): Promise<Completed> {
    if (!this.settled) throw new Error('complete before settle');
    return this.store.publish(this.uploadId, this.upload.storedKey, this.bytes, this.settled, over);
  }

  async park(): Promise<Progress> {
    if (this.received > 0) this.store.half.set(this.uploadId, this.bytes);
    return progressOf(this.uploadId, this.bytes, this.heldBack, this.start);
  }

  async release(): Promise<void> {
    // Holds nothing that the store does not.
  }

  async abort(): Promise<void> {
    this.store.half.delete(this.uploadId);
  }
}
