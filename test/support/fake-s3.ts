import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';

/**
 * A bucket in memory that answers the commands of the SDK's client, with the orders and refusals that real stores have and a server on one machine does
 * not show: a multipart upload may be ordered by its begin, as AWS does; versions and delete markers may be kept; a request may land after its
 * answer was given up. Each request is one step, so a test can stop, fail or delay any of them.
 */
export interface FakeS3Options {
  /** Keeps earlier versions and delete markers. */
  readonly versions?: boolean;
  /** What orders a multipart upload against puts and deletes: its begin, or its completion. */
  readonly order?: 'begin' | 'complete';
  readonly now?: () => number;
}

interface ObjectVersion {
  readonly id: string;
  /** Undefined: a delete marker. */
  readonly body: Buffer | undefined;
  readonly etag: string;
  readonly metadata: Record<string, string>;
  readonly contentType?: string;
  readonly crc32?: string;
  readonly modified: number;
  /** Position among the changes of the key. */
  readonly order: number;
}

interface Multipart {
  readonly key: string;
  readonly begun: number;
  readonly initiated: number;
  readonly metadata: Record<string, string>;
  readonly parts: Map<number, { body: Buffer; etag: string }>;
}

/** All that the commands below read, in one record. */
interface Input {
  readonly Key: string;
  readonly Body?: unknown;
  readonly UploadId: string;
  readonly PartNumber: number;
  readonly VersionId?: string;
  readonly Metadata?: Record<string, string>;
  readonly MetadataDirective?: string;
  readonly ContentType?: string;
  readonly ChecksumCRC32?: string;
  readonly MpuObjectSize?: number | string;
  readonly MultipartUpload?: { readonly Parts?: { PartNumber: number; ETag: string }[] };
  readonly CopySource: string;
  readonly CopySourceIfMatch?: string;
  readonly CopySourceRange?: string;
  readonly IfMatch?: string;
  readonly IfNoneMatch?: string;
  readonly Range?: string;
  readonly Prefix?: string;
  readonly StartAfter?: string;
  readonly ContinuationToken?: string;
  readonly MaxKeys?: number;
}

export interface Command {
  readonly constructor: { readonly name: string };
  readonly input: object;
}

const smallestPart = 5 * 1024 * 1024;

export class FakeS3 {
  readonly keys = new Map<string, ObjectVersion[]>();
  readonly uploads = new Map<string, Multipart>();
  /** Every request, in order: `PutObject acme/a`. */
  readonly requests: string[] = [];
  private steps = 0;
  private ids = 0;
  /** Smallest part that may be followed by another; tests with small bodies lower it. */
  smallestPart = smallestPart;

  constructor(readonly options: FakeS3Options = {}) {}

  async send(command: Command): Promise<unknown> {
    const name = command.constructor.name.replace(/Command$/, '');
    const input = command.input as Input;
    this.requests.push(`${name} ${input.Key ?? input.Prefix ?? ''}`);
    const handler = handlers[name];
    if (!handler) throw new Error(`the fake bucket does not know ${name}`);
    return { $metadata: { httpStatusCode: 200 }, ...(await handler(this, input)) };
  }

  /** The version that a reader of the key gets. */
  current(key: string): ObjectVersion | undefined {
    const latest = this.keys.get(key)?.at(-1);
    return latest?.body === undefined ? undefined : latest;
  }

  /** What others do. */
  place(key: string, body: Buffer, metadata: Record<string, string> = {}): void {
    this.store(key, { body, metadata }, this.step());
  }

  take(key: string): Buffer | undefined {
    const body = this.current(key)?.body;
    if (body) this.delete(key);
    return body;
  }

  step(): number {
    return ++this.steps;
  }

  newId(): string {
    return `id-${++this.ids}`;
  }

  now(): number {
    return this.options.now?.() ?? 0;
  }

  store(
    key: string,
    from: { body: Buffer; metadata: Record<string, string>; contentType?: string; crc32?: string; etag?: string },
    order: number,
  ): ObjectVersion {
    const version: ObjectVersion = {
      id: this.newId(),
      etag: etagOf(from.body),
      modified: Math.floor(this.now() / 1000) * 1000,
      order,
      ...from,
    };
    this.add(key, version);
    return version;
  }

