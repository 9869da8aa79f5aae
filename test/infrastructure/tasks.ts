import { readConfig } from '../../runtime/config/config';
import { type Examples, examples } from './synthesize';
import {
  containerOf,
  environmentOf,
  type Known,
  onlyResource,
  resolve,
  resourcesOf,
  statementsOf,
  type Template,
  taskRoleOf,
} from './template';

/** What runs: the container, its environment, its rights, and how it is replaced. */
export function describeTasks({ trial, whole, guest }: Examples): void {
  /** Every name of a template gets a value, as a deployment would give it. */
  function deployed(template: Template): Known {
    const known: Record<string, string> = { 'AWS::Region': 'eu-central-1', 'AWS::Partition': 'aws', 'AWS::AccountId': '111122223333' };
    const addresses = resourcesOf(template, 'AWS::EC2::EIP').map(({ id }) => id);
    for (const [id, { Type }] of Object.entries(template.Resources)) {
      known[id] = Type === 'AWS::CertificateManager::Certificate' ? `arn:${id}` : id;
      known[`${id}.Arn`] = `arn:${id}`;
      known[`${id}.PublicIp`] = `203.0.113.${addresses.indexOf(id) + 1}`;
    }
    return known;
  }

  describe('the environment of the container', () => {
    it('tells each zone its address', () => {
      expect(environmentOf(trial, deployed(trial))['CAUSEWAY_PASV_ADDRESS']).toBe('zone-1=203.0.113.1,zone-2=203.0.113.2');
      expect(environmentOf(guest, deployed(guest))['CAUSEWAY_PASV_ADDRESS']).toBe('eu-central-1a=203.0.113.5');
    });

    it('names stores, ports and drain', () => {
      expect(environmentOf(trial, deployed(trial))).toMatchObject({
        CAUSEWAY_OBJECTS: 's3',
        CAUSEWAY_BUCKET: expect.stringContaining('Bucket'),
        CAUSEWAY_METADATA: 'dynamodb',
        CAUSEWAY_TABLE: expect.stringContaining('Table'),
        CAUSEWAY_REGION: 'eu-central-1',
        CAUSEWAY_FLEET: 'on',
        CAUSEWAY_PASSIVE_PORTS: '8192-8239',
      });
    });

    it.each([
      ['trial', trial, {}],
      ['whole', whole, { CAUSEWAY_CERTIFICATE_ARN: expect.stringMatching(/^arn:CausewayCertificate/) }],
      ['guest', guest, { CAUSEWAY_CERTIFICATE_SECRET: examples.guest.certificateSecretArn }],
    ])('tells where the certificate is (%s)', (_, template, expected) => {
      const environment = environmentOf(template, deployed(template));
      const told = Object.entries(environment).filter(([name]) => name.startsWith('CAUSEWAY_CERTIFICATE'));
      expect(Object.fromEntries(told)).toEqual(expected);
    });

    it('passes on what the operator set', () => {
      expect(environmentOf(whole, deployed(whole))).toMatchObject({
        CAUSEWAY_IDLE_TIMEOUT: '600',
        CAUSEWAY_S3_TAGS: 'from=partners',
        CAUSEWAY_S3_STORAGE_CLASS: 'INTELLIGENT_TIERING',
        CAUSEWAY_S3_KMS_KEY: expect.stringContaining('Key'),
      });
    });

    it.each([
      ['trial', trial],
      ['whole', whole],
      ['guest', guest],
    ])('is one that the server starts with (%s)', (_, template) => {
      const config = readConfig(environmentOf(template, deployed(template)), 2 ** 31);
      expect('faults' in config ? config.faults : []).toEqual([]);
    });
  });

  describe('the container', () => {
    it.each([
      ['trial', trial, true],
      ['with execute', guest, false],
    ])('is not root, and its file system is read-only unless somebody may enter (%s)', (_, template, readOnly) => {
      expect(containerOf(template)).toMatchObject({
        User: '1000',
        ReadonlyRootFilesystem: readOnly,
        StopTimeout: 120,
        SystemControls: expect.arrayContaining([{ Namespace: 'net.ipv4.tcp_keepalive_time', Value: '60' }]),
        MountPoints: [{ ContainerPath: '/data', SourceVolume: 'data', ReadOnly: false }],
      });
      expect(containerOf(template)['LinuxParameters']).toBeUndefined();
    });

    it('stops draining before it is killed', () => {
      const { CAUSEWAY_DRAIN_TIMEOUT: drain } = environmentOf(trial, deployed(trial));
      expect(Number(drain)).toBeLessThan(containerOf(trial)['StopTimeout'] as number);
    });

    it('opens no port below 1024', () => {
      const ports = (containerOf(trial)['PortMappings'] as { ContainerPort: number }[]).map(({ ContainerPort }) => ContainerPort);
      expect(ports.sort()).toEqual([2121, 3000, 3001, 3002, 9990]);
    });

    it('runs on ARM, unless it should not', () => {
      expect(onlyResource(trial, 'AWS::ECS::TaskDefinition').Properties).toMatchObject({
        Cpu: '1024',
        Memory: '2048',
        RuntimePlatform: { CpuArchitecture: 'ARM64' },
      });
    });
  });

  describe('the service', () => {
    it('replaces tasks only when the new ones are healthy, and goes back when they are not', () => {
      const { Properties } = onlyResource(trial, 'AWS::ECS::Service');
      expect(Properties).toMatchObject({
        AvailabilityZoneRebalancing: 'ENABLED',
        DeploymentConfiguration: {
          MinimumHealthyPercent: 100,
          MaximumPercent: 200,
          DeploymentCircuitBreaker: { Enable: true, Rollback: true },
        },
        EnableExecuteCommand: false,
      });
      expect(Properties['HealthCheckGracePeriodSeconds']).toBeGreaterThanOrEqual(300);
      expect(Properties['LoadBalancers']).toHaveLength(3);
      expect(Properties['DesiredCount']).toBeUndefined();
    });

    it('scales on CPU and on the transfers of a task', () => {
      const policies = resourcesOf(trial, 'AWS::ApplicationAutoScaling::ScalingPolicy').map(
        ({ Properties }) => Properties['TargetTrackingScalingPolicyConfiguration'],
      );
      expect(policies).toEqual([
        expect.objectContaining({
          TargetValue: 60,
          PredefinedMetricSpecification: { PredefinedMetricType: 'ECSServiceAverageCPUUtilization' },
        }),
        expect.objectContaining({
          TargetValue: 20,
          CustomizedMetricSpecification: expect.objectContaining({
            Namespace: 'Causeway',
            MetricName: 'transfers.open',
            Statistic: 'Average',
          }),
        }),
      ]);
    });
  });

  describe('the rights of a task', () => {
    it.each([
      ['trial', trial],
      ['whole', whole],
    ])('are named actions on named resources (%s)', (_, template) => {
      for (const { Action, Resource } of statementsOf(template, taskRoleOf(template))) {
        for (const action of [Action].flat()) expect(action).toMatch(/^[a-z0-9-]+:[A-Za-z]+$/);
        for (const resource of [Resource].flat()) expect(resolve(resource, deployed(template))).toMatch(/^arn:[^*]+(\/\*)?$/);
      }
    });

    it.each<[string, Template, RegExp, string[]]>([
      ['trial', trial, /^(acm|secretsmanager):/, []],
      ['whole', whole, /^(acm|secretsmanager):/, ['acm:ExportCertificate']],
      ['guest', guest, /^(acm|secretsmanager):/, ['secretsmanager:GetSecretValue']],
      ['trial', trial, /^kms:/, []],
      ['whole', whole, /^kms:/, ['kms:Decrypt', 'kms:GenerateDataKey']],
      ['trial', trial, /^ecs:/, ['ecs:GetTaskProtection', 'ecs:UpdateTaskProtection']],
    ])('%s: what matches %#', (_, template, pattern, actions) => {
      const granted = statementsOf(template, taskRoleOf(template)).flatMap(({ Action }) => Action);
      expect(granted.filter((action) => pattern.test(action)).sort()).toEqual(actions);
    });

    it('are those to a channel, and to no log, where somebody may enter a task', () => {
      const granted = statementsOf(guest, taskRoleOf(guest)).filter(({ Resource }) => Resource === '*');
      expect(granted.flatMap(({ Action }) => Action).sort()).toEqual([
        'ssmmessages:CreateControlChannel',
        'ssmmessages:CreateDataChannel',
        'ssmmessages:OpenControlChannel',
        'ssmmessages:OpenDataChannel',
      ]);
      expect(onlyResource(guest, 'AWS::ECS::Cluster').Properties['Configuration']).toEqual({
        ExecuteCommandConfiguration: { Logging: 'NONE' },
      });
    });

    it('never reach the bucket itself', () => {
      const actions = statementsOf(trial, taskRoleOf(trial)).flatMap(({ Action }) => Action);
      expect(actions.filter((action) => /^s3:(Put|Delete).*(Bucket|Policy|Lifecycle|Version)/.test(action))).toEqual([]);
    });
  });
}
