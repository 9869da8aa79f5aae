import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

/** The real server as its own process, started the way an operator starts it, on free ports. */
export interface ServerProcess {
  readonly process: ChildProcess;
  readonly explicitPort: number;
  readonly implicitPort: number;
  /** As printed; undefined when the sheet says that it is unchanged. */
  readonly password: string | undefined;
  readonly certificate: string;
  readonly sheet: string;
  readonly log: () => string;
  /** Gives the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

const root = path.join(__dirname, '..', '..');
const startTimeout = 30_000;

export async function startProcess(
  data: string,
  environment: Record<string, string> = {},
  node = process.execPath,
): Promise<ServerProcess> {
  const child = spawn(node, ['--max-semi-space-size=8', path.join(root, 'dist/runtime/main.js')], {
    env: {
      PATH: process.env['PATH'],
      CAUSEWAY_DATA: data,
      CAUSEWAY_HOST: '127.0.0.1',
      CAUSEWAY_EXPLICIT_PORT: '0',
      CAUSEWAY_IMPLICIT_PORT: '0',
      CAUSEWAY_PASSIVE_PORTS: 'free:16',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let sheet = '';
  let log = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-200_000);
  });
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the server did not start: ${log}`)), startTimeout);
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${log}`)));
    child.stdout?.on('data', (chunk: Buffer) => {
      sheet += chunk.toString();
      if (!/lftp -e .*\n$/.test(sheet)) return;
      clearTimeout(timer);
      resolve();
    });
  });
  const port = (name: string) => Number(new RegExp(`${name} TLS: port (\\d+)`).exec(sheet)?.[1]);
  const password = /password: (\S+)/.exec(sheet)?.[1];
  return {
    process: child,
    explicitPort: port('explicit'),
    implicitPort: port('implicit'),
    password: password === 'unchanged' ? undefined : password,
    certificate: path.join(data, 'certificate.pem'),
    sheet,
    log: () => log,
    stop: async (signal = 'SIGTERM') => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const exited = once(child, 'exit') as Promise<[number | null]>;
      child.kill(signal);
      const [code] = await exited;
      return code;
    },
  };
}
