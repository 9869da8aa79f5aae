import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { Causeway, type CausewayProps } from './causeway';
import { passiveRange, publicPorts } from './container-environment';

/** The stack of an operator who has no CDK app: the bridge, and as outputs what people and the command line need of it. */
export class CausewayStack extends Stack {
  readonly causeway: Causeway;

  constructor(scope: Construct, id: string, props: StackProps & CausewayProps = {}) {
    super(scope, id, { description: 'Causeway: FTPS in, whole and verified objects out', ...props });
    this.causeway = new Causeway(this, 'Causeway', props);
    const { host, addresses, bucket, table, bus, service, observability } = this.causeway;
    const outputs: Readonly<Record<string, readonly [value: string, description: string]>> = {
      Host: [host, 'What partners connect to'],
      Addresses: [addresses.map(({ address }) => address).join(','), "For partners' firewalls"],
      ExplicitPort: [String(publicPorts.explicit), 'Control connections, explicit TLS'],
      ImplicitPort: [String(publicPorts.implicit), 'Control connections, implicit TLS'],
      PassivePorts: [passiveRange, 'Data connections'],
      Region: [this.region, 'Where it runs'],
      Bucket: [bucket.bucketName, 'Finished files'],
      Table: [table.tableName, 'Index and partners'],
      EventBus: [bus.eventBusName, 'Completion events'],
      Cluster: [service.cluster.clusterName, 'For aws ecs'],
      Service: [service.service.serviceName, 'For aws ecs'],
      Log: [service.logGroup.logGroupName, 'For aws logs tail'],
      AlarmTopic: [observability.topic.topicArn, 'Subscribe to be called'],
      Dashboard: [observability.dashboard.dashboardName, 'In CloudWatch'],
    };
    for (const [name, [value, description]] of Object.entries(outputs)) new CfnOutput(this, name, { value, description });
  }
}
