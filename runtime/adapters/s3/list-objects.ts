import {
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
} from '@aws-sdk/client-s3';
import type { ObjectKey } from '../../model/entry';
import type { Found } from '../../ports/object-store';
import { untilAnswered } from './attempts';
import { type Bucket, fullKey, scratchPrefix } from './bucket';
import { createUpload, endUpload } from './multipart';
import { versionOf } from './versions';

/** Listings: the objects of a bucket, and the uploads of a key that are not complete. */

/** A listing tells no ids of versions and no tokens: where a version has an id, only a look tells whether it is the same. */
export async function* listObjects(
  bucket: Bucket,
  prefix: string,
  after?: ObjectKey,
): AsyncGenerator<{ readonly key: ObjectKey; readonly found: Found }> {
  let from: { ContinuationToken?: string; StartAfter?: string } = after === undefined ? {} : { StartAfter: fullKey(bucket, after) };
  for (;;) {
    const page: ListObjectsV2CommandOutput = await untilAnswered(bucket, () =>
      bucket.send(
        // A key that others chose may hold what XML cannot.
        new ListObjectsV2Command({ Bucket: bucket.name, Prefix: fullKey(bucket, prefix), EncodingType: 'url', ...from }),
      ),
    );
    for (const { Key: name = '', ETag, Size: size = 0, LastModified: modified } of page.Contents ?? []) {
      const key = plain(page, name).slice(bucket.keyPrefix.length);
      if (key.startsWith(scratchPrefix)) continue;
      yield { key, found: { version: versionOf({ ETag }), size, modified: modified?.getTime() ?? 0 } };
    }
    if (!page.IsTruncated || page.NextContinuationToken === undefined) return;
    from = { ContinuationToken: page.NextContinuationToken };
  }
}

function plain(page: { readonly EncodingType?: string }, name: string): string {
  return page.EncodingType === 'url' ? decodeURIComponent(name.replaceAll('+', ' ')) : name;
}

export interface UnfinishedUpload {
  readonly uploadId: string;
  readonly storedKey: ObjectKey;
  readonly begun?: number;
}

/**
 * Uploads of this key that we began and have not completed. Other writers of the bucket have theirs under the same keys, so the store must tell who began
 * one; where it does not, the lifecycle rule of the bucket removes what nobody names.
 */
export class UnfinishedUploads {
  private ours: Promise<string | undefined> | undefined;

  constructor(private readonly bucket: Bucket) {}

  async *of(storedKey: ObjectKey): AsyncGenerator<UnfinishedUpload> {
    const key = fullKey(this.bucket, storedKey);
    this.ours ??= this.learnPrincipal();
    const ours = await this.ours;
    if (ours === undefined) return;
    for await (const upload of this.list(key)) {
      if (upload.Key !== key || upload.UploadId === undefined || principalOf(upload) !== ours) continue;
      yield { uploadId: upload.UploadId, storedKey, ...(upload.Initiated && { begun: upload.Initiated.getTime() }) };
    }
  }

  private async *list(prefix: string): AsyncGenerator<NonNullable<ListMultipartUploadsCommandOutput['Uploads']>[number]> {
    let from: { KeyMarker?: string; UploadIdMarker?: string } = {};
    for (;;) {
      const page: ListMultipartUploadsCommandOutput = await untilAnswered(this.bucket, () =>
        this.bucket.send(new ListMultipartUploadsCommand({ Bucket: this.bucket.name, Prefix: prefix, ...from })),
      );
      for (const upload of page.Uploads ?? []) yield upload;
      if (!page.IsTruncated || page.NextKeyMarker === undefined || !page.NextKeyMarker.startsWith(prefix)) return;
      from = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
    }
  }

  /** A store tells who began an upload, but not who we are: so one is begun and looked up. */
  private async learnPrincipal(): Promise<string | undefined> {
    const key = `${scratchPrefix}${this.bucket.ids.token()}`;
    try {
      const uploadId = await createUpload(this.bucket, key, {});
      try {
        for await (const upload of this.list(fullKey(this.bucket, key))) if (upload.UploadId === uploadId) return principalOf(upload);
        return undefined;
      } finally {
        await endUpload(this.bucket, key, uploadId);
      }
    } catch (error) {
      this.ours = undefined;
      throw error;
    }
  }
}

/** Tasks of one role have sessions of their own, whose names come last. */
export function principalOf({ Initiator: initiator }: { readonly Initiator?: { readonly ID?: string } }): string | undefined {
  const { ID: id = '' } = initiator ?? {};
  const role = /^arn:[^:]*:sts:[^:]*:\d*:assumed-role\/[^/]+/.exec(id)?.[0] ?? /^(A[A-Z0-9]{15,}):/.exec(id)?.[1];
  return (role ?? id) || undefined;
}