  delete(key: string): ObjectVersion {
    const marker: ObjectVersion = {
      id: this.newId(),
      body: undefined,
      etag: '',
      metadata: {},
      modified: Math.floor(this.now() / 1000) * 1000,
      order: this.step(),
    };
    this.add(key, marker);
    return marker;
  }

  /** A bucket without versions keeps the latest change only; a marker there stands for the memory that AWS has of a delete. */
  private add(key: string, version: ObjectVersion): void {
    const all = [...(this.keys.get(key) ?? []), version].sort((left, right) => left.order - right.order);
    this.keys.set(key, this.options.versions ? all : all.slice(-1));
  }
}

class S3Error extends Error {
  readonly $fault = 'client';
  readonly $metadata: { httpStatusCode: number };

  constructor(
    override readonly name: string,
    status: number,
  ) {
    super(name);
    this.$metadata = { httpStatusCode: status };
  }
}

/** Of the content, as in a store; cheaper than a real one. */
const etagOf = (body: Buffer, suffix = '') => `"${crc32(body).toString(16).padStart(8, '0')}${body.length.toString(16)}${suffix}"`;

const encoded = (sum: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(sum);
  return bytes.toString('base64');
};

async function bodyOf(body: unknown): Promise<Buffer> {
  if (body === undefined) return Buffer.alloc(0);
  if (typeof body === 'string' || body instanceof Uint8Array) return Buffer.from(body);
  const chunks: Buffer[] = [];
  for await (const chunk of body as AsyncIterable<Buffer>) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

function requireCondition(bucket: FakeS3, { Key, IfMatch, IfNoneMatch }: { Key: string; IfMatch?: string; IfNoneMatch?: string }): void {
  const there = bucket.current(Key);
  if (IfNoneMatch === '*' && there) throw new S3Error('PreconditionFailed', 412);
  if (IfMatch === undefined) return;
  if (!there) throw new S3Error('NoSuchKey', 404);
  if (there.etag !== IfMatch) throw new S3Error('PreconditionFailed', 412);
}

function find(bucket: FakeS3, key: string, versionId?: string): ObjectVersion & { body: Buffer } {
  const found = versionId === undefined ? bucket.current(key) : bucket.keys.get(key)?.find(({ id }) => id === versionId);
  if (!found) throw new S3Error(versionId === undefined ? 'NoSuchKey' : 'NoSuchVersion', 404);
  if (found.body === undefined) throw new S3Error('MethodNotAllowed', 405);
  return found as ObjectVersion & { body: Buffer };
}

function uploadOf(bucket: FakeS3, id: string | undefined): Multipart {
  const upload = bucket.uploads.get(id ?? '');
  if (!upload) throw new S3Error('NoSuchUpload', 404);
  return upload;
}

function sourceOf(bucket: FakeS3, source: string, ifMatch?: string): ObjectVersion & { body: Buffer } {
  const [path = '', versionId] = source.split('?versionId=');
  const key = decodeURIComponent(path.replace(/^\//, '').split('/').slice(1).join('/'));
  const found = find(bucket, key, versionId);
  if (ifMatch !== undefined && found.etag !== ifMatch) throw new S3Error('PreconditionFailed', 412);
  return found;
}

function rangeOf(range: string | undefined, size: number): [number, number] {
  const match = /^bytes=(\d+)-(\d*)$/.exec(range ?? '');
  if (!match) return [0, size - 1];
  if (Number(match[1]) >= size) throw new S3Error('InvalidRange', 416);
  return [Number(match[1]), Math.min(match[2] ? Number(match[2]) : size - 1, size - 1)];
}

const versionIdOf = (bucket: FakeS3, version: ObjectVersion) => (bucket.options.versions ? { VersionId: version.id } : {});

function describe(bucket: FakeS3, version: ObjectVersion & { body: Buffer }) {
  return {
    ETag: version.etag,
    ContentLength: version.body.length,
    ContentType: version.contentType,
    LastModified: new Date(version.modified),
    Metadata: version.metadata,
    ChecksumCRC32: version.crc32,
    ChecksumType: version.crc32 === undefined ? undefined : 'FULL_OBJECT',
    ...versionIdOf(bucket, version),
  };
}

/** Inputs and answers are named as the SDK names them. */
type Handler = (bucket: FakeS3, input: Input) => object | Promise<object>;

const handlers: Record<string, Handler> = {
  HeadBucket: () => ({}),
  GetBucketVersioning: (bucket) => ({ Status: bucket.options.versions ? 'Enabled' : undefined }),
  async PutObject(bucket, input) {
    const body = await bodyOf(input.Body);
    requireCondition(bucket, input);
    const sum = encoded(crc32(body));
    if (input.ChecksumCRC32 !== undefined && input.ChecksumCRC32 !== sum) throw new S3Error('BadDigest', 400);
    const { Metadata: metadata = {}, ContentType: contentType } = input;
    const version = bucket.store(input.Key, { body, metadata, contentType, crc32: sum }, bucket.step());
    return { ETag: version.etag, ChecksumCRC32: sum, ...versionIdOf(bucket, version) };
  },
  CreateMultipartUpload(bucket, { Key: key, Metadata: metadata = {} }) {
    const id = bucket.newId();
    bucket.uploads.set(id, { key, begun: bucket.step(), initiated: bucket.now(), metadata, parts: new Map() });
    return { UploadId: id };
  },
  async UploadPart(bucket, input) {
    const body = await bodyOf(input.Body);
    const upload = uploadOf(bucket, input.UploadId);
    const sum = encoded(crc32(body));
    if (input.ChecksumCRC32 !== undefined && input.ChecksumCRC32 !== sum) throw new S3Error('BadDigest', 400);
    const etag = etagOf(body);
    upload.parts.set(input.PartNumber, { body, etag });
    return { ETag: etag, ChecksumCRC32: sum };
  },
  UploadPartCopy(bucket, input) {
    const upload = uploadOf(bucket, input.UploadId);
    const source = sourceOf(bucket, input.CopySource, input.CopySourceIfMatch);
    const [first, last] = rangeOf(input.CopySourceRange, source.body.length);
    const body = Buffer.from(source.body.subarray(first, last + 1));
    const etag = etagOf(body);
    upload.parts.set(input.PartNumber, { body, etag });
    return { CopyPartResult: { ETag: etag, ChecksumCRC32: encoded(crc32(body)) } };
  },
  CompleteMultipartUpload(bucket, input) {
    const upload = uploadOf(bucket, input.UploadId);
    requireCondition(bucket, input);
    const wanted = input.MultipartUpload?.Parts ?? [];
    const parts = wanted.map(({ PartNumber, ETag }, index) => {
      const part = upload.parts.get(PartNumber);
      if (part?.etag !== ETag) throw new S3Error('InvalidPart', 400);
      if (index < wanted.length - 1 && part.body.length < bucket.smallestPart) throw new S3Error('EntityTooSmall', 400);
      return part;
    });
    const body = Buffer.concat(parts.map((part) => part.body));
    const sum = encoded(crc32(body));
    if (input.MpuObjectSize !== undefined && Number(input.MpuObjectSize) !== body.length) throw new S3Error('InvalidRequest', 400);
    if (input.ChecksumCRC32 !== undefined && input.ChecksumCRC32 !== sum) throw new S3Error('BadDigest', 400);
    bucket.uploads.delete(input.UploadId);
    const etag = etagOf(body, `-${parts.length}`);
    const order = bucket.options.order === 'complete' ? bucket.step() : upload.begun;
    const version = bucket.store(upload.key, { body, metadata: upload.metadata, crc32: sum, etag }, order);
    return { ETag: etag, ChecksumCRC32: sum, ...versionIdOf(bucket, version) };
  },
  AbortMultipartUpload(bucket, { UploadId }) {
    uploadOf(bucket, UploadId);
    bucket.uploads.delete(UploadId);
    return {};
  },
  ListParts(bucket, { UploadId }) {
    const upload = uploadOf(bucket, UploadId);
    const parts = [...upload.parts].sort(([left], [right]) => left - right);
    return { Parts: parts.map(([number, part]) => ({ PartNumber: number, ETag: part.etag, Size: part.body.length })), IsTruncated: false };
  },
  ListMultipartUploads(bucket, { Prefix: prefix = '' }) {
    const found = [...bucket.uploads].filter(([, upload]) => upload.key.startsWith(prefix));
    return {
      Uploads: found.map(([UploadId, { key, initiated }]) => ({
        UploadId,
        Key: key,
        Initiated: new Date(initiated),
        Initiator: { ID: 'arn:ours' },
      })),
      IsTruncated: false,
    };
  },
  HeadObject: (bucket, { Key, VersionId, IfMatch }) => {
    if (IfMatch !== undefined) requireCondition(bucket, { Key, IfMatch });
    try {
      return describe(bucket, find(bucket, Key, VersionId));
    } catch (error) {
      // HEAD has no body that could say which: the SDK names every 404 so.
      throw error instanceof S3Error && error.$metadata.httpStatusCode === 404 ? new S3Error('NotFound', 404) : error;
    }
  },
  GetObject(bucket, { Key, VersionId, IfMatch, Range }) {
    if (IfMatch !== undefined) requireCondition(bucket, { Key, IfMatch });
    const found = find(bucket, Key, VersionId);
    const [first, last] = rangeOf(Range, found.body.length);
    const body = found.body.subarray(first, last + 1);
    const ContentRange = Range === undefined ? undefined : `bytes ${first}-${last}/${found.body.length}`;
    return { ...describe(bucket, found), ContentLength: body.length, ContentRange, Body: Readable.from(body.length > 0 ? [body] : []) };
  },
  DeleteObject(bucket, input) {
    if (input.VersionId !== undefined) {
      // The version goes for good, and the one before it is the current one again.
      bucket.keys.set(
        input.Key,
        (bucket.keys.get(input.Key) ?? []).filter(({ id }) => id !== input.VersionId),
      );
      return {};
    }
    if (input.IfMatch !== undefined) requireCondition(bucket, input);
    const marker = bucket.delete(input.Key);
    return bucket.options.versions ? { DeleteMarker: true, VersionId: marker.id } : {};
  },
  CopyObject(bucket, input) {
    const source = sourceOf(bucket, input.CopySource, input.CopySourceIfMatch);
    requireCondition(bucket, input);
    const metadata = input.MetadataDirective === 'REPLACE' ? (input.Metadata ?? {}) : source.metadata;
    const contentType = input.MetadataDirective === 'REPLACE' ? input.ContentType : source.contentType;
    const version = bucket.store(input.Key, { body: source.body, metadata, contentType, crc32: source.crc32 }, bucket.step());
    return {
      CopyObjectResult: { ETag: version.etag, LastModified: new Date(version.modified), ChecksumCRC32: source.crc32 },
      ...versionIdOf(bucket, version),
    };
  },
  GetObjectTagging: () => ({ TagSet: [] }),
  ListObjectsV2(bucket, { Prefix: prefix = '', StartAfter: after, ContinuationToken: token, MaxKeys: most = 1_000 }) {
    const from = token ?? after;
    const keys = [...bucket.keys.keys()]
      .filter(
        (key) =>
          key.startsWith(prefix) && bucket.current(key) && (from === undefined || Buffer.compare(Buffer.from(key), Buffer.from(from)) > 0),
      )
      .sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
    const page = keys.slice(0, most);
    return {
      Contents: page.map((key) => {
        const { etag, body, modified } = bucket.current(key) as ObjectVersion & { body: Buffer };
        return { Key: key, ETag: etag, Size: body.length, LastModified: new Date(modified) };
      }),
      IsTruncated: keys.length > page.length,
      NextContinuationToken: keys.length > page.length ? page.at(-1) : undefined,
    };
  },
  ListObjectVersions(bucket, { Prefix: prefix = '' }) {
    const found = [...bucket.keys].filter(([key]) => key.startsWith(prefix)).sort(([left], [right]) => (left < right ? -1 : 1));
    const describeAll = (markers: boolean) =>
      found.flatMap(([key, versions]) =>
        [...versions]
          .reverse()
          .map((version, index) => ({ key, version, latest: index === 0 }))
          .filter(({ version }) => (version.body === undefined) === markers)
          .map(({ version, latest }) => ({
            Key: key,
            VersionId: version.id,
            IsLatest: latest,
            LastModified: new Date(version.modified),
            ...(markers ? {} : { ETag: version.etag, Size: version.body?.length }),
          })),
      );
    return { Versions: describeAll(false), DeleteMarkers: describeAll(true), IsTruncated: false };
  },
};
