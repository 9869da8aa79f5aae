import { interfaceServices } from '../../lib/network';
import type { Examples } from './synthesize';
import { listenersOf, onlyResource, resourcesOf, type Template, targetGroupsOf, taskCountOf } from './template';

/** From a partner to a task: addresses, listeners, target groups, security groups. */
export function describeWayOfAConnection({ trial, whole, guest }: Examples): void {
  const all: [string, Template, number][] = [
    ['two zones, public', trial, 2],
    ['three zones, isolated', whole, 3],
    ['one zone in a VPC that was there', guest, 1],
  ];

  describe.each(all)('given %s', (_, template, zones) => {
    const listeners = listenersOf(template);
    const groups = targetGroupsOf(template);
    const group = (port: number) => groups.find(({ id }) => id === listeners.find((listener) => listener.port === port)?.targetGroup);

    it('there are exactly 50 listeners: 21, 990 and 8192 to 8239', () => {
      expect(listeners.map(({ port }) => port)).toEqual([21, 990, ...Array.from({ length: 48 }, (_empty, index) => 8192 + index)]);
    });

    it('there are three target groups, and the passive ports share one', () => {
      expect(groups.map(({ containerPort }) => containerPort).sort()).toEqual([2121, 3000, 9990]);
      expect(new Set(listeners.slice(2).map(({ targetGroup }) => targetGroup)).size).toBe(1);
    });

    it.each([21, 990])(
      'port %i keeps the address of the client and sends no PROXY header, which would be held back until the client speaks',
      (port) => {
        expect(group(port)).toMatchObject({ containerPort: port === 21 ? 2121 : 9990, proxyProtocol: false, preservesClientAddress: true });
      },
    );

    it('the passive ports send a PROXY header and do not keep the address, or two connections could look the same', () => {
      expect(group(8200)).toMatchObject({ containerPort: 3000, proxyProtocol: true, preservesClientAddress: false });
    });

    it('control connections may be silent for 6000 seconds', () => {
      expect(listeners.filter(({ idleSeconds }) => idleSeconds === 6000).map(({ port }) => port)).toEqual([21, 990]);
    });

    it('nothing cuts a connection of a task that drains, and it is registered for long enough', () => {
      for (const one of groups) {
        expect(one).toMatchObject({ cutsOnDeregistration: false, cutsUnhealthy: false });
        expect(one.deregistrationSeconds).toBeGreaterThanOrEqual(180);
      }
    });

    it('health is asked on the admin port', () => {
      for (const { healthCheck } of groups) expect(healthCheck).toMatchObject({ port: 3001, path: '/healthz' });
    });

    it('each zone has one address, and cross-zone is off', () => {
      const { Properties } = onlyResource(template, 'AWS::ElasticLoadBalancingV2::LoadBalancer');
      expect(Properties['SubnetMappings']).toHaveLength(zones);
      expect(Properties).toMatchObject({
        Type: 'network',
        Scheme: 'internet-facing',
        SecurityGroups: [expect.anything()],
        LoadBalancerAttributes: expect.arrayContaining([{ Key: 'load_balancing.cross_zone.enabled', Value: 'false' }]),
      });
    });

    it('each zone has at least one task', () => {
      expect(taskCountOf(template)).toEqual({ least: zones, most: 4 * zones });
    });
  });

  describe('addresses', () => {
    it('outlive the stack, but not a first deployment that fails: an account has five', () => {
      const addresses = resourcesOf(whole, 'AWS::EC2::EIP');
      expect(addresses).toHaveLength(3);
      for (const address of addresses)
        expect(address).toMatchObject({ DeletionPolicy: 'RetainExceptOnCreate', UpdateReplacePolicy: 'Retain' });
    });

    it('that exist already are taken as they are', () => {
      expect(resourcesOf(guest, 'AWS::EC2::EIP')).toEqual([]);
      expect(onlyResource(guest, 'AWS::ElasticLoadBalancingV2::LoadBalancer').Properties['SubnetMappings']).toEqual([
        { AllocationId: 'eipalloc-0a1b2c3d', SubnetId: 'subnet-0a1b2c3d' },
      ]);
    });
  });

  describe('who may connect', () => {
    const ingressFrom = (template: Template) =>
      resourcesOf(template, 'AWS::EC2::SecurityGroup').flatMap(({ Properties }) =>
        ((Properties['SecurityGroupIngress'] ?? []) as { CidrIp: string; FromPort: number; ToPort: number }[]).map(
          ({ CidrIp, FromPort, ToPort }) => `${CidrIp} ${FromPort}-${ToPort}`,
        ),
      );

    it('everybody to the load balancer, unless partners are named', () => {
      expect(ingressFrom(trial)).toEqual(['0.0.0.0/0 21-21', '0.0.0.0/0 990-990', '0.0.0.0/0 8192-8239']);
      expect(ingressFrom(whole)).toEqual(
        ['203.0.113.0/24', '198.51.100.7/32'].flatMap((cidr) => [`${cidr} 21-21`, `${cidr} 990-990`, `${cidr} 8192-8239`]),
      );
    });

    it.each([
      ['public', trial],
      ['isolated', whole],
    ])('to the tasks only the load balancer, and to the relay port only tasks (%s)', (_, template) => {
      const task = (
        onlyResource(template, 'AWS::ECS::Service').Properties['NetworkConfiguration'] as {
          AwsvpcConfiguration: { SecurityGroups: unknown[] };
        }
      ).AwsvpcConfiguration.SecurityGroups[0];
      const rules = resourcesOf(template, 'AWS::EC2::SecurityGroupIngress').map(({ Properties }) => Properties);
      const toTask = rules.filter(({ GroupId }) => JSON.stringify(GroupId) === JSON.stringify(task));
      const from = (port: number) =>
        toTask.filter(({ FromPort }) => FromPort === port).map(({ SourceSecurityGroupId }) => SourceSecurityGroupId);
      expect(toTask.map(({ FromPort }) => FromPort).sort()).toEqual([2121, 3000, 3001, 3002, 9990]);
      expect(from(3002)).toEqual([task]);
      for (const port of [2121, 9990, 3000, 3001]) expect(from(port)).not.toEqual([task]);
    });
  });

  describe('the way out', () => {
    const endpoints = (template: Template) =>
      resourcesOf(template, 'AWS::EC2::VPCEndpoint').map(({ Properties }) => Properties['VpcEndpointType']);
    const publicAddress = (template: Template) =>
      (
        onlyResource(template, 'AWS::ECS::Service').Properties['NetworkConfiguration'] as {
          AwsvpcConfiguration: { AssignPublicIp: string };
        }
      ).AwsvpcConfiguration.AssignPublicIp;

    it('public: an address of the task, and free gateways to S3 and DynamoDB', () => {
      expect(publicAddress(trial)).toBe('ENABLED');
      expect(endpoints(trial)).toEqual(['Gateway', 'Gateway']);
      expect(resourcesOf(trial, 'AWS::EC2::NatGateway')).toEqual([]);
    });

    it('isolated: no address, and endpoints for image, log and certificate', () => {
      expect(publicAddress(whole)).toBe('DISABLED');
      expect(endpoints(whole).sort()).toEqual(['Gateway', 'Gateway', 'Interface', 'Interface', 'Interface', 'Interface']);
    });

    it('isolated: an endpoint for the channels, where somebody may enter a task', () => {
      const more = (execute: boolean) => Object.keys(interfaceServices({ certificate: 'secret', execute }));
      expect(more(false)).toEqual(['Images', 'ImageLayers', 'Logs', 'Secrets']);
      expect(more(true)).toEqual([...more(false), 'Channels']);
    });

    it('a VPC that exists already is left alone', () => {
      expect(resourcesOf(guest, 'AWS::EC2::VPC')).toEqual([]);
      expect(endpoints(guest)).toEqual([]);
    });
  });

  describe('the order, in which things are made and, turned round, go', () => {
    const idsOf = (template: Template, ...types: string[]) =>
      types.flatMap((type) => resourcesOf(template, `AWS::EC2::${type}`).map(({ id }) => id));
    const awaitedBy = (template: Template, type: string) => [onlyResource(template, type).DependsOn ?? []].flat();

    it.each([
      ['public', trial],
      ['isolated', whole],
    ])('the load balancer waits for the way to the internet, without which AWS refuses it (%s)', (_, template) => {
      const balancer = awaitedBy(template, 'AWS::ElasticLoadBalancingV2::LoadBalancer');
      expect(balancer).toEqual(expect.arrayContaining(idsOf(template, 'Route')));
      expect(idsOf(template, 'Route')).not.toEqual([]);
    });

    it.each([
      ['public', trial],
      ['isolated', whole],
      ['in a VPC that was there', guest],
    ])('the tasks wait for endpoints and rules: they fetch their image through them, and finish their transfers (%s)', (_, template) => {
      const needed = idsOf(template, 'VPCEndpoint', 'SecurityGroupIngress', 'SecurityGroupEgress', 'Route');
      expect(awaitedBy(template, 'AWS::ECS::Service')).toEqual(expect.arrayContaining(needed));
    });
  });

  describe('the name', () => {
    it('is an alias of the load balancer where a zone is given', () => {
      expect(onlyResource(whole, 'AWS::Route53::RecordSet').Properties).toMatchObject({
        Name: 'ftps.example.com.',
        Type: 'A',
        HostedZoneId: 'Z0123456789ABC',
      });
      expect(resourcesOf(trial, 'AWS::Route53::RecordSet')).toEqual([]);
    });
  });
}
