import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { checkQueue } from '../../runtime/adapters/bucket-events/queue';
import { SqsHintSource } from '../../runtime/adapters/bucket-events/sqs-hint-source';

/** A queue on a server of one's own, with nothing in the environment that names a region. */
interface Answer {
  readonly status: number;
  readonly body: object;
}

let server: Server;
let answer: Answer;
const seen: { readonly operation: string; readonly signedFor: string }[] = [];
const before = { ...process.env };

beforeEach(async () => {
  for (const name of ['AWS_REGION', 'AWS_DEFAULT_REGION', 'AWS_PROFILE']) delete process.env[name];
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b', AWS_CONFIG_FILE: '/dev/null' });
  seen.length = 0;
  answer = { status: 200, body: {} };
  server = createServer((request, response) => {
    const operation = String(request.headers['x-amz-target']).replace(/^.*\./, '');
    const [, region = ''] = /Credential=a\/\d+\/([^/]+)\/sqs/.exec(request.headers.authorization ?? '') ?? [];
    seen.push({ operation, signedFor: region });
    request.resume();
    response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(answer.body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(async () => {
  process.env = { ...before };
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

const queueUrl = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/123456789012/events`;

it.each([
  [undefined, 'us-east-1'],
  ['eu-west-1', 'eu-west-1'],
])('its events are asked for where no region but %s is given', async (region, signedFor) => {
  answer = { status: 200, body: { Messages: [] } };
  const source = new SqsHintSource({ queueUrl: queueUrl(), bucket: 'files', ...(region !== undefined && { region }) });
  expect(await source.next(new AbortController().signal)).toEqual([]);
  source.close();
  expect(seen).toEqual([{ operation: 'ReceiveMessage', signedFor }]);
});

it.each([
  ['https://sqs.eu-central-1.amazonaws.com/1/q', 'us-east-1', 'eu-central-1'],
  ['https://vpce-1.sqs.eu-north-1.vpce.amazonaws.com/1/q', undefined, 'eu-north-1'],
  ['https://sqs.cn-north-1.amazonaws.com.cn/1/q', undefined, 'cn-north-1'],
  ['https://queue.amazonaws.com/1/q', 'eu-west-3', 'eu-west-3'],
])('%s is asked in its own region, whatever that of the bucket is', async (url, region, expected) => {
  const source = new SqsHintSource({ queueUrl: url, bucket: 'files', region });
  const { client } = source as unknown as { client: { config: { region(): Promise<string> } } };
  expect(await client.config.region()).toBe(expected);
  source.close();
});

it.each<[string, Answer, object]>([
  [
    'is there',
    { status: 200, body: { Attributes: { ApproximateNumberOfMessages: '3' } } },
    { level: 'good', text: 'is there; about 3 events wait' },
  ],
  [
    'is not there',
    { status: 400, body: { __type: 'com.amazonaws.sqs#QueueDoesNotExist', message: 'no' } },
    { level: 'problem', text: 'there is no such queue: check CAUSEWAY_BUCKET_EVENTS' },
  ],
  [
    'may only be received from',
    { status: 403, body: { __type: 'com.amazon.coral.service#AccessDeniedException', message: 'no' } },
    { level: 'note', text: 'cannot be looked at: no right sqs:GetQueueAttributes' },
  ],
  [
    'is not open to these keys',
    { status: 403, body: { __type: 'com.amazon.coral.service#InvalidClientTokenId', message: 'the token\nis not valid' } },
    { level: 'problem', text: 'cannot be used: the token' },
  ],
])('a queue that %s is told as that, and nothing is taken from it', async (_, given, expected) => {
  answer = given;
  expect(await checkQueue({ queueUrl: queueUrl() })).toEqual(expected);
  expect(new Set(seen.map(({ operation }) => operation))).toEqual(new Set(['GetQueueAttributes']));
});
