import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Peer } from './peer';
import { CpuMeter } from './process-tree';

/** Measures one load against several servers, in turns, and prints the medians beside their ratios to the first server. */
export interface Load {
  readonly title: string;
  readonly transfer: (peer: Peer) => Promise<unknown>;
  /** Before the first measured round, uncounted. */
  readonly prepare?: (peer: Peer) => Promise<unknown>;
  /** What one transfer amounts to, in the units of the two columns. */
  readonly amount: number;
  readonly speed: string;
  readonly perCpu: number;
  readonly cpu: string;
}

export interface Figures {
  readonly speed: number;
  readonly cpu: number;
  /** Largest resident size of the server's process meanwhile, MB. */
  readonly memory: number;
}

const median = (numbers: readonly number[]): number => [...numbers].sort((one, other) => one - other)[numbers.length >> 1] ?? Number.NaN;

/** What a process a session leaves behind is waited for by its parent a moment later. */
const lastProcess = 200;
const lookEvery = 20;

async function transfer(peer: Peer, meter: CpuMeter, load: Load): Promise<Figures> {
  forgetPeak(peer.pid);
  meter.look();
  const before = meter.seconds;
  const looking = setInterval(() => meter.look(), lookEvery);
  const began = performance.now();
  try {
    await load.transfer(peer);
  } finally {
    clearInterval(looking);
  }
  const seconds = (performance.now() - began) / 1000;
  await pause(lastProcess);
  meter.look();
  return { speed: load.amount / seconds, cpu: (meter.seconds - before) / load.perCpu, memory: peakOf(peer.pid) };
}

export async function measure(peers: readonly Peer[], load: Load, runs: number): Promise<Map<Peer, Figures>> {
  for (const peer of peers) await load.prepare?.(peer);
  const taken = peers.map((peer) => ({ peer, meter: new CpuMeter(peer.pid), figures: [] as Figures[] }));
  for (let round = -1; round < runs; round++) {
    for (const { peer, meter, figures } of taken) {
      const measured = await transfer(peer, meter, load);
      // The first round warms up.
      if (round >= 0) figures.push(measured);
    }
  }
  const middle = (figures: readonly Figures[], which: keyof Figures) => median(figures.map((each) => each[which]));
  return new Map(
    taken.map(({ peer, figures }) => [
      peer,
      { speed: middle(figures, 'speed'), cpu: middle(figures, 'cpu'), memory: Math.max(...figures.map(({ memory }) => memory)) },
    ]),
  );
}

export function tableOf(load: Load, results: ReadonlyMap<Peer, Figures>): string {
  const first = [...results.values()][0];
  const ratio = (one: number, other: number | undefined) => `${(one / (other ?? Number.NaN)).toFixed(2)} x`.padStart(8);
  return [...results]
    .map(([{ name }, { speed, cpu, memory }]) => {
      const told = [speed.toFixed(speed < 10 ? 2 : 0).padStart(7), load.speed, ratio(speed, first?.speed), '  '];
      const spent = [cpu.toFixed(2).padStart(6), load.cpu, ratio(cpu, first?.cpu), memory > 0 ? `   ${memory.toFixed(0)} MB` : ''];
      return `${name.padEnd(34)} ${[...told, ...spent].join(' ')}\n`;
    })
    .join('');
}

/** proc(5): writing 5 to `clear_refs` sets the peak to what is resident now. */
function forgetPeak(pid: number | undefined): void {
  if (pid !== undefined) writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

function peakOf(pid: number | undefined): number {
  if (pid === undefined) return 0;
  const kilobytes = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes ?? 0) / 1024;
}
