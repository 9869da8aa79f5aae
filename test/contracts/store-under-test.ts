import { createCipheriv } from 'node:crypto';
import { joinCrc32 } from '../../runtime/model/crc32';
import type { ObjectKey, Version } from '../../runtime/model/entry';
import { Failure } from '../../runtime/model/failure';
import type { Part } from '../../runtime/model/upload-record';
import type { Found, NewUpload, ObjectStore, ObjectWriter } from '../../runtime/ports/object-store';
import type { PartBuffers } from '../../runtime/ports/part-buffers';

/** What the contracts of an object store need of the store under test, and the few things they do with it. */

export interface MadeStore {
  readonly store: ObjectStore;
  readonly buffers: PartBuffers;
  /** The same store as a process finds it that starts after the one before has died. */
  reopen(): Promise<ObjectStore>;
  /** What an outsider does: puts a file there in one step, or takes it away. */
  place(key: ObjectKey, content: Buffer): Promise<void>;
  take(key: ObjectKey): Promise<void>;
  /** What is left of uploads at a key, where an outsider sees it better than the store. */
  readonly halfWritten?: (key: ObjectKey) => Promise<string[]>;
  end(): Promise<void>;
}

/** Where stores that keep the contract differ. */
export interface StoreFacts {
  /** Bytes that become durable together: what a test wants to see parts of is some times as long. */
  readonly unit: number;
  /** What is smaller than a unit goes out in the request that completes it: before that nothing is there, after a crash nothing is left. */
  readonly keepsSmall: boolean;
  /** What was replaced can still be read by its version. */
  readonly keepsVersions: boolean;
  /** Directories are things of their own; else keys are all there is. */
  readonly folders: boolean;
}

export const embeddedFacts: StoreFacts = { unit: 300_000, keepsSmall: false, keepsVersions: false, folders: true };

export const never = new AbortController().signal;
/** Bytes of a TLS record. */
export const record = 16 * 1024;

/** Bytes that differ everywhere, so that a piece at the wrong place shows. */
export function contentOf(length: number, seed = 1): Buffer {
  // The stream of a cipher: nothing makes such bytes faster.
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16)).update(Buffer.alloc(length));
}

/** As a data connection does it: records, waiting when told to, the record's memory reused afterwards. */
export async function send(writer: ObjectWriter, content: Buffer): Promise<void> {
  const scratch = Buffer.alloc(record);
  for (let offset = 0; offset < content.length; offset += record) {
    const length = content.copy(scratch, 0, offset);
    if (!writer.accept(scratch.subarray(0, length))) await writer.ready();
    scratch.fill(0);
  }
}

export async function readAll(store: ObjectStore, key: ObjectKey, version: Version, start = 0): Promise<Buffer | undefined> {
  const chunks = await store.read(key, version, start, never);
  if (!chunks) return undefined;
  const found: Buffer[] = [];
  for await (const chunk of chunks) found.push(chunk);
  return Buffer.concat(found);
}

export const kindOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'done',
    (error: unknown) => (error instanceof Failure ? error.kind : String(error)),
  );

/** Of the bytes that the parts hold together. */
export const crcOf = (parts: readonly Part[]): number => parts.reduce((sum, part) => joinCrc32(sum, part.crc32, part.size), 0);

/** An upload of its own token. */
let count = 0;
export function uploadTo(made: MadeStore, storedKey: ObjectKey = 'acme/a', token = `token${++count}`): NewUpload {
  return { token, storedKey, partner: 'acme', admission: made.buffers.admit('acme') };
}

export async function putObject(made: MadeStore, key: ObjectKey, content: Buffer, over?: Version): Promise<Found> {
  const writer = made.store.begin(uploadTo(made, key));
  await send(writer, content);
  await writer.settle();
  const completed = await writer.complete(over);
  if (typeof completed === 'string' || !('version' in completed)) throw new Error(JSON.stringify(completed));
  return (await made.store.look(key)) as Found;
}

export async function halfWritten(made: MadeStore, storedKey: ObjectKey = 'acme/a'): Promise<string[]> {
  if (made.halfWritten) return made.halfWritten(storedKey);
  const found: string[] = [];
  for await (const { uploadId } of made.store.halfWritten(storedKey)) found.push(uploadId);
  return found.sort();
}
