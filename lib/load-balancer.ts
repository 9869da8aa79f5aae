import { Duration, Validations } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as elb from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { Construct } from 'constructs';
import { publicPorts, taskPorts } from './container-environment';
import type { Network } from './network';

/** Longest that a Network Load Balancer keeps a silent connection: a control connection is silent during a long upload. */
const controlIdle = Duration.seconds(6000);
/** A data connection carries bytes or is cut by the server after a minute. */
const dataIdle = Duration.seconds(600);
/** The balancer goes on sending connections for up to two minutes after it was told to stop. */
const deregistration = Duration.seconds(180);

/**
 * 50 listeners, three target groups.
 *
 * FTP servers speak first, but the balancer holds a PROXY header back until the client has spoken: on the control ports it would be waited for for ever.
 * There the client's address is preserved instead. The 48 passive ports end at one port of the task, and only the header tells which one was dialled;
 * there the address must not be preserved, or two connections from one client socket to two listeners would look the same to the task.
 *
 * Cross-zone is off: a task is reached through the address of its own zone, so that PASV can name it.
 */
export class LoadBalancer extends Construct {
  readonly balancer: elb.NetworkLoadBalancer;
  readonly controlExplicit: elb.NetworkTargetGroup;
  readonly controlImplicit: elb.NetworkTargetGroup;
  readonly data: elb.NetworkTargetGroup;
  private readonly zones: readonly string[];

  constructor(scope: Construct, id: string, { network }: { readonly network: Network }) {
    super(scope, id);
    this.zones = network.addresses.map(({ zone }) => zone);
    this.balancer = new elb.NetworkLoadBalancer(this, 'Balancer', {
      vpc: network.vpc,
      internetFacing: true,
      crossZoneEnabled: false,
      securityGroups: [network.loadBalancerGroup],
      subnetMappings: network.addresses.map(({ allocationId }, index) => ({
        subnet: network.publicSubnets[index] as elb.SubnetMapping['subnet'],
        allocationId,
      })),
    });
    // The library sees to it only where all subnets are public ones. The resource alone: its listeners wait for it anyway.
    this.balancer.node.defaultChild?.node.addDependency(...network.publicSubnets.map((subnet) => subnet.internetConnectivityEstablished));
    Validations.of(this.balancer).acknowledge({
      id: 'AwsSolutions-ELB2',
      reason:
        'A Network Load Balancer logs only what it decrypts, and here it decrypts nothing. The flow log and the log of the server tell connections.',
    });
    this.controlExplicit = targetGroup(this, 'ControlExplicit', network, taskPorts.explicit, 'control');
    this.controlImplicit = targetGroup(this, 'ControlImplicit', network, taskPorts.implicit, 'control');
    this.data = targetGroup(this, 'Data', network, taskPorts.data, 'data');
    this.listen(publicPorts.explicit, this.controlExplicit, controlIdle);
    this.listen(publicPorts.implicit, this.controlImplicit, controlIdle);
    for (let port: number = publicPorts.firstPassive; port <= publicPorts.lastPassive; port++) this.listen(port, this.data, dataIdle);
  }

  /** By zone, because nothing leads from the address of one zone to the tasks of another: an address without a task is dead. */
  healthyTasks(): readonly cloudwatch.Metric[] {
    return this.zones.map((zone, index) =>
      this.controlExplicit.metrics.healthyHostCount({
        period: Duration.minutes(1),
        statistic: cloudwatch.Stats.MAXIMUM,
        dimensionsMap: {
          LoadBalancer: this.balancer.loadBalancerFullName,
          TargetGroup: this.controlExplicit.targetGroupFullName,
          AvailabilityZone: zone,
        },
        label: `zone ${index + 1}`,
      }),
    );
  }

  private listen(port: number, group: elb.NetworkTargetGroup, idle: Duration): void {
    this.balancer.addListener(`Port${port}`, { port, protocol: elb.Protocol.TCP, tcpIdleTimeout: idle, defaultTargetGroups: [group] });
  }
}

function targetGroup(scope: Construct, id: string, network: Network, port: number, kind: 'control' | 'data'): elb.NetworkTargetGroup {
  const group = new elb.NetworkTargetGroup(scope, id, {
    vpc: network.vpc,
    port,
    protocol: elb.Protocol.TCP,
    targetType: elb.TargetType.IP,
    proxyProtocolV2: kind === 'data',
    preserveClientIp: kind === 'control',
    deregistrationDelay: deregistration,
    connectionTermination: false,
    // The probes of the data group begin with a PROXY header, on this port too; the health endpoint takes them with and without.
    healthCheck: {
      protocol: elb.Protocol.HTTP,
      port: String(taskPorts.admin),
      path: '/healthz',
      healthyHttpCodes: '200',
      interval: Duration.seconds(10),
      timeout: Duration.seconds(5),
      healthyThresholdCount: 2,
      unhealthyThresholdCount: 2,
    },
  });
  // A task that drains says that it is not healthy. The default would cut the transfers that it is finishing.
  group.setAttribute('target_health_state.unhealthy.connection_termination.enabled', 'false');
  return group;
}
