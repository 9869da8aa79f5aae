import { Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/**
 * Findings of the security rules that are so on purpose, each with its reason beside the code that causes it. One of wildcards is known by the
 * resource it names, so a wildcard that comes later is found again.
 */
export function acknowledgeWildcard(construct: IConstruct, resource: string, reason: string): void {
  Validations.of(construct).acknowledge({ id: `AwsSolutions-IAM5[Resource::${spelled(Stack.of(construct).resolve(resource))}]`, reason });
}

/** An ARN as the rules spell it: `<LogicalId.Attribute>` for what is known only when it is deployed. */
function spelled(resolved: unknown): string {
  if (typeof resolved === 'string') return resolved;
  const [[kind, value] = ['', undefined]] = Object.entries(resolved as Record<string, unknown>);
  if (kind === 'Ref') return `<${value}>`;
  if (kind === 'Fn::GetAtt') return `<${(value as string[]).join('.')}>`;
  if (kind === 'Fn::Join') return (value as [string, unknown[]])[1].map(spelled).join((value as [string, unknown[]])[0]);
  throw new Error(`an ARN made by ${kind} cannot be spelled`);
}
