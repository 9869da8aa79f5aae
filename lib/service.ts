import { join } from 'node:path';
import { ArnFormat, Duration, Size, Stack, Validations } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as ecr from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { acknowledgeWildcard } from './acknowledge';
import { type ContainerEnvironment, passiveRange, taskPorts } from './container-environment';
import { type Encryption, retainedLogGroup } from './encryption';
import type { LoadBalancer } from './load-balancer';
import type { Network } from './network';
import type { Settings } from './settings';

export interface ServiceProps {
  readonly settings: Settings;
  readonly encryption: Encryption;
  readonly network: Network;
  readonly loadBalancer: LoadBalancer;
  /** What storage and certificate tell the container. */
  readonly environment: ContainerEnvironment;
  /** @default - built from this project's own files */
  readonly image?: ecs.ContainerImage;
}

/** Fargate's longest time between SIGTERM and SIGKILL. */
const stopTimeout = Duration.seconds(120);
/** What is still running then is parked by the server itself, and that takes a moment. */
const drainSeconds = 110;
/** A new target is registered for two to three minutes before the balancer sends it anything. */
const healthCheckGrace = Duration.seconds(300);

const container = 'server';

/** The tasks: image, rights, scaling, and how they are replaced without cutting a transfer. */
export class Service extends Construct {
  readonly cluster: ecs.Cluster;
  readonly service: ecs.FargateService;
  readonly logGroup: logs.LogGroup;
  readonly taskRole: iam.Role;
  private readonly scaling: ecs.ScalableTaskCount;
  private readonly settings: Settings;

