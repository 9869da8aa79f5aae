import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';

/** What the system says of processes, of its last start, and of the memory that is ours. */

/** When the process started, in the system's own terms; undefined when there is none, empty where it cannot be told. */
export function startedOf(pid: number): string | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field, the command, may hold spaces and parentheses.
    return line.slice(line.lastIndexOf(')') + 2).split(' ')[19];
  } catch (error) {
    if (process.platform === 'linux' && ['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
  }
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      timeout: 5_000,
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    // `ps` ends with 1 when there is no such process.
    return undefined;
  }
}

/** Changes when the machine starts; undefined where the system does not tell. */
export function bootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    // macOS has it elsewhere.
  }
  try {
    return execFileSync('sysctl', ['-n', 'kern.boottime'], {
      encoding: 'utf8',
      timeout: 5_000,
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return undefined;
  }
}

/** Bytes: physical memory, or the container's limit where that is less. */
export function availableMemory(): number {
  const limits = ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes'].map((file) => {
    try {
      return Number(readFileSync(file, 'utf8').trim());
    } catch {
      // Not in a container, or the other version of cgroups.
      return Number.NaN;
    }
  });
  return Math.min(totalmem(), ...limits.filter((limit) => limit > 0));
}
