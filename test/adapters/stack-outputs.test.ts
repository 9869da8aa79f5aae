import { createServer, type Server } from 'node:tls';
import { readServed } from '../../runtime/adapters/certificates/served';
import { readStackOutputs } from '../../runtime/adapters/stack-outputs';
import { makeCertificate } from '../support/certificates';

const clientOf = (answer: object | Error) => ({
  send: async () => {
    if (answer instanceof Error) throw answer;
    return answer;
  },
});

it('a stack tells its outputs by name', async () => {
  const answer = {
    Stacks: [
      {
        Outputs: [
          { OutputKey: 'Host', OutputValue: 'ftps.example.com' },
          { OutputKey: 'Table', OutputValue: 't' },
        ],
      },
    ],
  };
  expect([...(await readStackOutputs('causeway', undefined, clientOf(answer) as never))]).toEqual([
    ['Host', 'ftps.example.com'],
    ['Table', 't'],
  ]);
});

it('one without outputs tells nothing', async () => {
  expect((await readStackOutputs('causeway', undefined, clientOf({ Stacks: [{}] }) as never)).size).toBe(0);
});

it.each([
  [
    Object.assign(new Error("To refresh this SSO session run 'aws sso login'"), { name: 'CredentialsProviderError' }),
    "no credentials for AWS were found: To refresh this SSO session run 'aws sso login'",
  ],
  [new Error('Region is missing'), 'no region is set: use AWS_REGION'],
  [new Error('Stack with id causeway does not exist'), 'does not exist'],
])('%s is told in a line', async (error, text) => {
  await expect(readStackOutputs('causeway', undefined, clientOf(error) as never)).rejects.toThrow(`the stack causeway cannot be read: `);
  await expect(readStackOutputs('causeway', undefined, clientOf(error) as never)).rejects.toThrow(text);
});

describe('the certificate that a server shows', () => {
  let server: Server;

  afterEach(() => server.close());

  it('is read without being trusted', async () => {
    const { cert, key, fingerprint, notAfter } = await makeCertificate();
    server = createServer({ cert, key }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    expect(await readServed('127.0.0.1', port)).toMatchObject({ fingerprint, notAfter });
  });

  it('is not there where nobody answers', async () => {
    server = createServer({}).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    await expect(readServed('127.0.0.1', port)).rejects.toThrow('ECONNREFUSED');
  });
});
