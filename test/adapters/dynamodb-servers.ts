import { hasDynamodbLocal, startDynamodbLocal } from '../support/servers/dynamodb-local';
import { hasMoto, startMoto } from '../support/servers/moto';
import type { RunningServer } from '../support/servers/start-server';

/** A suite on a server that somebody else wrote, started for it and stopped after it. */
export interface TestedServer {
  readonly name: string;
  readonly installed: () => boolean;
  readonly start: () => Promise<RunningServer>;
}

export const dynamodbLocal: TestedServer = { name: 'dynamodb-local', installed: hasDynamodbLocal, start: startDynamodbLocal };
export const moto: TestedServer = { name: 'moto', installed: hasMoto, start: startMoto };

/** Where the server is missing, one test says so: it fails in CI, where nothing may be left out. */
export function describeOn({ name, installed, start }: TestedServer, suite: (server: () => RunningServer) => void): void {
  describe(`on ${name}`, () => {
    if (!installed()) {
      it('is not run: the server is not installed', () => {
        const hint = `${name} is not installed, its suites were not run: test/support/servers/install.sh ${name}`;
        if (process.env['CI'] === 'true') throw new Error(hint);
        console.warn(hint);
      });
      return;
    }
    let running: RunningServer;
    beforeAll(async () => {
      running = await start();
    }, 40_000);
    afterAll(() => running?.stop());
    suite(() => running);
  });
}
