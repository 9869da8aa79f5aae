import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/**
 * Stands before a server that speaks S3 or DynamoDB and notes what each request would have to be allowed to do on AWS. Between the processes and not inside
 * them, so that it sees the requests of whatever runs, a bundle as well, as they are sent.
 */
export interface Call {
  /** As policies name it, such as `s3:GetObject`. */
  readonly action: string;
  readonly on: 'bucket' | 'object' | 'table' | 'index';
}

export interface RecordedCalls {
  readonly endpoint: string;
  readonly calls: readonly Call[];
  close(): Promise<void>;
}

export type Reader = (request: IncomingMessage, body: Buffer | undefined) => readonly Call[];

export async function recordCalls(endpoint: string, read: Reader): Promise<RecordedCalls> {
  const seen = new Map<string, Call>();
  const { hostname, port } = new URL(endpoint);
  const serve = async (incoming: IncomingMessage, answer: ServerResponse) => {
    // Only what is said in the body is read whole; the bytes of files pass.
    const body = read === readDynamodb ? await buffer(incoming) : undefined;
    for (const call of read(incoming, body)) seen.set(`${call.action} ${call.on}`, call);
    const { expect: _answeredHere, ...headers } = incoming.headers;
    const { method, url: path } = incoming;
    const passed = request({ hostname, port, method, path, headers, agent: false }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
      response.on('error', () => answer.destroy());
    });
    passed.on('error', () => answer.destroy());
    answer.on('close', () => passed.destroy());
    if (body) passed.end(body);
    else incoming.pipe(passed);
  };
  const server = createServer((incoming, answer) => {
    // A client that goes away in the middle.
    serve(incoming, answer).catch(() => answer.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get calls() {
      return [...seen.values()];
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const bucketQueries: Readonly<Record<string, string>> = {
  uploads: 's3:ListBucketMultipartUploads',
  versions: 's3:ListBucketVersions',
  versioning: 's3:GetBucketVersioning',
  lifecycle: 's3:GetLifecycleConfiguration',
  'object-lock': 's3:GetBucketObjectLockConfiguration',
};

/** Path style: `/bucket/key`. What is not known is named so that no policy allows it. */
export const readS3: Reader = ({ method = '', url = '', headers }) => {
  const { pathname, searchParams: query } = new URL(url, 'http://localhost');
  const onObject = /^\/[^/]+\/./.test(pathname);
  const bucket = (action: string): Call[] => [{ action, on: 'bucket' }];
  const object = (...actions: string[]): Call[] => actions.map((action) => ({ action, on: 'object' }));
  if (!onObject) {
    const known = Object.keys(bucketQueries).find((name) => query.has(name));
    if (method === 'GET' && known) return bucket(bucketQueries[known] as string);
    return bucket(method === 'GET' || method === 'HEAD' ? 's3:ListBucket' : `s3:unknown ${method} ${url}`);
  }
  const version = query.has('versionId') ? 'Version' : '';
  if (method === 'GET' && query.has('uploadId')) return object('s3:ListMultipartUploadParts');
  if (method === 'GET' || method === 'HEAD') return object(`s3:GetObject${version}`);
  if (method === 'DELETE') return object(query.has('uploadId') ? 's3:AbortMultipartUpload' : `s3:DeleteObject${version}`);
  if (method !== 'PUT' && method !== 'POST') return object(`s3:unknown ${method}`);
  const source = String(headers['x-amz-copy-source'] ?? '');
  return object(
    's3:PutObject',
    ...(headers['x-amz-tagging'] ? ['s3:PutObjectTagging'] : []),
    ...(source ? [source.includes('?versionId=') ? 's3:GetObjectVersion' : 's3:GetObject'] : []),
  );
};

const transactActions: Readonly<Record<string, string>> = {
  Put: 'PutItem',
  Delete: 'DeleteItem',
  Update: 'UpdateItem',
  ConditionCheck: 'ConditionCheckItem',
};

/** A transaction is allowed by the rights to its parts. */
export const readDynamodb: Reader = ({ headers }, body = Buffer.alloc(0)) => {
  const operation = String(headers['x-amz-target'] ?? '').split('.')[1];
  if (!operation) return [];
  const input = JSON.parse(body.toString() || '{}') as { IndexName?: string; TransactItems?: Record<string, unknown>[] };
  if (operation !== 'TransactWriteItems') return [{ action: `dynamodb:${operation}`, on: input.IndexName ? 'index' : 'table' }];
  return (input.TransactItems ?? [])
    .flatMap((item) => Object.keys(item))
    .map((kind) => ({ action: `dynamodb:${transactActions[kind] ?? kind}`, on: 'table' }));
};
