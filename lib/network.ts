import { Fn, RemovalPolicy, Validations } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import { taskPorts } from './container-environment';
import { type Encryption, retainedLogGroup } from './encryption';
import type { Settings } from './settings';

/** The elastic IP of one zone: `PASV` names it to the partners whose control connection came in there. */
export interface ZoneAddress {
  readonly zone: string;
  readonly allocationId: string;
  readonly address: string;
}

export interface NetworkProps {
  readonly settings: Settings;
  readonly encryption: Encryption;
}

/** The VPC, its endpoints, one address per zone, and who may talk to whom. */
export class Network extends Construct {
  readonly vpc: ec2.IVpc;
  readonly publicSubnets: readonly ec2.ISubnet[];
  readonly taskSubnets: ec2.SubnetSelection;
  readonly addresses: readonly ZoneAddress[];
  readonly loadBalancerGroup: ec2.SecurityGroup;
  readonly taskGroup: ec2.SecurityGroup;

  constructor(scope: Construct, id: string, { settings, encryption }: NetworkProps) {
    super(scope, id);
    const zones = settings.vpc?.availabilityZones ?? Array.from({ length: settings.zones }, (_, index) => Fn.select(index, Fn.getAzs()));
    this.vpc = settings.vpc ? existingVpc(this, settings.vpc) : newVpc(this, settings, zones);
    this.publicSubnets = this.vpc.publicSubnets;
    this.taskSubnets = {
      subnets:
        settings.network === 'public' && !settings.vpc
          ? this.vpc.publicSubnets
          : (settings.vpc?.taskSubnetIds.map((subnetId, index) => namedSubnet(this, `TaskSubnet${index + 1}`, subnetId)) ??
            this.vpc.isolatedSubnets),
    };
    this.addresses = zones.map((zone, index) => ({ zone, ...(settings.addresses?.[index] ?? newAddress(this, index)) }));
    this.loadBalancerGroup = new ec2.SecurityGroup(this, 'LoadBalancerGroup', {
      vpc: this.vpc,
      description: 'Partners to the load balancer',
      allowAllOutbound: false,
    });
    this.taskGroup = new ec2.SecurityGroup(this, 'TaskGroup', {
      vpc: this.vpc,
      description: 'Load balancer to tasks, and tasks to each other',
      allowAllOutbound: false,
    });
    allowPartners(this.loadBalancerGroup, settings.partnerCidrs);
    for (const [name, port] of Object.entries(taskPorts)) {
      if (name === 'relay') continue;
      this.loadBalancerGroup.addEgressRule(this.taskGroup, ec2.Port.tcp(port), `${name} of the tasks`);
      this.taskGroup.addIngressRule(this.loadBalancerGroup, ec2.Port.tcp(port), `${name} from the load balancer`);
    }
    this.taskGroup.addIngressRule(this.taskGroup, ec2.Port.tcp(taskPorts.relay), 'data connections that another task owns');
    this.taskGroup.addEgressRule(this.taskGroup, ec2.Port.tcp(taskPorts.relay), 'data connections that another task owns');
    this.taskGroup.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443), 'S3, DynamoDB and the other services of AWS');
    if (!settings.vpc) addEndpoints(this, this.vpc as ec2.Vpc, this.taskGroup, settings, encryption);
  }
}

function newVpc(scope: Construct, settings: Settings, zones: readonly string[]): ec2.Vpc {
  const publicOnly = { name: 'public', subnetType: ec2.SubnetType.PUBLIC, mapPublicIpOnLaunch: false };
  return new ec2.Vpc(scope, 'Vpc', {
    ipAddresses: ec2.IpAddresses.cidr(settings.vpcCidr),
    availabilityZones: [...zones],
    natGateways: 0,
    // The switch for it puts a function with wide rights into the account; nothing here uses the default group.
    restrictDefaultSecurityGroup: false,
    subnetConfiguration:
      settings.network === 'public' ? [publicOnly] : [publicOnly, { name: 'tasks', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }],
  });
}

