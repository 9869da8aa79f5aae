import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import { ContainerImage } from 'aws-cdk-lib/aws-ecs';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { Causeway } from '../../lib/causeway';
import { deployedBy } from '../../runtime/open-stack';
import { onlyResource, resourcesOf, statementsOf, type Template } from './template';

/** The bridge inside somebody else's app. */
const folder = mkdtempSync(join(tmpdir(), 'causeway-construct-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function make(use: (causeway: Causeway, stack: Stack) => void): Template {
  const app = new App({
    outdir: folder,
    context: { 'aws:cdk:bundling-stacks': [] },
    stackTraces: false,
  });
  const stack = new Stack(app, 'theirs');
  const causeway = new Causeway(stack, 'Ftps', {
    settings: { hostName: 'ftps.example.com', encryption: 'kms' },
    image: ContainerImage.fromRegistry('registry.example.com/causeway:1'),
    indexSyncEntry: join(__dirname, 'fixture', 'index-sync.ts'),
  });
  use(causeway, stack);
  return app.synth().getStackByName('theirs').template as Template;
}

const roleNames = ['Reader', 'Consumer', 'Placer', 'Operator'];
const template = make((causeway, stack) => {
  const [reader, consumer, placer, operator] = roleNames.map(
    (name) => new Role(stack, name, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') }),
  );
  causeway.grantRead(reader as Role);
  causeway.grantConsume(consumer as Role);
  causeway.grantPlace(placer as Role);
  causeway.grantOperate(operator as Role);
  causeway.addOutputs();
  causeway.onFileChange('Readable', { prefix: 'acme/', target: new SqsQueue(new Queue(stack, 'Inbox')) });
  causeway.onFileChange('Gone', { types: ['removed', 'moved'] });
  new Alarm(stack, 'TheirAlarm', { metric: causeway.metricFailedUploads(), threshold: 1, evaluationPeriods: 1 });
});

const actionsOf = (name: string) => {
  const role = resourcesOf(template, 'AWS::IAM::Role').find(({ id }) => id.startsWith(name))?.id as string;
  return statementsOf(template, role)
    .flatMap(({ Action }) => Action)
    .sort();
};

describe('grants', () => {
  it.each([
    ['Reader', ['kms:Decrypt', 's3:GetObject', 's3:GetObjectVersion', 's3:ListBucket']],
    ['Consumer', ['kms:Decrypt', 's3:DeleteObject', 's3:GetObject', 's3:GetObjectVersion', 's3:ListBucket']],
    ['Placer', ['kms:Decrypt', 'kms:GenerateDataKey', 's3:AbortMultipartUpload', 's3:PutObject']],
  ])('give a %s this and no more', (name, actions) => {
    expect(actionsOf(name)).toEqual(actions);
  });

  it('give an operator what tasks may, the look at every row, and the outputs of the stack', () => {
    const task = (onlyResource(template, 'AWS::ECS::TaskDefinition').Properties['TaskRoleArn'] as { 'Fn::GetAtt': [string, string] })[
      'Fn::GetAtt'
    ][0];
    const own = statementsOf(template, task).flatMap(({ Action }) => Action);
    const ofTasksOnly = ['acm:ExportCertificate', 'ecs:GetTaskProtection', 'ecs:UpdateTaskProtection'];
    expect(actionsOf('Operator')).toEqual(
      [...own.filter((action) => !ofTasksOnly.includes(action)), 'dynamodb:Scan', 'cloudformation:DescribeStacks'].sort(),
    );
  });
});

describe('the command line', () => {
  it('finds a bridge in the stack of somebody else by the outputs that it needs, and its user may read them', () => {
    const written = Object.keys(template.Outputs ?? {});
    const outputs = new Map(written.map((name) => [name, name.endsWith('Port') ? '21' : '1-2']));
    expect(deployedBy('theirs', outputs)).toMatchObject({ host: '1-2', settings: { CAUSEWAY_EXPLICIT_PORT: '21', CAUSEWAY_TABLE: '1-2' } });
    const operator = resourcesOf(template, 'AWS::IAM::Role').find(({ id }) => id.startsWith('Operator'))?.id as string;
    const reading = statementsOf(template, operator).filter(({ Action }) => [Action].flat().includes('cloudformation:DescribeStacks'));
    expect(reading.map(({ Resource }) => Resource)).toEqual([{ Ref: 'AWS::StackId' }]);
  });
});

it('one role may have every grant, of two bridges too: no statement has a Sid that another one has', () => {
  const app = new App({ outdir: folder, context: { 'aws:cdk:bundling-stacks': [] }, stackTraces: false });
  const stack = new Stack(app, 'two');
  const user = new Role(stack, 'User', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
  for (const id of ['One', 'Two']) {
    const causeway = new Causeway(stack, id, {
      settings: { encryption: 'kms' },
      image: ContainerImage.fromRegistry('registry.example.com/causeway:1'),
      indexSyncEntry: join(__dirname, 'fixture', 'index-sync.ts'),
    });
    causeway.grantConsume(user);
    causeway.grantPlace(user);
    causeway.grantOperate(user);
  }
  const both = app.synth().getStackByName('two').template as Template;
  const role = resourcesOf(both, 'AWS::IAM::Role').find(({ id }) => id.startsWith('User'))?.id as string;
  const sids = statementsOf(both, role).flatMap(({ Sid }) => Sid ?? []);
  expect(statementsOf(both, role).length).toBeGreaterThan(10);
  expect(sids).toEqual([...new Set(sids)]);
});

describe('events', () => {
  const patterns = resourcesOf(template, 'AWS::Events::Rule').map(({ Properties }) => Properties['EventPattern'] as { source: string[] });

  it('of files can be had by prefix, arrived or renamed into it, and by type', () => {
    expect(patterns.filter(({ source }) => source[0] === 'causeway')).toEqual([
      { source: ['causeway'], 'detail-type': ['Causeway File Change'], detail: { type: ['arrived', 'moved'], key: [{ prefix: 'acme/' }] } },
      { source: ['causeway'], 'detail-type': ['Causeway File Change'], detail: { type: ['removed', 'moved'] } },
    ]);
  });

  it('are asked for in docs/deploy.md by one rule for everything that becomes readable, the one that onFileChange makes', () => {
    const page = readFileSync(join(__dirname, '..', '..', 'docs', 'deploy.md'), 'utf8');
    const rules = [...page.matchAll(/```json\n(\{[^`]*?\})\n```/g)].map(([, text = '']) => JSON.parse(text) as Record<string, unknown>);
    const patterns = rules.filter(({ detail, source }) => Array.isArray(source) && detail);
    expect(patterns).toEqual([
      {
        source: ['causeway'],
        'detail-type': ['Causeway File Change'],
        detail: { type: ['arrived', 'moved'], key: [{ prefix: 'acme/in/' }] },
      },
    ]);
  });
});

describe('metrics', () => {
  it('are those of this deployment', () => {
    const alarm = resourcesOf(template, 'AWS::CloudWatch::Alarm').find(({ id }) => id.startsWith('TheirAlarm'));
    const table = onlyResource(template, 'AWS::DynamoDB::Table').id;
    expect(alarm?.Properties).toMatchObject({
      Namespace: 'Causeway',
      MetricName: 'uploads.failed',
      Dimensions: [{ Name: 'Table', Value: { Ref: table } }],
    });
  });
});

it('an image of their own is taken, and none is built', () => {
  const [container] = onlyResource(template, 'AWS::ECS::TaskDefinition').Properties['ContainerDefinitions'] as [{ Image: string }];
  expect(container.Image).toBe('registry.example.com/causeway:1');
});

it('settings with a fault stop the synthesis', () => {
  expect(() => new Causeway(new Stack(new App({ outdir: folder }), 'faulty'), 'Ftps', { settings: { tasks: 1 } })).toThrow(
    'tasks is 1, but must be at least zones (2)',
  );
});
