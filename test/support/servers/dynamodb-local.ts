import { existsSync } from 'node:fs';
import path from 'node:path';
import { cache, type RunningServer, startServer } from './start-server';

/** DynamoDB Local, AWS's own: `test/support/servers/install.sh dynamodb-local` gets it, Java 17 runs it. In memory. */
const folder = path.join(cache, 'dynamodb-local');
const lib = path.join(folder, 'lib');

export const hasDynamodbLocal = (): boolean => existsSync(path.join(folder, 'version'));

export function startDynamodbLocal(): Promise<RunningServer> {
  return startServer('java', (port) => [
    // One of many processes on the machine of a test: small, and quick to start.
    ...['-Xmx512m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', `-Djava.library.path=${lib}`, '-cp', path.join(lib, '*')],
    ...['com.amazonaws.services.dynamodbv2.local.main.ServerRunner', '-inMemory', '-port', String(port), '-disableTelemetry'],
  ]);
}
