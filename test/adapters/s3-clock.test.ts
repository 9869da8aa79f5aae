import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { randomIds } from '../../runtime/adapters/random-ids';
import { RetryBudget, once as sendOnce } from '../../runtime/adapters/s3/attempts';
import type { Bucket } from '../../runtime/adapters/s3/bucket';
import { type Connection, connect } from '../../runtime/adapters/s3/client';
import { look } from '../../runtime/adapters/s3/look';
import { quietLog } from '../support/filesystem';
import { IdleClock } from '../support/idle-clock';

/** A machine that stood still and whose clock has not been set since: the store refuses what was signed twenty minutes ago, and says what time it is. */
const ahead = 20 * 60_000;
const mostSkew = 15 * 60_000;

/** As a store does, for every request of its own; to HEAD without a word of why. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  const now = Date.now() + ahead;
  const [, day, time] = /^(\d{8})T(\d{6})Z$/.exec(String(request.headers['x-amz-date'])) ?? [];
  const signed = Date.parse(`${day}T${time}Z`.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)/, '$1-$2-$3T$4:$5:'));
  response.setHeader('date', new Date(now).toUTCString());
  if (now - signed <= mostSkew) {
    response.writeHead(request.method === 'HEAD' ? 200 : 204, { etag: '"found"' }).end();
    return;
  }
  const text = `<Error><Code>RequestTimeTooSkewed</Code><Message>late</Message><ServerTime>${new Date(now).toISOString()}</ServerTime></Error>`;
  response.writeHead(403, { 'content-type': 'application/xml' }).end(request.method === 'HEAD' ? undefined : text);
}

describe('a store whose clock is twenty minutes ahead of this machine', () => {
  const server = createServer(answer);
  let connection: Connection;
  let bucket: Bucket;

  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });

  beforeEach(() => {
    const { port } = server.address() as AddressInfo;
    const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
    connection = connect({ endpoint: `http://127.0.0.1:${port}`, region: 'us-east-1', credentials });
    const { send, renewCredentials } = connection;
    const surroundings = { clock: new IdleClock(), ids: randomIds, log: quietLog, budget: new RetryBudget() };
    bucket = { ...surroundings, name: 'files', keyPrefix: '', send, renewCredentials } as unknown as Bucket;
  });

  afterEach(() => connection.close());

  afterAll(() => {
    server.close();
  });

  it('is asked again with the time that it tells', async () => {
    const request = () => bucket.send(new DeleteObjectCommand({ Bucket: 'files', Key: 'a' }));
    expect(await sendOnce(bucket, request)).toBeDefined();
  });

  it('and so is one that does not say why it refuses', async () => {
    expect(await look(bucket, 'a')).toMatchObject({ version: 'found' });
  });
});
