import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { buildSync } from 'esbuild';

/** The two programs as their own processes, from their sources, as an operator's shell runs them: exit codes and signals show only there. */
const root = path.join(__dirname, '..', '..');
const sources = path.join(root, 'runtime');
const timeout = 40_000;

/** Compiled once for a test file, within the project so that packages are found: a process that compiles for itself starts in a second instead of a third of one. */
let compiled: string | undefined;

function compile(): string {
  const cache = path.join(root, '.cache');
  mkdirSync(cache, { recursive: true });
  const outdir = mkdtempSync(path.join(cache, 'programs-'));
  const files = readdirSync(sources, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const entryPoints = files.map((name) => path.join(sources, name));
  buildSync({ entryPoints, outdir, outbase: sources, format: 'cjs', platform: 'node', target: 'node20', logLevel: 'error' });
  return outdir;
}

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

/** For `afterAll`: nothing is left behind, also by a test that failed in the middle. */
export function killAll(): void {
  for (const child of running) child.kill('SIGKILL');
  if (compiled !== undefined) rmSync(compiled, { recursive: true, force: true });
  compiled = undefined;
}

export function start(
  program: 'main.ts' | 'cli.ts',
  args: readonly string[],
  environment: Record<string, string>,
  input?: string,
): Running {
  compiled ??= compile();
  const child = spawn(process.execPath, [path.join(compiled, program.replace('.ts', '.js')), ...args], {
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
