import { Agent } from 'node:https';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  NoSuchKey,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { versitygwKeys } from './servers/versitygw';

/** A bucket as its consumer and its operator see it, who know nothing of us: plain GET, PUT, DELETE and a listing. */
export interface PlainBucket {
  readonly name: string;
  /** Undefined: there is no such object. */
  read(key: string): Promise<{ readonly stream: Readable; bytes(): Promise<Buffer> } | undefined>;
  list(prefix: string): Promise<string[]>;
  put(key: string, content: Buffer): Promise<void>;
  remove(key: string): Promise<void>;
  close(): void;
}

export interface PlainBucketOptions {
  readonly endpoint: string;
  /** PEM, of an endpoint that nobody vouches for. */
  readonly ca?: string;
}

const Bucket = 'causeway';

/** Makes it. */
export async function plainBucket({ endpoint, ca }: PlainBucketOptions): Promise<PlainBucket> {
  const client = new S3Client({
    endpoint,
    region: 'us-east-1',
    credentials: versitygwKeys,
    forcePathStyle: true,
    // The server keeps the sums beside the bytes and replaces them a moment later: whoever reads while a file is replaced may be told the sum of the other one. The
    // tests compare what they have read with what was sent.
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: new NodeHttpHandler({ httpsAgent: new Agent({ keepAlive: true, ...(ca !== undefined && { ca }) }) }),
  });
  await client.send(new CreateBucketCommand({ Bucket }));
  return {
    name: Bucket,
    read: async (Key) => {
      try {
        const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
        const stream = Body as Readable;
        return { stream, bytes: () => buffer(stream) };
      } catch (error) {
        if (error instanceof NoSuchKey) return undefined;
        throw error;
      }
    },
    list: async (Prefix) => {
      const keys: string[] = [];
      for (let ContinuationToken: string | undefined, more = true; more; ) {
        const page = await client.send(new ListObjectsV2Command({ Bucket, Prefix, ContinuationToken }));
        keys.push(...(page.Contents ?? []).map(({ Key }) => Key as string));
        ContinuationToken = page.NextContinuationToken;
        more = page.IsTruncated === true;
      }
      return keys;
    },
    put: async (Key, Body) => void (await client.send(new PutObjectCommand({ Bucket, Key, Body }))),
    remove: async (Key) => void (await client.send(new DeleteObjectCommand({ Bucket, Key }))),
    close: () => client.destroy(),
  };
}
