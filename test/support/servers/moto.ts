import { existsSync } from 'node:fs';
import path from 'node:path';
import { cache, type RunningServer, startServer } from './start-server';

/** moto: S3, DynamoDB and more in Python, in memory: `test/support/servers/install.sh moto` gets it. */
const folder = path.join(cache, 'moto');

export const hasMoto = (): boolean => existsSync(path.join(folder, 'version'));

export function startMoto(): Promise<RunningServer> {
  return startServer(path.join(folder, 'bin', 'moto_server'), (port) => ['-H', '127.0.0.1', '-p', String(port)]);
}
