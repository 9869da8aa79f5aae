import type { Clock } from '../../ports/clock';
import type { Ids } from '../../ports/ids';
import type { Log } from '../../ports/log';
import type { Metrics } from '../../ports/metrics';
import { RetryBudget } from './attempts';
import { type Bucket, largestCopy, type Sizes, smallestPart } from './bucket';
import { type BucketReport, checkBucket } from './check-bucket';
import { rightsFaults, type TriedRights } from './check-rights';
import { type ConnectionOptions, connect } from './client';
import { probe } from './probe';
import { costsOf, type PresetName, presetOf, presets, type StoreProfile } from './profile';
import { type S3ObjectStore, s3ObjectStore } from './s3-object-store';

/** Opens a bucket: client, what the store behind it can do, and the store of objects on top. */
export interface S3Options extends ConnectionOptions {
  readonly bucket: string;
  /** Before every key, with its slash. */
  readonly keyPrefix?: string;
  readonly kmsKey?: string;
  readonly storageClass?: string;
  /** name=value&name=value */
  readonly tags?: string;
  /** `auto`: known by the address, else found out. Single facts may be given in its place. */
  readonly profile?: PresetName | 'auto' | StoreProfile;
  /** Of the first part of an upload, in bytes. */
  readonly partSize?: number;
  readonly partsInFlight?: number;
  /** Of all part buffers of the process, in bytes. */
  readonly bufferBudget: number;
  /** Largest object that is copied by one request, and the parts of a larger one. */
  readonly copy?: Partial<Pick<Sizes, 'largestCopy' | 'copyPartSize'>>;
  /** What of the rights is tried before the bucket is used. Absent: nothing, for those who only look. */
  readonly rights?: TriedRights;
}

export interface OpenedS3Store {
  readonly store: S3ObjectStore;
  readonly profile: StoreProfile;
  readonly report: BucketReport;
  /** What the store cannot do, and what it costs. */
  readonly costs: readonly string[];
  close(): void;
}

const defaultPartSize = 8 * 1024 * 1024;
const defaultInFlight = 4;
const defaultCopyPart = 512 * 1024 * 1024;

/** `faults`: why the bucket cannot be used, one line each. */
export async function openS3Store(
  options: S3Options,
  { metrics, ...surroundings }: { readonly clock: Clock; readonly ids: Ids; readonly log: Log; readonly metrics?: Metrics },
): Promise<OpenedS3Store | { readonly faults: readonly string[] }> {
  const { bucket: name, endpoint, profile = 'auto' } = options;
  const region = options.region ?? (endpoint === undefined ? undefined : 'us-east-1');
  const connection = connect({ ...options, region });
  const unproven: Bucket = {
    ...surroundings,
    name,
    place: [await connection.region(), endpoint].filter((part) => part !== undefined).join(' at ') || 'no region',
    profile: presets.aws,
    keepsVersions: false,
    keyPrefix: options.keyPrefix ?? '',
    making: { kmsKey: options.kmsKey, storageClass: options.storageClass, tags: options.tags },
    sizes: {
      partSize: Math.max(smallestPart, options.partSize ?? defaultPartSize),
      budget: options.bufferBudget,
      partsInFlight: options.partsInFlight ?? defaultInFlight,
      largestCopy: options.copy?.largestCopy ?? largestCopy,
      copyPartSize: Math.max(smallestPart, options.copy?.copyPartSize ?? defaultCopyPart),
    },
    budget: new RetryBudget(),
    onFailed: () => metrics?.count('s3.errors'),
    send: connection.send,
    renewCredentials: connection.renewCredentials,
  };
  const report = await checkBucket(unproven);
  const { keepsVersions } = report;
  const tried = { ...unproven, keepsVersions };
  const faults = report.faults.length === 0 && options.rights ? await rightsFaults(tried, options.rights) : report.faults;
  if (faults.length > 0) {
    connection.close();
    return { faults };
  }
  try {
    const found = await profileOf(unproven, profile, endpoint);
    const bucket: Bucket = { ...unproven, profile: found, keepsVersions };
    return { store: s3ObjectStore(bucket), profile: found, report, costs: costsOf(found, keepsVersions), close: connection.close };
  } catch (error) {
    connection.close();
    throw error;
  }
}

async function profileOf(bucket: Bucket, wanted: PresetName | 'auto' | StoreProfile, endpoint: string | undefined): Promise<StoreProfile> {
  if (typeof wanted === 'object') return wanted;
  const name = wanted === 'auto' ? presetOf(endpoint) : wanted;
  return name === undefined ? probe(bucket) : presets[name];
}
