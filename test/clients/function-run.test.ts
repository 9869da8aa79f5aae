import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { build } from 'esbuild';
import { functionAliases } from '../../lib/event-function';
import { grantsOf, missing, unused } from '../infrastructure/granted';
import { synthesize } from '../infrastructure/synthesize';
import { resolve, resourcesOf, statementsOf } from '../infrastructure/template';
import { type Deployed, deploy } from '../support/deployed';
import { describeFleet } from '../support/fleet-fixture';

/** The function that follows the bucket's events: bundled into one file as the stack does, started with its environment, and with no more rights than it uses. */
const run = promisify(execFile);

describeFleet('the function of the bucket events, as the template has it', () => {
  const template = synthesize();
  const found = resourcesOf(template, 'AWS::Lambda::Function').find(({ Properties }) => 'CAUSEWAY_TABLE' in variablesOf(Properties));
  if (!found) throw new Error('the template has no function that knows the table');
  const { Properties } = found;
  const work = mkdtempSync(path.join(tmpdir(), 'causeway-function-'));
  const script = path.join(work, 'index.js');
  let deployed: Deployed;

  beforeAll(async () => {
    await build({
      entryPoints: [path.join(__dirname, '..', '..', 'runtime', 'index-sync.ts')],
      bundle: true,
      platform: 'node',
      target: 'node20',
      outfile: script,
      alias: functionAliases,
      logLevel: 'error',
    });
    deployed = await deploy(template, () => '127.0.0.1');
  }, 120_000);
  afterAll(async () => {
    await deployed.stop();
    rmSync(work, { recursive: true, force: true });
  });

  /** As EventBridge puts it into the queue. */
  function record(messageId: string, type: string, key: string) {
    const detail = { version: '0', bucket: { name: deployed.bucket }, object: { key, size: 5, sequencer: '00' }, reason: 'PutObject' };
    return { messageId, body: JSON.stringify({ version: '0', source: 'aws.s3', 'detail-type': type, detail }) };
  }

  async function call(...records: ReturnType<typeof record>[]): Promise<unknown> {
    const event = path.join(work, 'event.json');
    writeFileSync(event, JSON.stringify({ Records: records }));
    const code = `require(${JSON.stringify(script)}).handler(require(${JSON.stringify(event)})).then((result) => { process.stderr.write(JSON.stringify(result)); process.exit(0); })`;
    const environment = Object.fromEntries(
      Object.entries(variablesOf(Properties)).map(([name, value]) => [name, resolve(value, deployed.known)]),
    );
    const { stderr } = await run(process.execPath, ['-e', code], {
      timeout: 60_000,
      env: { ...environment, ...deployed.settings, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    });
    return JSON.parse(stderr);
  }

  it('loads, and makes the index equal to what others put and take', async () => {
    const { client, bucket: Bucket } = deployed;
    await client.send(new PutObjectCommand({ Bucket, Key: 'acme/in/placed', Body: 'hello' }));
    await client.send(new PutObjectCommand({ Bucket, Key: 'acme/gone', Body: 'hello' }));
    await client.send(new DeleteObjectCommand({ Bucket, Key: 'acme/gone' }));
    expect(await call(record('1', 'Object Created', 'acme/in/placed'), record('2', 'Object Deleted', 'acme/gone'))).toEqual({
      batchItemFailures: [],
    });
    await client.send(new DeleteObjectCommand({ Bucket, Key: 'acme/in/placed' }));
    expect(await call(record('3', 'Object Deleted', 'acme/in/placed'))).toEqual({ batchItemFailures: [] });
  }, 120_000);

  it('has the rights that it uses, and those that it needs for what a test cannot bring about', () => {
    const role = (Properties['Role'] as { 'Fn::GetAtt': [string, string] })['Fn::GetAtt'][0];
    const statements = statementsOf(template, role);
    const grants = grantsOf(statements, deployed.known);
    const calls = [...deployed.objects.calls, ...deployed.index.calls];
    expect(missing(grants, calls, deployed.arns)).toEqual([]);
    expect(
      unused(grants, calls, deployed.arns, {
        'logs:CreateLogStream': 'by the platform, for what is printed',
        'logs:PutLogEvents': 'by the platform, for what is printed',
        'sqs:ReceiveMessage': 'by the platform, which calls the function',
        'sqs:ChangeMessageVisibility': 'by the platform, which calls the function',
        'sqs:GetQueueUrl': 'by the platform, which calls the function',
        'sqs:DeleteMessage': 'by the platform, which calls the function',
        'sqs:GetQueueAttributes': 'by the platform, which calls the function',
        's3:DeleteObject': 'a late duplicate of an upload of ours is taken away',
        's3:ListBucketVersions': 'which of two versions is the later one, when they came at once',
        's3:GetObjectVersion': 'a version that is not the current one any more',
      }),
    ).toEqual([]);
  });
});

function variablesOf(properties: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return (properties['Environment'] as { Variables?: Record<string, unknown> } | undefined)?.Variables ?? {};
}