function existingVpc(scope: Construct, { id, availabilityZones, publicSubnetIds }: NonNullable<Settings['vpc']>): ec2.IVpc {
  const vpc = ec2.Vpc.fromVpcAttributes(scope, 'Vpc', {
    vpcId: id,
    availabilityZones: [...availabilityZones],
    publicSubnetIds: [...publicSubnetIds],
  });
  for (const subnet of vpc.publicSubnets) Validations.of(subnet).acknowledge(noRouteTable);
  return vpc;
}

const noRouteTable = { id: '@aws-cdk/aws-ec2:noSubnetRouteTableId', reason: 'Routes of a VPC that exists already are left alone.' };

function namedSubnet(scope: Construct, id: string, subnetId: string): ec2.ISubnet {
  const subnet = ec2.Subnet.fromSubnetId(scope, id, subnetId);
  Validations.of(subnet).acknowledge(noRouteTable);
  return subnet;
}

/**
 * Partners have these in their firewalls: they outlive the stack, and `addresses` takes them up again. Those of a first deployment that fails are nobody's yet,
 * and an account has five: they go with it.
 */
function newAddress(scope: Construct, index: number): Omit<ZoneAddress, 'zone'> {
  const address = new ec2.CfnEIP(scope, `Address${index + 1}`, { domain: 'vpc' });
  address.applyRemovalPolicy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE);
  return { allocationId: address.attrAllocationId, address: address.attrPublicIp };
}

function allowPartners(group: ec2.SecurityGroup, cidrs: readonly string[]): void {
  for (const cidr of cidrs) {
    const peer = ec2.Peer.ipv4(cidr);
    for (const [port, name] of [
      [ec2.Port.tcp(21), 'explicit TLS'],
      [ec2.Port.tcp(990), 'implicit TLS'],
      [ec2.Port.tcpRange(8192, 8239), 'data connections'],
    ] as const)
      group.addIngressRule(peer, port, name);
  }
  if (cidrs.includes('0.0.0.0/0'))
    Validations.of(group).acknowledge({
      id: 'AwsSolutions-EC23',
      reason:
        'A server for partners whose addresses are not known; partnerCidrs narrows it, and each partner has an allow-list of his own.',
    });
}

/** Gateways for the two services that carry the bytes are free. Interface endpoints only where the tasks have no other way out. */
function addEndpoints(scope: Construct, vpc: ec2.Vpc, taskGroup: ec2.SecurityGroup, settings: Settings, encryption: Encryption): void {
  vpc.addGatewayEndpoint('S3', { service: ec2.GatewayVpcEndpointAwsService.S3 });
  vpc.addGatewayEndpoint('DynamoDb', { service: ec2.GatewayVpcEndpointAwsService.DYNAMODB });
  if (settings.flowLogs) {
    const logGroup = retainedLogGroup(scope, 'FlowLog', { days: settings.logDays, encryption });
    vpc.addFlowLog('Flows', { destination: ec2.FlowLogDestination.toCloudWatchLogs(logGroup) });
  } else
    Validations.of(vpc).acknowledge({
      id: 'AwsSolutions-VPC7',
      reason: 'Switched off by flowLogs: every connection is in the log of the server.',
    });
  if (settings.network === 'public') return;
  const group = new ec2.SecurityGroup(scope, 'EndpointGroup', {
    vpc,
    description: 'Tasks to the endpoints of AWS services',
    allowAllOutbound: false,
  });
  group.addIngressRule(taskGroup, ec2.Port.tcp(443), 'tasks');
  for (const [name, service] of Object.entries(interfaceServices(settings)))
    vpc.addInterfaceEndpoint(name, { service, securityGroups: [group], open: false, privateDnsEnabled: true });
}

export function interfaceServices({
  certificate,
  execute,
}: Pick<Settings, 'certificate' | 'execute'>): Readonly<Record<string, ec2.InterfaceVpcEndpointAwsService>> {
  return {
    Images: ec2.InterfaceVpcEndpointAwsService.ECR,
    ImageLayers: ec2.InterfaceVpcEndpointAwsService.ECR_DOCKER,
    Logs: ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
    ...(certificate === 'acm' ? { Certificates: ec2.InterfaceVpcEndpointAwsService.CERTIFICATE_MANAGER } : {}),
    ...(certificate === 'secret' ? { Secrets: ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER } : {}),
    ...(execute ? { Channels: ec2.InterfaceVpcEndpointAwsService.SSM_MESSAGES } : {}),
  };
}