  constructor(scope: Construct, id: string, props: ServiceProps) {
    super(scope, id);
    const { settings, network, loadBalancer } = props;
    this.settings = settings;
    this.logGroup = retainedLogGroup(this, 'Log', { days: settings.logDays, encryption: props.encryption });
    this.cluster = new ecs.Cluster(this, 'Cluster', {
      vpc: network.vpc,
      containerInsightsV2: settings.containerInsights ? ecs.ContainerInsights.ENABLED : ecs.ContainerInsights.DISABLED,
      // With a log of what was typed the tasks would get rights to all logs of the account.
      ...(settings.execute ? { executeCommandConfiguration: { logging: ecs.ExecuteCommandLogging.NONE } } : {}),
    });
    if (!settings.containerInsights)
      Validations.of(this.cluster).acknowledge({
        id: 'AwsSolutions-ECS4',
        reason:
          'The server sends metrics of its own, the load balancer counts healthy tasks; containerInsights switches the rest on, for a price.',
      });
    this.taskRole = new iam.Role(this, 'TaskRole', { assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com') });
    const definition = this.define(props);
    this.service = new ecs.FargateService(this, 'Service', {
      cluster: this.cluster,
      taskDefinition: definition,
      vpcSubnets: network.taskSubnets,
      securityGroups: [network.taskGroup],
      assignPublicIp: settings.network === 'public',
      platformVersion: ecs.FargatePlatformVersion.VERSION1_4,
      availabilityZoneRebalancing: ecs.AvailabilityZoneRebalancing.ENABLED,
      minHealthyPercent: 100,
      maxHealthyPercent: 200,
      circuitBreaker: { enable: true, rollback: true },
      healthCheckGracePeriod: healthCheckGrace,
      enableExecuteCommand: settings.execute,
      propagateTags: ecs.PropagatedTagSource.SERVICE,
    });
    for (const [group, containerPort] of [
      [loadBalancer.controlExplicit, taskPorts.explicit],
      [loadBalancer.controlImplicit, taskPorts.implicit],
      [loadBalancer.data, taskPorts.data],
    ] as const)
      group.addTarget(this.service.loadBalancerTarget({ containerName: container, containerPort }));
    // Endpoints, rules and routes are there before the first task, which fetches its image through them, and go after the last, which finishes its transfers.
    this.service.node.addDependency(network);
    this.allowTaskProtection();
    if (settings.execute)
      acknowledgeWildcard(this.taskRole, '*', 'ECS Exec opens its channels without a resource to name; execute is off unless asked for.');
    // The count is left to scaling: a count in the template would throw tasks away with every deployment.
    this.scaling = this.service.autoScaleTaskCount({ minCapacity: settings.tasks, maxCapacity: settings.tasksMax });
    this.scaling.scaleOnCpuUtilization('Cpu', { targetUtilizationPercent: settings.scaleAtCpu, ...cooldowns });
  }

  /** CPU alone would not see a fleet whose clients are slow and many. */
  scaleOnTransfers(transfersPerTask: cloudwatch.IMetric): void {
    this.scaling.scaleToTrackCustomMetric('Transfers', {
      metric: transfersPerTask as cloudwatch.Metric,
      targetValue: this.settings.scaleAtTransfers,
      ...cooldowns,
    });
  }

  private define({ settings, network, environment, image }: ServiceProps): ecs.FargateTaskDefinition {
    const arm = settings.architecture === 'arm64';
    const definition = new ecs.FargateTaskDefinition(this, 'Task', {
      cpu: settings.cpu,
      memoryLimitMiB: settings.memory,
      taskRole: this.taskRole,
      runtimePlatform: {
        operatingSystemFamily: ecs.OperatingSystemFamily.LINUX,
        cpuArchitecture: arm ? ecs.CpuArchitecture.ARM64 : ecs.CpuArchitecture.X86_64,
      },
      volumes: [{ name: 'data' }],
    });
    const server = definition.addContainer(container, {
      image: image ?? ownImage(arm ? ecr.Platform.LINUX_ARM64 : ecr.Platform.LINUX_AMD64),
      environment: { ...fixedEnvironment(network), ...environment, ...settings.server },
      user: '1000',
      readonlyRootFilesystem: !settings.execute,
      stopTimeout,
      portMappings: Object.entries(taskPorts).map(([name, containerPort]) => ({ name, containerPort })),
      // Any answer is a living process: whether it may get connections is a question of the load balancer's.
      healthCheck: {
        command: [
          'CMD',
          'node',
          '-e',
          `fetch('http://127.0.0.1:${taskPorts.admin}/healthz').then(() => process.exit(0), () => process.exit(1))`,
        ],
        interval: Duration.seconds(30),
        timeout: Duration.seconds(10),
        retries: 3,
        startPeriod: Duration.seconds(60),
      },
      // A partner's router forgets a silent connection within minutes; the load balancer passes these on.
      systemControls: [
        { namespace: 'net.ipv4.tcp_keepalive_time', value: '60' },
        { namespace: 'net.ipv4.tcp_keepalive_intvl', value: '15' },
        { namespace: 'net.ipv4.tcp_keepalive_probes', value: '4' },
      ],
      ulimits: [{ name: ecs.UlimitName.NOFILE, softLimit: 65_535, hardLimit: 65_535 }],
      // A log that cannot be written must not stop a transfer.
      logging: ecs.LogDrivers.awsLogs({
        logGroup: this.logGroup,
        streamPrefix: 'task',
        mode: ecs.AwsLogDriverMode.NON_BLOCKING,
        maxBufferSize: Size.mebibytes(25),
      }),
    });
    server.addMountPoints({ containerPath: '/data', sourceVolume: 'data', readOnly: false });
    Validations.of(definition).acknowledge({
      id: 'AwsSolutions-ECS2',
      reason: 'The variables are names and addresses of this stack; the certificate and its key are read by the task with its role.',
    });
    acknowledgeWildcard(
      definition,
      '*',
      'Of the role that pulls the image: ecr:GetAuthorizationToken knows no resources; the rights to image and log name theirs.',
    );
    return definition;
  }

  /** A task holds itself while transfers run. Its id is known only when it runs, so the rights are those to tasks of this one cluster. */
  private allowTaskProtection(): void {
    const tasks = Stack.of(this).formatArn({
      service: 'ecs',
      resource: 'task',
      resourceName: `${this.cluster.clusterName}/*`,
      arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
    });
    acknowledgeWildcard(this.taskRole, tasks, 'The id of a task is made when it starts; a condition holds the right to this cluster.');
    this.taskRole.addToPolicy(
      new iam.PolicyStatement({
        sid: 'TaskProtection',
        actions: ['ecs:GetTaskProtection', 'ecs:UpdateTaskProtection'],
        resources: [tasks],
        conditions: { ArnEquals: { 'ecs:cluster': this.cluster.clusterArn } },
      }),
    );
  }
}

const cooldowns = { scaleInCooldown: Duration.minutes(10), scaleOutCooldown: Duration.minutes(1) };

function fixedEnvironment({ addresses }: Network): ContainerEnvironment {
  return {
    CAUSEWAY_FLEET: 'on',
    CAUSEWAY_DATA: '/data',
    CAUSEWAY_HOST: '0.0.0.0',
    CAUSEWAY_EXPLICIT_PORT: String(taskPorts.explicit),
    CAUSEWAY_IMPLICIT_PORT: String(taskPorts.implicit),
    CAUSEWAY_DATA_PORT: String(taskPorts.data),
    CAUSEWAY_ADMIN_PORT: String(taskPorts.admin),
    CAUSEWAY_RELAY_PORT: String(taskPorts.relay),
    CAUSEWAY_PASSIVE_PORTS: passiveRange,
    CAUSEWAY_PASV_ADDRESS: addresses.map(({ zone, address }) => `${zone}=${address}`).join(','),
    CAUSEWAY_DRAIN_TIMEOUT: String(drainSeconds),
  };
}

/** Only hashed and copied when the template is made; built when it is deployed. `.dockerignore` says what of the project goes in. */
function ownImage(platform: ecr.Platform): ecs.ContainerImage {
  return ecs.ContainerImage.fromAsset(join(__dirname, '..'), { file: 'runtime/Dockerfile', platform });
}
