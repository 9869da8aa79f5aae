/**
 * A synthesized template read as what it is to the server: listeners, target groups, tasks and their environment, policies. Whoever builds a fake load
 * balancer and starts tasks from it needs no knowledge of CloudFormation, and no second copy of any number.
 */
export interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
  readonly DependsOn?: string | readonly string[];
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
}

export interface Template {
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs?: Readonly<Record<string, { readonly Value: unknown }>>;
}

export interface Listener {
  readonly port: number;
  readonly idleSeconds: number;
  /** Logical id of its target group. */
  readonly targetGroup: string;
}

export interface TargetGroup {
  readonly id: string;
  readonly containerPort: number;
  readonly proxyProtocol: boolean;
  readonly preservesClientAddress: boolean;
  readonly deregistrationSeconds: number;
  readonly cutsOnDeregistration: boolean;
  readonly cutsUnhealthy: boolean;
  readonly healthCheck: {
    readonly port: number;
    readonly path: string;
    readonly intervalSeconds: number;
    readonly timeoutSeconds: number;
    readonly healthy: number;
    readonly unhealthy: number;
  };
}

export interface Statement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: string | readonly string[];
  readonly Resource?: unknown;
  readonly Condition?: unknown;
}

/** Values of what is known only after a deployment: `Ref` by logical id, `Fn::GetAtt` by `id.attribute`, pseudo parameters by name. */
export type Known = Readonly<Record<string, string>>;

export function resourcesOf(template: Template, type: string): (Resource & { readonly id: string })[] {
  return Object.entries(template.Resources)
    .filter(([, resource]) => resource.Type === type)
    .map(([id, resource]) => ({ id, ...resource }));
}

export function onlyResource(template: Template, type: string): Resource & { readonly id: string } {
  const [first, ...others] = resourcesOf(template, type);
  if (!first || others.length > 0) throw new Error(`${type} is there ${others.length + (first ? 1 : 0)} times`);
  return first;
}

export function listenersOf(template: Template): Listener[] {
  return resourcesOf(template, 'AWS::ElasticLoadBalancingV2::Listener')
    .map(({ Properties }) => ({
      port: Properties['Port'] as number,
      idleSeconds: Number(attributes(Properties['ListenerAttributes'])['tcp.idle_timeout.seconds']),
      targetGroup: (Properties['DefaultActions'] as [{ TargetGroupArn: { Ref: string } }])[0].TargetGroupArn.Ref,
    }))
    .sort((left, right) => left.port - right.port);
}

export function targetGroupsOf(template: Template): TargetGroup[] {
  return resourcesOf(template, 'AWS::ElasticLoadBalancingV2::TargetGroup').map(({ id, Properties }) => {
    const set = attributes(Properties['TargetGroupAttributes']);
    return {
      id,
      containerPort: Properties['Port'] as number,
      proxyProtocol: set['proxy_protocol_v2.enabled'] === 'true',
      preservesClientAddress: set['preserve_client_ip.enabled'] === 'true',
      deregistrationSeconds: Number(set['deregistration_delay.timeout_seconds']),
      cutsOnDeregistration: set['deregistration_delay.connection_termination.enabled'] === 'true',
      cutsUnhealthy: set['target_health_state.unhealthy.connection_termination.enabled'] !== 'false',
      healthCheck: {
        port: Number(Properties['HealthCheckPort']),
        path: Properties['HealthCheckPath'] as string,
        intervalSeconds: Properties['HealthCheckIntervalSeconds'] as number,
        timeoutSeconds: Properties['HealthCheckTimeoutSeconds'] as number,
        healthy: Properties['HealthyThresholdCount'] as number,
        unhealthy: Properties['UnhealthyThresholdCount'] as number,
      },
    };
  });
}

/** What scaling keeps running, and the most it starts. */
export function taskCountOf(template: Template): { readonly least: number; readonly most: number } {
  const { Properties } = onlyResource(template, 'AWS::ApplicationAutoScaling::ScalableTarget');
  return { least: Properties['MinCapacity'] as number, most: Properties['MaxCapacity'] as number };
}

export function containerOf(template: Template): Readonly<Record<string, unknown>> {
  const [container] = onlyResource(template, 'AWS::ECS::TaskDefinition').Properties['ContainerDefinitions'] as [Record<string, unknown>];
  return container;
}

export function environmentOf(template: Template, known: Known): Record<string, string> {
  const written = containerOf(template)['Environment'] as readonly { readonly Name: string; readonly Value: unknown }[];
  return Object.fromEntries(written.map(({ Name, Value }) => [Name, resolve(Value, known)]));
}

/** Statements of every policy that hangs on the role. */
export function statementsOf(template: Template, role: string): Statement[] {
  return resourcesOf(template, 'AWS::IAM::Policy')
    .filter(({ Properties }) => (Properties['Roles'] as { Ref: string }[]).some(({ Ref }) => Ref === role))
    .flatMap(({ Properties }) => (Properties['PolicyDocument'] as { Statement: Statement[] }).Statement);
}

export function taskRoleOf(template: Template): string {
  return (onlyResource(template, 'AWS::ECS::TaskDefinition').Properties['TaskRoleArn'] as { 'Fn::GetAtt': [string, string] })[
    'Fn::GetAtt'
  ][0];
}

/** A value of the template as text. Zones are called `zone-1`, `zone-2` … where nothing else is known. */
export function resolve(value: unknown, known: Known): string {
  if (typeof value === 'string') return value;
  const [[kind, inner] = ['', undefined]] = Object.entries(value as Record<string, unknown>);
  if (kind === 'Ref') return lookUp(inner as string, known);
  if (kind === 'Fn::GetAtt') return lookUp((inner as string[]).join('.'), known);
  if (kind === 'Fn::Join') return (inner as [string, unknown[]])[1].map((part) => resolve(part, known)).join((inner as [string])[0]);
  if (kind === 'Fn::Select') return known[`zone-${(inner as [number])[0] + 1}`] ?? `zone-${(inner as [number])[0] + 1}`;
  throw new Error(`${JSON.stringify(value)} cannot be resolved`);
}

function lookUp(name: string, known: Known): string {
  const value = known[name];
  if (value === undefined) throw new Error(`the value of ${name} is not known`);
  return value;
}

function attributes(list: unknown): Record<string, string> {
  return Object.fromEntries((list as { Key: string; Value: string }[]).map(({ Key, Value }) => [Key, Value]));
}
