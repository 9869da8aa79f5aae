import { createServer as createHttpServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { buildCommandLine, explainError } from '../../runtime/cli';
import { type Config, readConfig } from '../../runtime/config/config';
import { describeDeployed } from '../../runtime/describe-connection';
import { makeCertificate } from '../support/certificates';
import { killAll, run } from './run-program';

/** Commands with --stack: AWS is a server here that tells the outputs of a stack and refuses everything else. */
const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});
afterAll(killAll);

async function listening(server: Server | ReturnType<typeof createTlsServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** @returns Environment of a command, and where the requests for outputs said that they go. */
async function aws(outputs: Readonly<Record<string, string>>) {
  const asked: string[] = [];
  const server = createHttpServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      if (!body.includes('DescribeStacks')) {
        response.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' });
        response.end('{"__type":"com.amazon.coral.service#AccessDeniedException","message":"refused"}');
        return;
      }
      asked.push(String(request.headers.authorization));
      const members = Object.entries(outputs).map(
        ([key, value]) => `<member><OutputKey>${key}</OutputKey><OutputValue>${value}</OutputValue></member>`,
      );
      const stack = `<member><StackName>causeway</StackName><StackStatus>CREATE_COMPLETE</StackStatus><CreationTime>2026-11-25T09:30:00Z</CreationTime><Outputs>${members.join('')}</Outputs></member>`;
      response.writeHead(200, { 'content-type': 'text/xml' });
      response.end(
        `<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks>${stack}</Stacks></DescribeStacksResult></DescribeStacksResponse>`,
      );
    });
  });
  const endpoint = `http://127.0.0.1:${await listening(server)}`;
  return { asked, environment: { AWS_ENDPOINT_URL: endpoint, AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' } };
}

const outputs = {
  Host: '127.0.0.1',
  ExplicitPort: '21',
  ImplicitPort: '990',
  PassivePorts: '8192-8239',
  Region: 'eu-north-1',
  Bucket: 'files',
  Table: 'table',
};

it('doctor --stack looks at what is deployed: the certificate that it shows, and no port of this machine', async () => {
  const { cert, key, fingerprint } = await makeCertificate();
  const shown = await listening(createTlsServer({ cert, key }));
  const { environment } = await aws({ ...outputs, ImplicitPort: String(shown) });
  const { code, out } = await run('cli.ts', ['--stack', 'causeway', 'doctor', '--json'], { ...environment, AWS_REGION: 'eu-north-1' });
  const findings = JSON.parse(out) as { level: string; subject: string; text: string }[];
  expect(code).toBe(1);
  expect(findings.map(({ subject }) => subject.replace(/ .*/, '')).sort()).toEqual(['bucket', 'certificate', 'table']);
  expect(findings.find(({ subject }) => subject === 'certificate of 127.0.0.1')).toMatchObject({
    level: 'good',
    text: expect.stringContaining(fingerprint.slice(0, 23)),
  });
}, 60_000);

it('the region may have the name that the aws command line knows', async () => {
  const { environment, asked } = await aws({});
  const { code, err } = await run('cli.ts', ['--stack', 'causeway', 'partner', 'list'], {
    ...environment,
    AWS_DEFAULT_REGION: 'eu-north-1',
  });
  expect(asked).toEqual([expect.stringContaining('/eu-north-1/cloudformation/')]);
  expect({ code, err }).toEqual({
    code: 1,
    err: 'causeway: the stack causeway has no output Bucket: is it one of Causeway? In an app of your own, addOutputs() of the construct makes them\n',
  });
}, 60_000);

it('serve --stack is wrong usage: no server is started here', async () => {
  const error = await buildCommandLine()
    .parseAsync(['node', 'causeway', 'serve', '--stack', 'causeway'])
    .catch((reason: unknown) => reason);
  expect(explainError(error)).toEqual({
    code: 2,
    text: 'causeway: serve runs a server here; --stack is for one that cdk deploy has made, which runs already\n',
  });
});

it('a host that shows nobody its certificate is described all the same, without it', async () => {
  const port = await listening(createTlsServer({}));
  for (const close of closers.splice(0)) close();
  const config = readConfig({ CAUSEWAY_IMPLICIT_PORT: String(port) }, 2 ** 31) as Config;
  expect(await describeDeployed(config, '127.0.0.1', 'causeway')).toMatchObject({
    host: '127.0.0.1',
    stack: 'causeway',
    implicitPort: port,
    fingerprint: undefined,
    unseen: expect.stringContaining(`127.0.0.1 does not show its certificate on port ${port}`),
  });
});
