import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { CausewayStack } from '../../lib/causeway-stack';
import type { Settings } from '../../lib/settings';
import type { Template } from './template';

/** The stack as `cdk synth` makes it, with the project's own feature flags, but without bundling: these tests look at the template only. */
const root = join(__dirname, '..', '..');
export const fixtureEntry = join(__dirname, 'fixture', 'index-sync.ts');

/** What the security rules find, acknowledged findings apart, is thrown. */
export function synthesize(settings: Partial<Settings> = {}): Template {
  const { context } = JSON.parse(readFileSync(join(root, 'cdk.json'), 'utf8')) as { context: Record<string, unknown> };
  const folder = mkdtempSync(join(tmpdir(), 'causeway-synth-'));
  try {
    const app = new App({
      context: { ...context, 'aws:cdk:bundling-stacks': [] },
      outdir: folder,
      // Half of the time would go into where each construct was made.
      stackTraces: false,
      treeMetadata: false,
      analyticsReporting: false,
    });
    const stack = new CausewayStack(app, 'causeway', { settings, indexSyncEntry: fixtureEntry });
    Validations.of(stack).acknowledge({ id: 'Causeway:SelfSigned', reason: 'Nobody relies on the certificate of a test.' });
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    return app.synth().getStackByName(stack.stackName).template as Template;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Three deployments that together use every part; made once for each test file that asks. */
export const examples = {
  /** No settings at all. */
  trial: {},
  whole: {
    hostName: 'ftps.example.com',
    hostedZone: { id: 'Z0123456789ABC', name: 'example.com' },
    zones: 3,
    network: 'isolated',
    encryption: 'kms',
    partnerCidrs: ['203.0.113.0/24', '198.51.100.7/32'],
    objectLock: { mode: 'governance', days: 30 },
    objectTags: 'from=partners',
    storageClass: 'INTELLIGENT_TIERING',
    alarmEmail: 'operator@example.com',
    server: { CAUSEWAY_IDLE_TIMEOUT: '600' },
  },
  guest: {
    zones: 1,
    network: 'isolated',
    certificate: 'secret',
    certificateSecretArn: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:ftps-AbCdEf',
    vpc: {
      id: 'vpc-0a1b2c3d',
      availabilityZones: ['eu-central-1a'],
      publicSubnetIds: ['subnet-0a1b2c3d'],
      taskSubnetIds: ['subnet-0a1b2c3e'],
    },
    addresses: [{ allocationId: 'eipalloc-0a1b2c3d', address: '203.0.113.5' }],
    bucket: 'files-of-partners',
    execute: true,
    containerInsights: true,
    deletionProtection: false,
  },
} as const satisfies Record<string, Partial<Settings>>;

export type Examples = Readonly<Record<keyof typeof examples, Template>>;
