import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { S3Client } from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { Body } from './body';
import type { Send } from './bucket';

/**
 * The SDK's client as this store needs it: one attempt a request, because whether an attempt may have been applied decides what the next answer means; no
 * checksums of its own, because ours is made while the bytes come in; the payload unsigned where TLS protects it, because hashing it again costs as much
 * processor time as sending it.
 */
export interface Connection {
  readonly send: Send;
  /** As given, or as the SDK finds it; undefined: nowhere. */
  region(): Promise<string | undefined>;
  renewCredentials(): void;
  close(): void;
}

export interface ConnectionOptions {
  readonly region?: string;
  readonly endpoint?: string;
  /** Else what the SDK finds: environment, profile, role of the task. */
  readonly credentials?: Credentials | (() => Promise<Credentials>);
  /** Certificate of a private authority, PEM. */
  readonly ca?: string;
  /** Milliseconds. */
  readonly timeouts?: { readonly connect?: number; readonly silence?: number; readonly answer?: number };
}

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

/** Several parts of many uploads at once; requests never queue for a socket before the part buffers are spent. */
const maxSockets = 512;
/** A completion may be silent for minutes. */
const longestSilence = 120_000;

/** Goes with a request's input through the SDK, which copies it, to the last of its steps. */
const limits = Symbol('limits');
type Handle = NodeHttpHandler['handle'];

const ignore = () => undefined;
const silent = { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore };

export function connect(options: ConnectionOptions): Connection {
  const { region, endpoint, credentials, ca, timeouts = {} } = options;
  const agents = {
    httpAgent: new HttpAgent({ keepAlive: true, maxSockets }),
    httpsAgent: new HttpsAgent({ keepAlive: true, maxSockets, ...(ca !== undefined && { ca }) }),
  };
  const requestHandler = new NodeHttpHandler({
    ...agents,
    connectionTimeout: timeouts.connect ?? 3_000,
    socketTimeout: timeouts.silence ?? longestSilence,
    requestTimeout: timeouts.answer ?? 10_000,
    // Without it a request that is late is only warned about.
    throwOnRequestTimeout: true,
  });
  const unsigned = endpoint === undefined || endpoint.startsWith('https:');
  const make = () => {
    const client = new S3Client({
      ...(region !== undefined && { region }),
      ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
      ...(credentials !== undefined && { credentials }),
      maxAttempts: 1,
      // It writes to the console that it does not repeat a body that it cannot read again; that is done here.
      logger: silent,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler,
      // Put together once for each kind of request instead of for each request: a third of what the SDK costs. It does so only for requests without options.
      cacheMiddleware: true,
    });
    client.middlewareStack.add(
      () =>
        ({ input, request }) =>
          requestHandler.handle(request as Parameters<Handle>[0], (input as { [limits]?: Parameters<Handle>[1] })[limits]) as never,
      { step: 'deserialize', priority: 'low', name: 'sendWithin' },
    );
    client.middlewareStack.add(
      (next) => (args) => {
        const { request } = args as { request?: { headers?: Record<string, string>; body?: unknown } };
        // The SDK does not sign what it cannot read twice.
        const sum = unsigned ? 'UNSIGNED-PAYLOAD' : request?.body instanceof Body ? request.body.sha256() : undefined;
        if (request?.headers && sum !== undefined) request.headers['x-amz-content-sha256'] = sum;
        return next(args);
      },
      { step: 'build', name: 'payloadSignature' },
    );
    return client;
  };
  let client = make();
  return {
    send: (command, { timeout, signal } = {}) => {
      const requestTimeout = timeouts.answer ?? timeout;
      Object.assign(command.input, {
        [limits]: { ...(requestTimeout !== undefined && { requestTimeout }), ...(signal && { abortSignal: signal }) },
      });
      return client.send(command as never) as never;
    },
    // Only to be named to the operator: where none is found, the first request fails with that reason.
    region: async () => region ?? (await client.config.region().catch(() => undefined)),
    // A client keeps what its provider gave it; a new one asks again, over the same sockets.
    renewCredentials: () => {
      client = make();
    },
    close: () => {
      requestHandler.destroy();
      agents.httpAgent.destroy();
      agents.httpsAgent.destroy();
    },
  };
}
