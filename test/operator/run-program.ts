import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';

/** The two programs as their own processes, from their sources, as an operator's shell runs them: exit codes and signals show only there. */
const runtime = path.join(__dirname, '..', '..', 'runtime');
const timeout = 40_000;

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Running {
  readonly process: ChildProcess;
  readonly out: () => string;
  readonly err: () => string;
  /** Resolves when either output matches; rejects when the program ends first. */
  until(pattern: RegExp): Promise<void>;
  readonly ended: Promise<Ended>;
}

const running = new Set<ChildProcess>();

/** For `afterAll`: a test that failed in the middle leaves nothing behind. */
export function killAll(): void {
  for (const child of running) child.kill('SIGKILL');
}

export function start(
  program: 'main.ts' | 'cli.ts',
  args: readonly string[],
  environment: Record<string, string>,
  input?: string,
): Running {
  const child = spawn(process.execPath, ['--import', 'tsx', path.join(runtime, program), ...args], {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout,
    killSignal: 'SIGKILL',
  });
  running.add(child);
  child.stdin.end(input ?? '');
  let out = '';
  let err = '';
  const watchers = new Set<() => void>();
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    for (const look of watchers) look();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
    for (const look of watchers) look();
  });
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code) => {
      running.delete(child);
      resolve({ code, out, err });
    });
  });
  return {
    process: child,
    out: () => out,
    err: () => err,
    ended,
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!pattern.test(out) && !pattern.test(err)) return;
          watchers.delete(look);
          resolve();
        };
        watchers.add(look);
        look();
        void ended.then(({ code }) => reject(new Error(`ended with ${code} before ${pattern}: ${err}`)));
      }),
  };
}

/** Runs to the end. */
export function run(
  program: 'main.ts' | 'cli.ts',
  args: readonly string[],
  environment: Record<string, string>,
  input?: string,
): Promise<Ended> {
  return start(program, args, environment, input).ended;
}
