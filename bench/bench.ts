import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { loadavg } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { startProcess } from '../test/support/server-process';
import { benchFleet } from './fleet';
import { download, listings, renames, smallFiles, smallFilesAtOnce, upload, uploadsAtOnce } from './loads';
import { type Load, measure, tableOf } from './measure';
import type { Peer, StartPeer } from './peer';
import { startProftpd } from './proftpd';
import { startPureFtpd } from './pure-ftpd';
import { benchReceipts } from './receipts';
import { startS3Peers, startTlsSink } from './s3-peers';
import { startVsftpd } from './vsftpd';

/**
 * The same client against every server, runs interleaved, the stores on tmpfs: medians of speed and of the server's CPU time, and the ratios to the first one.
 * Single numbers move by a quarter between runs on a shared machine; the ratios of one run are what counts.
 */
const usage = `usage: npm run bench -- upload|download|small|s3|receipts|fleet [options]

  upload, download   one file over one connection
  small              files of 10 kB, one after the other over one control connection
  s3                 all of that and more against an S3 server, with the index in LMDB and in DynamoDB
  receipts           S3: from the last byte of an upload to 226, --files times
  fleet              one to three workers, one to three tasks behind a load balancer, and the way over the wrong task

  --mib N            size of the file (512)
  --files N          number of small files (500)
  --runs N           measured runs of each server, after one that warms up (5)
  --node PATH        another Node to run Causeway with, as often as wanted
  --only TEXT        s3: only the loads whose title has this in it
  --unpacked DIR     root of packages unpacked with dpkg -x, as often as wanted
  --peer NAME=URL    any running server: ftp://user:password@host:port/folder/; NAME@PID=URL measures its CPU time and memory too
`;

const { values, positionals } = readArguments();
const mib = countOf('mib');
const files = countOf('files');
const runs = countOf('runs');

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        mib: { type: 'string', default: '512' },
        files: { type: 'string', default: '500' },
        runs: { type: 'string', default: '5' },
        node: { type: 'string', multiple: true, default: [process.execPath] },
        only: { type: 'string', default: '' },
        unpacked: { type: 'string', multiple: true, default: [] },
        peer: { type: 'string', multiple: true, default: [] },
      },
    });
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function countOf(option: 'mib' | 'files' | 'runs'): number {
  const count = Number(values[option]);
  return Number.isInteger(count) && count > 0 ? count : refuse(`--${option} is a whole number from 1, not ${values[option]}`);
}

function refuse(why: string): never {
  process.stderr.write(`${why}\n\n${usage}`);
  process.exit(2);
}

const memory = existsSync('/dev/shm') ? '/dev/shm' : '/tmp';

/** Each into `peers` as soon as it runs: one that does not start must not leave the others behind. */
async function startPeers(work: string, peers: Peer[]): Promise<void> {
  const starters: [string, StartPeer][] = [
    ['vsftpd', startVsftpd],
    ['pure-ftpd', startPureFtpd],
    ['proftpd', startProftpd],
  ];
  for (const [name, start] of starters) {
    const peer = await start(path.join(work, name), { roots: values.unpacked });
    if (peer) peers.push(peer);
    else process.stdout.write(`${name} is not here: see docs/benchmarks.md for how to unpack it\n`);
  }
  addGiven(peers);
}

function addGiven(peers: Peer[]): void {
  for (const given of values.peer) {
    const { name, pid, url } =
      /^(?<name>[^=]*?)(?:@(?<pid>\d+))?=(?<url>.+)$/s.exec(given)?.groups ?? refuse(`--peer ${given} names no server`);
    peers.push({ name: name ?? '', url: url ?? '', pid: pid === undefined ? undefined : Number(pid), stop: async () => undefined });
  }
}

async function startOurs(work: string, node: string, index: number): Promise<Peer> {
  const version = execFileSync(node, ['--version']).toString().trim();
  const server = await startProcess(path.join(work, `causeway-${index}`), { CAUSEWAY_LOG_LEVEL: 'warn' }, node);
  return {
    name: `causeway, Node ${version}`,
    url: `ftp://demo:${server.password}@localhost:${server.explicitPort}/`,
    pid: server.process.pid,
    stop: () => server.stop(),
  };
}

/** Makes its files only when its turn comes. */
type MakeLoad = (work: string) => Load;

const single: Readonly<Record<string, MakeLoad>> = {
  upload: (work) => upload(work, mib),
  download: (work) => download(work, mib),
  small: (work) => smallFiles(work, files),
};

/** The sizes of all together stay within what a small machine has for its tmpfs. */
const againstS3: readonly MakeLoad[] = [
  (work) => upload(work, mib),
  (work) => download(work, mib),
  (work) => smallFilesAtOnce(work, files, 20),
  (work) => uploadsAtOnce(work, Math.ceil(mib / 16), 30),
  (work) => uploadsAtOnce(work, Math.ceil(mib / 32), 100),
  (work) => renames(work, 64, 10),
  (work) => listings(work, 1_000, 20),
];

async function compare(peers: readonly Peer[], load: Load): Promise<void> {
  process.stdout.write(`\n${load.title}, medians of ${runs} interleaved runs; load before ${loadavg()[0]?.toFixed(2)}\n`);
  process.stdout.write(tableOf(load, await measure(peers, load, runs)));
}

async function main(kind: string): Promise<void> {
  const work = mkdtempSync(path.join(memory, 'causeway-bench-'));
  const peers: Peer[] = [];
  try {
    if (kind === 'fleet') {
      await benchFleet({ work, mib, files, runs });
      return;
    }
    if (kind === 'receipts') {
      await benchReceipts({ work, mib, uploads: files });
      return;
    }
    if (kind === 's3') {
      addGiven(peers);
      for (const node of values.node) await startS3Peers(work, node, peers);
      const sink = await startTlsSink(work, values.node[0] as string, mib);
      peers.push(sink);
      for (const make of againstS3) {
        const load = make(work);
        if (!load.title.includes(values.only)) continue;
        // Nothing but bytes can be sent to it.
        await compare(load.title.startsWith('upload,') ? peers : peers.filter((peer) => peer !== sink), load);
      }
      return;
    }
    await startPeers(work, peers);
    for (const [index, node] of values.node.entries()) peers.push(await startOurs(work, node, index));
    await compare(peers, (single[kind] as MakeLoad)(work));
  } finally {
    for (const { stop } of peers) await stop();
    rmSync(work, { recursive: true, force: true });
  }
}

const [kind = ''] = positionals;
if (kind in single || ['s3', 'receipts', 'fleet'].includes(kind)) void main(kind);
else refuse(kind === '' ? 'What shall be measured?' : `${kind} is nothing that can be measured`);
