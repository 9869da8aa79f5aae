import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import path from 'node:path';

/** Servers of other people, started for a test file on a free port and gone with it. What `install.sh` has put into the cache is all that is used. */
export interface RunningServer {
  readonly endpoint: string;
  stop(): Promise<void>;
}

export const cache = path.join(__dirname, '..', '..', '..', '.cache');

const startsWithin = 30_000;
const betweenLooks = 50;

export async function startServer(
  command: string,
  argumentsFor: (port: number) => readonly string[],
  scheme: 'http' | 'https' = 'http',
): Promise<RunningServer> {
  const port = await freePort();
  const endpoint = `${scheme}://127.0.0.1:${port}`;
  const child = spawn(command, argumentsFor(port), { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2_000);
  });
  const failed = new Promise<never>((_, reject) => child.once('error', reject));
  // Whoever waits for the start hears of it; later it is of no consequence.
  failed.catch(() => undefined);
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const stop = async () => {
    process.off('exit', kill);
    if (hasEnded() || child.pid === undefined) return;
    const gone = once(child, 'exit');
    kill();
    await gone;
  };
  for (const end = performance.now() + startsWithin; performance.now() < end && !hasEnded(); ) {
    // Any answer will do; a refused connection only means that it is not there yet.
    const answered = fetch(endpoint, { signal: AbortSignal.timeout(2_000) }).then(
      () => true,
      // A certificate that nobody vouches for has been shown by somebody.
      (error: Error) => scheme === 'https' && (error.cause as { code?: string } | undefined)?.code !== 'ECONNREFUSED',
    );
    if (await Promise.race([answered, failed])) return { endpoint, stop };
    await new Promise((resolve) => setTimeout(resolve, betweenLooks));
  }
  await stop();
  throw new Error(`${path.basename(command)} does not start: ${said}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
