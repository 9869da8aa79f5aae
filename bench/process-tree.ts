import { readdirSync, readFileSync } from 'node:fs';

/**
 * CPU time of a server and of everything it starts, from `/proc`: user and system. A process a session makes it a matter of watching: what has ended and was
 * waited for is in its parent's count of children; what nobody waited for (vsftpd's workers) is known only from the last look, so looks must be many.
 */
const ticksPerSecond = 100;

interface Seen {
  readonly parent: number;
  /** Its own. */
  readonly own: number;
  /** Of the children that it has waited for, and of theirs. */
  readonly waitedFor: number;
}

export class CpuMeter {
  private readonly seen = new Map<number, Seen>();
  private readonly gone = new Set<number>();

  /** @param root Undefined: a server that was not started here; its time is not known. */
  constructor(private readonly root: number | undefined) {}

  look(): void {
    if (this.root === undefined) return;
    const now = readProcesses();
    for (const pid of this.seen.keys()) if (!now.has(pid)) this.gone.add(pid);
    for (let grown = true; grown; ) {
      grown = false;
      for (const [pid, found] of now) {
        const belongs = pid === this.root || this.seen.has(pid) || this.seen.has(found.parent);
        if (!belongs) continue;
        grown ||= !this.seen.has(pid);
        // Whose child it was counts: the parent may have gone since.
        this.seen.set(pid, { ...found, parent: this.seen.get(pid)?.parent ?? found.parent });
      }
    }
  }

  /** Seconds so far, as of the last look. */
  get seconds(): number {
    if (this.root === undefined) return Number.NaN;
    const ended = new Map<number, number>();
    let sum = 0;
    for (const [pid, { parent, own, waitedFor }] of this.seen) {
      sum += own;
      if (this.gone.has(pid)) ended.set(parent, (ended.get(parent) ?? 0) + own + waitedFor);
    }
    // What a parent has waited for and no look has seen.
    for (const [pid, { waitedFor }] of this.seen) sum += Math.max(0, waitedFor - (ended.get(pid) ?? 0));
    return sum;
  }
}

function readProcesses(): Map<number, Seen> {
  const processes = new Map<number, Seen>();
  for (const name of readdirSync('/proc')) {
    const found = /^\d+$/.test(name) ? readProcess(name) : undefined;
    if (found) processes.set(Number(name), found);
  }
  return processes;
}

/** proc(5): 4 parent, 14 utime, 15 stime, 16 cutime, 17 cstime. */
function readProcess(name: string): Seen | undefined {
  let line: string;
  try {
    line = readFileSync(`/proc/${name}/stat`, 'utf8');
  } catch {
    // Ended between the two looks.
    return undefined;
  }
  // The name of the program is in parentheses and may hold anything.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const seconds = (index: number) => (Number(fields[index]) + Number(fields[index + 1])) / ticksPerSecond;
  return { parent: Number(fields[1]), own: seconds(11), waitedFor: seconds(13) };
}
