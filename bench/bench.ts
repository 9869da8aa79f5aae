import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { startProcess } from '../test/support/server-process';
import { type Peer, startVsftpd } from './vsftpd';

/**
 * One file, one connection, the same curl against every server, runs interleaved, the stores on tmpfs: MB/s and the server's CPU seconds per GiB, medians, and
 * the ratio to the first peer. Single numbers move by a quarter between runs on a shared machine; the ratios of one run are what counts.
 *
 *   npm run bench -- upload [--mib 512] [--runs 5] [--peer NAME=URL]…
 *
 * URL holds the credentials and ends in a folder that may be written, such as ftp://user:password@localhost:2100/
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    mib: { type: 'string', default: '512' },
    runs: { type: 'string', default: '5' },
    peer: { type: 'string', multiple: true, default: [] },
  },
});
const direction = positionals[0];
if (direction !== 'upload' && direction !== 'download') {
  process.stderr.write('usage: npm run bench -- upload|download [--mib N] [--runs N] [--peer NAME=URL]\n');
  process.exit(2);
}
const mib = Number(values.mib);
const runs = Number(values.runs);
const memory = existsSync('/dev/shm') ? '/dev/shm' : '/tmp';

/** User and system seconds of a process and of its children that have ended. */
function cpuSeconds(pid: number | undefined): number {
  if (pid === undefined) return Number.NaN;
  const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = line
    .slice(line.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  return [11, 12, 13, 14].reduce((sum, index) => sum + (fields[index] ?? 0), 0) / 100;
}

function transfer(peer: Peer, file: string): number {
  const began = performance.now();
  const target = direction === 'upload' ? ['-T', file, `${peer.url}bench.bin`] : ['-o', '/dev/null', `${peer.url}bench.bin`];
  execFileSync('curl', ['-sS', '-k', '-m', '300', '--ssl-reqd', ...target], { stdio: ['ignore', 'ignore', 'inherit'] });
  return (performance.now() - began) / 1000;
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

async function main(): Promise<void> {
  const work = mkdtempSync(path.join(memory, 'causeway-bench-'));
  const stops: (() => Promise<unknown>)[] = [];
  try {
    const file = path.join(work, 'bench.bin');
    writeFileSync(file, '');
    truncateSync(file, mib * 1024 * 1024);
    const peers: Peer[] = [];
    const vsftpd = await startVsftpd(path.join(work, 'vsftpd'));
    if (vsftpd) {
      peers.push(vsftpd);
      stops.push(vsftpd.stop);
    } else {
      process.stdout.write('vsftpd is not installed: no peer of that name (apt-get install vsftpd)\n');
    }
    for (const given of values.peer) {
      const [name = '', url = ''] = given.split(/=(.*)/s);
      peers.push({ name, url, pid: undefined, stop: async () => undefined });
    }
    const server = await startProcess(path.join(work, 'causeway'), { CAUSEWAY_LOG_LEVEL: 'warn' });
    stops.push(() => server.stop());
    peers.push({
      name: `causeway (Node ${process.version})`,
      url: `ftp://demo:${server.password}@localhost:${server.explicitPort}/`,
      pid: server.process.pid,
      stop: () => server.stop(),
    });

    const results = new Map<Peer, { speed: number[]; cpu: number[] }>(peers.map((peer) => [peer, { speed: [], cpu: [] }]));
    if (direction === 'download')
      for (const peer of peers) execFileSync('curl', ['-sS', '-k', '-m', '300', '--ssl-reqd', '-T', file, `${peer.url}bench.bin`]);
    for (let run = -1; run < runs; run++) {
      for (const peer of peers) {
        const before = cpuSeconds(peer.pid);
        const seconds = transfer(peer, file);
        // The first round warms up.
        if (run < 0) continue;
        results.get(peer)?.speed.push((mib * 1.048576) / seconds);
        results.get(peer)?.cpu.push(((cpuSeconds(peer.pid) - before) * 1024) / mib);
      }
    }
    const reference = median(results.get(peers[0] as Peer)?.speed ?? []);
    process.stdout.write(`${direction}, ${mib} MiB, medians of ${runs} interleaved runs\n`);
    for (const [{ name }, { speed, cpu }] of results) {
      const rate = median(speed);
      process.stdout.write(
        `${name.padEnd(28)} ${rate.toFixed(0).padStart(6)} MB/s  ${median(cpu).toFixed(2).padStart(6)} CPU s/GiB  ${(rate / reference).toFixed(2)} x\n`,
      );
    }
  } finally {
    for (const stop of stops) await stop();
    rmSync(work, { recursive: true, force: true });
  }
}

void main();
