import { mkdirSync, readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import path from 'node:path';
import { CompleteMultipartUploadCommand, CreateMultipartUploadCommand, S3Client, UploadPartCommand } from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { startProcess } from '../test/support/server-process';
import { type Store, s3AndLmdb } from '../test/support/shapes';
import { curl } from './clients';
import { makeFile } from './loads';

/**
 * How long a partner waits for his receipt: from the last byte of an upload to 226, by the server's own log. Beside it what the store by itself needs for the
 * completion of an upload of the same size, in turns with it, because that is within every receipt.
 */
export interface ReceiptBench {
  readonly work: string;
  readonly mib: number;
  readonly uploads: number;
}

const partSize = 8 * 1024 * 1024;

export async function benchReceipts({ work, mib, uploads }: ReceiptBench): Promise<void> {
  const missing = s3AndLmdb.missing();
  if (missing.length > 0) throw new Error(`not installed: test/support/servers/install.sh ${missing.join(' ')}`);
  const data = path.join(work, 'causeway-receipts');
  mkdirSync(data);
  const store = await s3AndLmdb.start(data, { parent: work, tls: true });
  try {
    const server = await startProcess(data, store.environment);
    try {
      const file = makeFile(work, 'receipt.bin', mib);
      const url = `ftp://demo:${server.password}@localhost:${server.explicitPort}/`;
      const receipts: number[] = [];
      const completions: number[] = [];
      for (let turn = -1; turn < uploads; turn++) {
        // Ten names, so that the store keeps ten files and most uploads replace one.
        await curl('-T', file, `${url}receipt-${(turn + 10) % 10}.bin`);
        const receipt = lastReceipt(server.log());
        const completion = await completionOf(store, readFileSync(file), `alone-${(turn + 10) % 10}.bin`);
        // The first one warms up.
        if (turn >= 0) receipts.push(receipt);
        if (turn >= 0) completions.push(completion);
      }
      process.stdout.write(`\n${uploads} uploads of ${mib} MiB, one after the other, milliseconds\n`);
      process.stdout.write(`${'last byte to 226'.padEnd(34)}${quantiles(receipts)}\n`);
      process.stdout.write(`${'completion by the store alone'.padEnd(34)}${quantiles(completions)}\n`);
    } finally {
      await server.stop();
    }
  } finally {
    await store.stop();
  }
}

function lastReceipt(log: string): number {
  const last = log.split('\n').findLast((line) => line.includes('"transfer.end"'));
  return (JSON.parse(last ?? '{}') as { receiptMs?: number }).receiptMs ?? Number.NaN;
}

async function completionOf({ environment }: Store, bytes: Buffer, Key: string): Promise<number> {
  const Bucket = environment['CAUSEWAY_BUCKET'];
  const client = new S3Client({
    endpoint: environment['CAUSEWAY_S3_ENDPOINT'] as string,
    region: 'us-east-1',
    credentials: {
      accessKeyId: environment['AWS_ACCESS_KEY_ID'] as string,
      secretAccessKey: environment['AWS_SECRET_ACCESS_KEY'] as string,
    },
    forcePathStyle: true,
    requestHandler: new NodeHttpHandler({
      httpsAgent: new Agent({ keepAlive: true, ca: readFileSync(environment['NODE_EXTRA_CA_CERTS'] as string) }),
    }),
  });
  try {
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }));
    const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
    for (let offset = 0; offset < bytes.length; offset += partSize) {
      const PartNumber = Parts.length + 1;
      const Body = bytes.subarray(offset, offset + partSize);
      const { ETag } = await client.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }));
      Parts.push({ PartNumber, ETag });
    }
    const began = performance.now();
    await client.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));
    return performance.now() - began;
  } finally {
    client.destroy();
  }
}

function quantiles(times: readonly number[]): string {
  const sorted = [...times].sort((one, other) => one - other);
  const at = (share: number) =>
    (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN).toFixed(0).padStart(6);
  return `median ${at(0.5)}   p90 ${at(0.9)}   p99 ${at(0.99)}   most ${at(1)}`;
}
