import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { startProcess } from '../test/support/server-process';
import { type Shape, s3AndDynamodb, s3AndLmdb } from '../test/support/shapes';
import { makeCertificate, type Peer } from './peer';

/** Causeway in front of versitygw over https, as AWS is, with either index; and a bare TLS socket beside it. */
const settings = {
  CAUSEWAY_LOG_LEVEL: 'warn',
  CAUSEWAY_PASSIVE_PORTS: 'free:200',
  CAUSEWAY_SESSIONS_PER_USER: '300',
  CAUSEWAY_SESSIONS_PER_ADDRESS: '300',
};

const indexes: readonly (readonly [string, Shape])[] = [
  ['LMDB', s3AndLmdb],
  ['DynamoDB', s3AndDynamodb],
];

/** Each into `peers` as soon as it runs. */
export async function startS3Peers(work: string, node: string, peers: Peer[]): Promise<void> {
  const version = execFileSync(node, ['--version']).toString().trim();
  for (const [index, shape] of indexes) {
    const missing = shape.missing();
    if (missing.length > 0) {
      process.stdout.write(`${shape.name} is not measured: test/support/servers/install.sh ${missing.join(' ')}\n`);
      continue;
    }
    const data = path.join(work, `causeway-${peers.length}`);
    mkdirSync(data);
    const store = await shape.start(data, { parent: work, tls: true });
    try {
      const server = await startProcess(data, { ...store.environment, ...settings }, node);
      peers.push({
        name: `causeway, ${index}, Node ${version}`,
        url: `ftp://demo:${server.password}@localhost:${server.explicitPort}/`,
        pid: server.process.pid,
        stop: () => server.stop().finally(store.stop),
      });
    } catch (error) {
      await store.stop();
      throw error;
    }
  }
}

export async function startTlsSink(work: string, node: string, mib: number): Promise<Peer> {
  const folder = path.join(work, 'tls-sink');
  mkdirSync(folder);
  const { key, certificate } = makeCertificate(folder);
  const child = spawn(node, ['--import', 'tsx', path.join(__dirname, 'tls-sink-process.ts'), certificate, key, String(mib * 1024 * 1024)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [port] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    name: 'bare TLS, bytes thrown away',
    url: `tls://127.0.0.1:${port.toString().trim()}`,
    pid: child.pid,
    stop: async () => void child.kill(),
  };
}
