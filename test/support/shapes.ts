import { createHash } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openDynamo } from '../../runtime/adapters/dynamodb/open-dynamodb';
import { createTable } from '../../runtime/adapters/dynamodb/table';
import { randomIds } from '../../runtime/adapters/random-ids';
import { systemClock } from '../../runtime/adapters/system-clock';
import { makeCertificate } from './certificates';
import { quietLog } from './filesystem';
import { type PlainBucket, plainBucket } from './plain-bucket';
import { hasDynamodbLocal, startDynamodbLocal } from './servers/dynamodb-local';
import { hasVersitygw, startVersitygw, versitygwKeys } from './servers/versitygw';

/**
 * The shapes in which the program runs: where its files and its index are kept, and how somebody who does not come by FTP sees the files. What the suites with
 * real clients ask of the store goes through here, so that they are the same for all.
 */
export interface Store {
  /** Settings of a server that works on it. */
  readonly environment: Record<string, string>;
  /** As a consumer reads it; undefined: nothing is there. */
  read(key: string): Promise<Buffer | undefined>;
  sha256(key: string): Promise<string>;
  /** Below a prefix, complete keys. */
  list(prefix: string): Promise<string[]>;
  put(key: string, content: Buffer): Promise<void>;
  remove(key: string): Promise<void>;
  /** The servers behind it end, and what they kept goes. */
  stop(): Promise<void>;
}

export interface Shape {
  readonly name: string;
  /** Servers that it needs and that are not installed, as `install.sh` calls them. */
  missing(): string[];
  /** @param data The data folder of the server that will work on it. */
  start(data: string, options?: StoreOptions): Promise<Store>;
}

export interface StoreOptions {
  /** Where the servers keep their files. */
  readonly parent?: string;
  /** False: no TLS, for a process that was started before the certificate was made. */
  readonly tls?: boolean;
}

const keys = { AWS_ACCESS_KEY_ID: versitygwKeys.accessKeyId, AWS_SECRET_ACCESS_KEY: versitygwKeys.secretAccessKey };

export const embedded: Shape = {
  name: 'a folder and LMDB',
  missing: () => [],
  start: async (data) => folderStore(path.join(data, 'objects'), data),
};

/** As AWS is: over TLS, the payload unsigned. */
export const s3AndLmdb: Shape = {
  name: 'S3 and LMDB',
  missing: () => (hasVersitygw() ? [] : ['versitygw']),
  start: (_data, options) => startBucket({ tls: true, ...options }),
};

/** Without TLS, every payload signed. */
export const s3AndDynamodb: Shape = {
  name: 'S3 and DynamoDB',
  missing: () => [...(hasVersitygw() ? [] : ['versitygw']), ...(hasDynamodbLocal() ? [] : ['dynamodb-local'])],
  start: async (_data, options) => {
    const bucket = await startBucket({ tls: false, ...options });
    try {
      const table = await startTable();
      const stop = () => table.stop().finally(bucket.stop);
      return { ...bucket, environment: { ...bucket.environment, ...table.environment }, stop };
    } catch (error) {
      await bucket.stop();
      throw error;
    }
  },
};

/** A suite on each of the shapes. Where a server is missing, one test says so: it fails in CI, where nothing may be left out. */
export function describeShapes(shapes: readonly Shape[], suite: (shape: Shape) => void): void {
  describe.each(shapes)('on $name', (shape) => {
    const missing = shape.missing();
    if (missing.length === 0) return suite(shape);
    it('is not run: a server is not installed', () => {
      const hint = `${shape.name}: not run, because something is not installed: test/support/servers/install.sh ${missing.join(' ')}`;
      if (process.env['CI'] === 'true') throw new Error(hint);
      console.warn(hint);
    });
  });
}

function folderStore(root: string, data: string): Store {
  const place = (key: string) => path.join(root, key);
  return {
    environment: {},
    read: async (key) => {
      try {
        return readFileSync(place(key));
      } catch (error) {
        // Taken or renamed between the look and the read.
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
    },
    sha256: (key) => digest(createReadStream(place(key))),
    list: async (prefix) =>
      existsSync(root)
        ? readdirSync(root, { recursive: true, withFileTypes: true })
            .filter((entry) => entry.isFile())
            .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
            .filter((key) => key.startsWith(prefix))
            .sort()
        : [],
    put: async (key, content) => {
      mkdirSync(path.dirname(place(key)), { recursive: true });
      writeFileSync(path.join(data, 'placed'), content);
      renameSync(path.join(data, 'placed'), place(key));
    },
    remove: async (key) => rmSync(place(key)),
    stop: async () => undefined,
  };
}

/** Without versions: in a bucket that keeps them this server shows nothing that is put where something was deleted. */
async function startBucket({ tls: secure, parent = tmpdir() }: StoreOptions): Promise<Store> {
  const folder = mkdtempSync(path.join(parent, 'causeway-bucket-'));
  const tls = secure ? await writeCertificate(folder) : undefined;
  const server = await startVersitygw({ parent: folder, ...(tls && { tls }) });
  const stop = async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  let bucket: PlainBucket | undefined;
  try {
    // The certificate is for the name.
    const endpoint = server.endpoint.replace('127.0.0.1', 'localhost');
    bucket = await plainBucket({ endpoint, ca: tls && readFileSync(tls.cert, 'utf8') });
    const { name, close, read, ...others } = bucket;
    return {
      ...others,
      read: async (key) => (await read(key))?.bytes(),
      sha256: async (key) => {
        const found = await read(key);
        if (!found) throw new Error(`there is no object ${key}`);
        return digest(found.stream);
      },
      environment: {
        ...{ CAUSEWAY_OBJECTS: 's3', CAUSEWAY_BUCKET: name, CAUSEWAY_S3_ENDPOINT: endpoint, CAUSEWAY_S3_PROFILE: 'versitygw', ...keys },
        ...(tls && { NODE_EXTRA_CA_CERTS: tls.cert }),
      },
      stop: async () => {
        close();
        await stop();
      },
    };
  } catch (error) {
    bucket?.close();
    await stop();
    throw error;
  }
}

async function startTable(): Promise<Pick<Store, 'environment' | 'stop'>> {
  const server = await startDynamodbLocal();
  try {
    const dynamo = openDynamo(
      { table: 'causeway', endpoint: server.endpoint, credentials: versitygwKeys },
      { clock: systemClock, ids: randomIds, log: quietLog },
    );
    await createTable(dynamo).finally(() => dynamo.close());
  } catch (error) {
    await server.stop();
    throw error;
  }
  const settings = { CAUSEWAY_METADATA: 'dynamodb', CAUSEWAY_TABLE: 'causeway', CAUSEWAY_DYNAMODB_ENDPOINT: server.endpoint };
  return { environment: { ...settings, ...keys }, stop: server.stop };
}

async function writeCertificate(folder: string): Promise<{ readonly cert: string; readonly key: string }> {
  const { cert, key } = await makeCertificate();
  const files = { cert: path.join(folder, 'cert.pem'), key: path.join(folder, 'key.pem') };
  writeFileSync(files.cert, cert);
  writeFileSync(files.key, key);
  return files;
}

async function digest(bytes: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of bytes) hash.update(chunk);
  return hash.digest('hex');
}
