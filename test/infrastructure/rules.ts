import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CelEngine, TemplateFile } from '@aws/cloudformation-validate';
import { App, Stack, Validations } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { AwsSolutionsChecks } from 'cdk-nag';
import { type Examples, examples } from './synthesize';
import type { Template } from './template';

/** What others say of the template: the schemas of CloudFormation, the security rules of AWS; and the list of what is in it. */
const folder = mkdtempSync(join(tmpdir(), 'causeway-rules-'));

export function describeRules(templates: Examples): void {
  const names = Object.keys(examples) as (keyof typeof examples)[];
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  describe.each(names)('the deployment %s', (name) => {
    it('has no ERROR and no FATAL for CloudFormation', () => {
      expect(severe(templates[name])).toEqual([]);
    });

    it('is made of', () => {
      const types = Object.values(templates[name].Resources).map(({ Type }) => Type);
      expect(
        Object.fromEntries([...new Set(types)].sort().map((type) => [type, types.filter((one) => one === type).length])),
      ).toMatchSnapshot();
    });
  });

  /** A check that finds nothing, whatever it is given, would pass as well. */
  describe('the checks find', () => {
    it('a property that does not exist', () => {
      const template = structuredClone(templates.trial) as { Resources: Record<string, { Properties: Record<string, unknown> }> };
      const service = Object.keys(template.Resources).find(
        (id) => template.Resources[id]?.Properties['AvailabilityZoneRebalancing'],
      ) as string;
      (template.Resources[service] as { Properties: Record<string, unknown> }).Properties['DesiredCuont'] = 2;
      expect(severe(template as unknown as Template)).not.toEqual([]);
    });

    it('a server open to the world, where nobody said why', () => {
      const app = new App({ outdir: join(folder, 'open') });
      const vpc = ec2.Vpc.fromVpcAttributes(new Stack(app, 'open'), 'Vpc', { vpcId: 'vpc-0a1b2c3d', availabilityZones: ['eu-central-1a'] });
      new ec2.SecurityGroup(vpc, 'Group', { vpc }).addIngressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(21));
      Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
      expect(() => app.synth()).toThrow('AwsSolutions-EC23');
    });
  });

  it('each acknowledged finding has a reason that is a sentence', () => {
    const files = ['network', 'load-balancer', 'storage', 'service', 'events', 'observability', 'acknowledge'].map(
      (name) => `../../lib/${name}.ts`,
    );
    for (const file of files) {
      const text = readFileSync(join(__dirname, file), 'utf8');
      for (const [, reason = ''] of text.matchAll(/reason:\s*'([^']+)'/g)) expect(reason).toMatch(/^[A-Z].{40,}\.$/);
    }
  });
}

function severe(template: Template): string[] {
  const file = join(folder, 'template.json');
  writeFileSync(file, JSON.stringify(template));
  const engine = new CelEngine();
  try {
    const { diagnostics } = engine.validateStandard(new TemplateFile(file));
    return diagnostics.filter(({ severity }) => ['ERROR', 'FATAL'].includes(severity)).map(({ ruleId, message }) => `${ruleId} ${message}`);
  } finally {
    engine.free();
  }
}
