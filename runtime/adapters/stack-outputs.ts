import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';

/**
 * What a deployed stack tells of itself: its outputs, by name.
 *
 * @throws One line for the operator.
 */
export async function readStackOutputs(
  name: string,
  region: string | undefined,
  client: Pick<CloudFormationClient, 'send'> = new CloudFormationClient(region === undefined ? {} : { region }),
): Promise<ReadonlyMap<string, string>> {
  const { Stacks: [stack] = [] } = await client.send(new DescribeStacksCommand({ StackName: name })).catch((error: unknown) => {
    throw new Error(`the stack ${name} cannot be read: ${explain(error as Error)}`, { cause: error });
  });
  return new Map((stack?.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]));
}

function explain({ name, message }: Error): string {
  // The SDK knows which profile it looked for, and how a session that has ended is begun again.
  if (name === 'CredentialsProviderError') return `no credentials for AWS were found: ${message}`;
  if (/region is missing/i.test(message)) return 'no region is set: use AWS_REGION';
  return message;
}
