import type { $Command, S3ClientResolvedConfig, ServiceInputTypes, ServiceOutputTypes } from '@aws-sdk/client-s3';
import type { ObjectKey } from '../../model/entry';
import type { Clock } from '../../ports/clock';
import type { Ids } from '../../ports/ids';
import type { Log } from '../../ports/log';
import type { RetryBudget } from './attempts';
import type { StoreProfile } from './profile';

/** The bucket that everything here works on, and what is agreed about it. */
export interface Bucket {
  readonly name: string;
  /** For operators: region and endpoint. */
  readonly place: string;
  readonly profile: StoreProfile;
  /** The bucket keeps what is replaced and deleted. */
  readonly keepsVersions: boolean;
  /** Before every key; callers know nothing of it. */
  readonly keyPrefix: string;
  readonly making: ObjectOptions;
  readonly sizes: Sizes;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly budget: RetryBudget;
  /** A request has failed for good. */
  readonly onFailed?: () => void;
  readonly send: Send;
  /** Credentials that the store calls expired are fetched anew. */
  renewCredentials(): void;
}

/** One attempt. `timeout` is for the answer's begin, in milliseconds. */
export type Send = <Input extends ServiceInputTypes, Output extends ServiceOutputTypes>(
  command: $Command<Input, Output, S3ClientResolvedConfig>,
  options?: { readonly timeout?: number; readonly signal?: AbortSignal },
) => Promise<Output>;

/** What every new object gets. */
export interface ObjectOptions {
  readonly kmsKey?: string;
  readonly storageClass?: string;
  /** name=value&name=value */
  readonly tags?: string;
}

export interface Sizes {
  /** Of the first part of an upload. */
  readonly partSize: number;
  /** Of all part buffers of the process; a part is at most an eighth. */
  readonly budget: number;
  /** Of one upload, if they have the first one's size, and of one copy. */
  readonly partsInFlight: number;
  /** Largest object that is copied by one request. */
  readonly largestCopy: number;
  readonly copyPartSize: number;
}

/** Bounds of the protocol. */
export const smallestPart = 5 * 1024 * 1024;
export const largestCopy = 5 * 1024 * 1024 * 1024;
export const mostParts = 10_000;

/** Where we try things out: outside every home, and never listed. */
export const scratchPrefix = '.causeway-probe/';

export function fullKey(bucket: Bucket, storedKey: ObjectKey): string {
  return bucket.keyPrefix + storedKey;
}

/** Answers to requests without a body of ours. */
const shortAnswer = 10_000;
/** A completion or a copy may take long before its first byte. */
export const longAnswer = 120_000;
/** Slowest rate at which a body is sent before it counts as lost, in bytes per millisecond. */
const slowest = 256;

export function timeoutFor(bytes: number): number {
  return shortAnswer + Math.ceil(bytes / slowest);
}
