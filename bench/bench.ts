import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { startProcess } from '../test/support/server-process';
import type { Peer, StartPeer } from './peer';
import { CpuMeter } from './process-tree';
import { startProftpd } from './proftpd';
import { startPureFtpd } from './pure-ftpd';
import { startVsftpd } from './vsftpd';

/**
 * The same client against every server, runs interleaved, the stores on tmpfs: medians of speed and of the server's CPU time, and the ratios to the first one.
 * Single numbers move by a quarter between runs on a shared machine; the ratios of one run are what counts.
 */
const usage = `usage: npm run bench -- upload|download|small [options]

  upload, download   one file over one connection
  small              files of 10 kB, one after the other over one control connection

  --mib N            size of the file (512)
  --files N          number of small files (500)
  --runs N           measured runs of each server, after one that warms up (5)
  --node PATH        another Node to run Causeway with, as often as wanted
  --unpacked DIR     root of packages unpacked with dpkg -x, as often as wanted
  --peer NAME=URL    any running server: ftp://user:password@host:port/folder/
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    mib: { type: 'string', default: '512' },
    files: { type: 'string', default: '500' },
    runs: { type: 'string', default: '5' },
    node: { type: 'string', multiple: true, default: [process.execPath] },
    unpacked: { type: 'string', multiple: true, default: [] },
    peer: { type: 'string', multiple: true, default: [] },
  },
});

type Kind = 'upload' | 'download' | 'small';
const smallFile = 10_000;
const mib = Number(values.mib);
const files = Number(values.files);
const runs = Number(values.runs);
const memory = existsSync('/dev/shm') ? '/dev/shm' : '/tmp';

interface Load {
  readonly transfer: (peer: Peer) => Promise<unknown>;
  /** What one transfer amounts to, in the units of the two columns. */
  readonly amount: number;
  readonly speed: string;
  readonly perCpu: number;
  readonly cpu: string;
}

function makeLoad(kind: Kind, work: string): Load {
  if (kind === 'small') {
    const folder = path.join(work, 'small');
    mkdirSync(folder);
    const names = Array.from({ length: files }, (_, index) => `file-${index}`);
    for (const name of names) writeFileSync(path.join(folder, name), randomBytes(smallFile));
    return {
      transfer: ({ url }) => lftp(url, `mput ${folder}/*`),
      amount: files,
      speed: 'files/s',
      perCpu: files / 1000,
      cpu: 'CPU ms/file',
    };
  }
  const file = path.join(work, 'bench.bin');
  const chunk = randomBytes(1024 * 1024);
  writeFileSync(file, '');
  for (let written = 0; written < mib; written++) writeFileSync(file, chunk, { flag: 'a' });
  const name = 'bench.bin';
  return {
    transfer: ({ url }) => (kind === 'upload' ? curl('-T', file, `${url}${name}`) : curl('-o', '/dev/null', `${url}${name}`)),
    amount: mib * 1.048576,
    speed: 'MB/s',
    perCpu: mib / 1024,
    cpu: 'CPU s/GiB',
  };
}

const run = promisify(execFile);

async function curl(...args: readonly string[]): Promise<void> {
  await run('curl', ['-sS', '-k', '-m', '600', '--ssl-reqd', ...args], { maxBuffer: 16 * 1024 * 1024 });
}

/** For many files: between two of them curl waits up to a second with some servers, which would measure curl. */
async function lftp(url: string, command: string): Promise<void> {
  const settings =
    'set ssl:verify-certificate no; set ftp:ssl-force true; set ftp:ssl-protect-data true; set xfer:clobber on; set cmd:fail-exit true';
  await run('lftp', ['-c', `${settings}; open ${url}; ${command}`], { timeout: 600_000, maxBuffer: 16 * 1024 * 1024 });
}

const median = (numbers: readonly number[]): number => [...numbers].sort((one, other) => one - other)[numbers.length >> 1] ?? Number.NaN;

/** What a process a session leaves behind is waited for by its parent a moment later. */
const lastProcess = 200;
const lookEvery = 20;

/** Speed and CPU time of one transfer. */
async function transfer(peer: Peer, meter: CpuMeter, load: Load): Promise<{ speed: number; cpu: number }> {
  meter.look();
  const before = meter.seconds;
  const looking = setInterval(() => meter.look(), lookEvery);
  const began = performance.now();
  await load.transfer(peer);
  const seconds = (performance.now() - began) / 1000;
  await pause(lastProcess);
  clearInterval(looking);
  meter.look();
  return { speed: load.amount / seconds, cpu: (meter.seconds - before) / load.perCpu };
}

async function measure(peers: readonly Peer[], load: Load): Promise<Map<Peer, { speed: number; cpu: number }>> {
  const taken = peers.map((peer) => ({ peer, meter: new CpuMeter(peer.pid), speed: [] as number[], cpu: [] as number[] }));
  for (let round = -1; round < runs; round++) {
    for (const { peer, meter, speed, cpu } of taken) {
      const measured = await transfer(peer, meter, load);
      // The first round warms up.
      if (round < 0) continue;
      speed.push(measured.speed);
      cpu.push(measured.cpu);
    }
  }
  return new Map(taken.map(({ peer, speed, cpu }) => [peer, { speed: median(speed), cpu: median(cpu) }]));
}

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
  for (const given of values.peer) {
    const [name = '', url = ''] = given.split(/=(.*)/s);
    peers.push({ name, url, pid: undefined, stop: async () => undefined });
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

async function main(kind: Kind): Promise<void> {
  const work = mkdtempSync(path.join(memory, 'causeway-bench-'));
  const peers: Peer[] = [];
  try {
    const load = makeLoad(kind, work);
    await startPeers(work, peers);
    for (const [index, node] of values.node.entries()) peers.push(await startOurs(work, node, index));
    if (kind === 'download') for (const { url } of peers) await curl('-T', path.join(work, 'bench.bin'), `${url}bench.bin`);
    const amount = kind === 'small' ? `${files} files of ${smallFile} bytes` : `${mib} MiB`;
    process.stdout.write(`${kind}, ${amount}, medians of ${runs} interleaved runs; load before ${loadavg()[0]?.toFixed(2)}\n`);
    const results = await measure(peers, load);
    const first = results.get(peers[0] as Peer);
    for (const [{ name }, { speed, cpu }] of results) {
      const ratio = (one: number, other: number | undefined) => `${(one / (other ?? Number.NaN)).toFixed(2)} x`;
      process.stdout.write(
        `${name.padEnd(26)} ${speed.toFixed(0).padStart(6)} ${load.speed}  ${ratio(speed, first?.speed).padStart(7)}   ${cpu.toFixed(2).padStart(6)} ${load.cpu}  ${ratio(cpu, first?.cpu).padStart(7)}\n`,
      );
    }
  } finally {
    for (const { stop } of peers) await stop();
    rmSync(work, { recursive: true, force: true });
  }
}

const [kind] = positionals;
if (kind === 'upload' || kind === 'download' || kind === 'small') {
  void main(kind);
} else {
  process.stderr.write(usage);
  process.exitCode = 2;
}
