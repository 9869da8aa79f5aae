/** What a store that speaks S3 can do beyond the common ground, as facts; rules ask for a fact, never for the name of a product. */
export interface StoreProfile {
  readonly name: string;
  /** Every part but the last must have the same size. */
  readonly equalParts: boolean;
  /** `If-None-Match` and `If-Match` of a put are kept. */
  readonly conditionalPut: boolean;
  /** The same for the target of a copy. */
  readonly conditionalCopy: boolean;
  /** The same when a multipart upload is completed. */
  readonly conditionalComplete: boolean;
  /** `If-Match` of a delete is kept. */
  readonly conditionalDelete: boolean;
  /** A CRC32 of the whole object is checked when a multipart upload is completed. */
  readonly objectChecksum: boolean;
  /** A part can be copied from another object. */
  readonly partCopy: boolean;
  /** The checksum that is told of a copied range is that of the range. */
  readonly rangeChecksum: boolean;
  /** Completing a second time gives the first answer again, instead of an upload that is not known. */
  readonly repeatableComplete: boolean;
  /** What decides which of two changes of a key is the later one: the begin of a multipart upload, or its completion. */
  readonly order: 'begin' | 'complete';
  /** An object may lie below the key of another one. */
  readonly keyBelowKey: boolean;
}

const everything: Omit<StoreProfile, 'name'> = {
  equalParts: false,
  conditionalPut: true,
  conditionalCopy: true,
  conditionalComplete: true,
  conditionalDelete: true,
  objectChecksum: true,
  partCopy: true,
  rangeChecksum: true,
  repeatableComplete: true,
  order: 'complete',
  keyBelowKey: true,
};

export type PresetName = 'aws' | 'versitygw' | 'moto' | 'r2' | 'minio';

export const presets: Readonly<Record<PresetName, StoreProfile>> = {
  aws: { ...everything, name: 'aws', order: 'begin' },
  versitygw: { ...everything, name: 'versitygw', conditionalCopy: false, rangeChecksum: false, keyBelowKey: false },
  moto: { ...everything, name: 'moto', conditionalCopy: false, conditionalComplete: false, objectChecksum: false },
  r2: { ...everything, name: 'r2', equalParts: true, conditionalDelete: false, objectChecksum: false, repeatableComplete: false },
  minio: { ...everything, name: 'minio', conditionalCopy: false, conditionalDelete: false, repeatableComplete: false, keyBelowKey: false },
};

/** Equal parts cannot be found out without sending some; the only known store that wants them is recognised by its address. */
export function presetOf(endpoint: string | undefined): PresetName | undefined {
  if (endpoint === undefined) return 'aws';
  const { hostname } = new URL(endpoint);
  if (hostname.endsWith('.r2.cloudflarestorage.com')) return 'r2';
  return /\.amazonaws\.com(\.cn)?$/.test(hostname) ? 'aws' : undefined;
}

/** What is missing, and what it costs: one sentence each. */
export function costsOf(profile: StoreProfile, versions: boolean): string[] {
  const costs: string[] = [];
  if (profile.equalParts) costs.push('parts must be of one size: large files have a lower limit, and an append sends the whole file again');
  if (!profile.conditionalPut) costs.push('no conditional put: small files are sent as multipart uploads, three requests instead of one');
  if (!profile.conditionalCopy) costs.push('no conditional copy: a renamed file is copied as a multipart upload');
  if (!profile.conditionalComplete)
    costs.push('no conditional completion: a copy or append may replace what somebody stores at the same key in the same moment');
  if (!profile.conditionalDelete && !versions)
    costs.push(
      'no conditional delete and no versions: a task that wakes from a long pause may remove bytes that were sent again meanwhile',
    );
  if (!profile.objectChecksum)
    costs.push('no checksum of whole objects: the checksums of parts protect the bytes on their way, not their order');
  if (!profile.partCopy)
    costs.push('no copies of parts: an append reads the file back, and files above the limit of one copy cannot be renamed');
  if (profile.partCopy && !profile.rangeChecksum)
    costs.push('wrong checksums of copied ranges: a file above the limit of one copy is renamed unchecked, and read back for an append');
  if (!profile.repeatableComplete && !versions)
    costs.push('completing cannot be repeated: after a lost answer a consumer that takes a file at once may get it twice');
  if (!profile.keyBelowKey) costs.push('a file and a folder cannot have the same name');
  if (!versions) costs.push('no versions: what is replaced or deleted is gone at once; switching versions on is the advice');
  return costs;
}
