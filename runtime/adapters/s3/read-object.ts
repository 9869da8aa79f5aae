import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { crc32 } from '../../model/crc32';
import type { ObjectKey, Version } from '../../model/entry';
import { Failure } from '../../model/failure';
import { untilAnswered } from './attempts';
import { type Bucket, fullKey } from './bucket';
import { wholeCrc32 } from './checksum';
import { coalesced } from './coalesce';
import { nameOf, outcomeOf, statusOf, unavailable } from './errors';
import { head } from './look';
import { parseVersion, quoted, versionOf } from './versions';

/**
 * Reads one version. The store may cut a long answer, above all one whose reader is slow; then it is asked for the rest, and the reader does not notice. What
 * is not asked for stays in the socket.
 */

/** Cuts in a row without a whole chunk in between. */
const mostCuts = 5;

export async function readVersion(
  bucket: Bucket,
  storedKey: ObjectKey,
  version: Version,
  start: number,
  signal: AbortSignal,
): Promise<AsyncIterable<Buffer> | undefined> {
  signal.throwIfAborted();
  const opened = await open(bucket, storedKey, version, start, signal);
  if (!opened) return undefined;
  // Aborted before the first chunk was asked for, the iteration never begins, and nobody else would give the connection back.
  const abandon = () => opened.body?.destroy();
  signal.addEventListener('abort', abandon, { once: true });
  if (signal.aborted) abandon();
  return {
    [Symbol.asyncIterator]: () => {
      signal.throwIfAborted();
      signal.removeEventListener('abort', abandon);
      return chunks(bucket, { storedKey, version, start, opened }, signal);
    },
  };
}

interface Opened {
  /** Undefined: there are no bytes from there on. */
  readonly body: Readable | undefined;
  /** Of the whole object. */
  readonly size: number;
}

async function open(
  bucket: Bucket,
  storedKey: ObjectKey,
  version: Version,
  start: number,
  signal: AbortSignal,
): Promise<Opened | undefined> {
  const { etag, versionId } = parseVersion(version);
  try {
    const answer = await untilAnswered(
      bucket,
      () => {
        signal.throwIfAborted();
        return bucket.send(
          new GetObjectCommand({
            Bucket: bucket.name,
            Key: fullKey(bucket, storedKey),
            IfMatch: quoted(etag),
            ...(versionId !== undefined && { VersionId: versionId }),
            ...(start > 0 && { Range: `bytes=${start}-` }),
          }),
          { signal },
        );
      },
      'gone',
      'refused',
      'fault',
    );
    const body = answer.Body as Readable | undefined;
    if (start > 0 && !answer.ContentRange?.startsWith(`bytes ${start}-`)) {
      body?.destroy();
      throw unavailable(new Error('what answers for the bucket gives the whole object instead of the range that was asked for'));
    }
    return { body, size: start + (answer.ContentLength ?? 0) };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const outcome = outcomeOf(error);
    if (nameOf(error) === 'InvalidRange' || statusOf(error) === 416) {
      const there = await head(bucket, storedKey, versionId);
      return there && versionOf(there) === version ? { body: undefined, size: start } : undefined;
    }
    if (outcome === 'gone' || outcome === 'refused') return undefined;
    throw error instanceof Failure ? error : unavailable(error);
  }
}

interface Reading {
  readonly storedKey: ObjectKey;
  readonly version: Version;
  readonly start: number;
  readonly opened: Opened;
}

async function* chunks(bucket: Bucket, { storedKey, version, start, opened }: Reading, signal: AbortSignal): AsyncGenerator<Buffer> {
  let position = start;
  let { body } = opened;
  let current: Readable | undefined = body;
  const stop = () => current?.destroy();
  signal.addEventListener('abort', stop, { once: true });
  try {
    for (let cuts = 0; body && position < opened.size; ) {
      try {
        for await (const chunk of coalesced(body, bucket.clock)) {
          position += chunk.length;
          cuts = 0;
          yield chunk;
          signal.throwIfAborted();
        }
        if (position < opened.size) throw new Error('the answer ended before the object did');
      } catch (error) {
        body.destroy();
        if (signal.aborted) throw signal.reason;
        if (++cuts > mostCuts) throw unavailable(error);
        bucket.log.debug('store.error', { text: `reading goes on from byte ${position}`, cause: error });
        if (cuts > 1) await pause(50 * 2 ** cuts, undefined, { signal });
        const next = await open(bucket, storedKey, version, position, signal);
        if (!next) throw new Failure('busy', 'The file was replaced while it was being read; try again.');
        body = next.body;
        current = body;
      }
    }
  } finally {
    signal.removeEventListener('abort', stop);
    body?.destroy();
  }
}

/** Of exactly this version: as the store knows it, else read. */
export async function checksumOf(bucket: Bucket, storedKey: ObjectKey, version: Version): Promise<number | undefined> {
  const answer = await head(bucket, storedKey, parseVersion(version).versionId);
  if (!answer || versionOf(answer) !== version) return undefined;
  return wholeCrc32(answer) ?? sumOf(bucket, storedKey, version, 0, answer.ContentLength ?? 0);
}

/** Undefined: that version is not there. */
export async function sumOf(
  bucket: Bucket,
  storedKey: ObjectKey,
  version: Version,
  start: number,
  size: number,
): Promise<number | undefined> {
  const bytes = await readVersion(bucket, storedKey, version, start, new AbortController().signal);
  if (!bytes) return undefined;
  let sum = 0;
  let left = size;
  for await (const chunk of bytes) {
    sum = crc32(chunk.subarray(0, left), sum);
    left -= Math.min(left, chunk.length);
    if (left === 0) break;
  }
  return sum;
}
