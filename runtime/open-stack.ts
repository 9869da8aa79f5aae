import { readStackOutputs } from './adapters/stack-outputs';
import { OperatorError } from './operator/operator-error';

/** The part of the composition that finds a deployed stack: its outputs as the settings that its tasks have, for commands that run elsewhere. */

/** Settings by the output that tells them. */
const settingOf: Readonly<Record<string, string>> = {
  Bucket: 'CAUSEWAY_BUCKET',
  Table: 'CAUSEWAY_TABLE',
  Region: 'CAUSEWAY_REGION',
  ExplicitPort: 'CAUSEWAY_EXPLICIT_PORT',
  ImplicitPort: 'CAUSEWAY_IMPLICIT_PORT',
  PassivePorts: 'CAUSEWAY_PASSIVE_PORTS',
};

export interface DeployedStack {
  readonly name: string;
  readonly settings: Readonly<Record<string, string>>;
  /** The name or address that partners connect to. */
  readonly host: string;
}

export async function findStack(name: string, region: string | undefined): Promise<DeployedStack> {
  const outputs = await readStackOutputs(name, region).catch((error: Error) => {
    throw new OperatorError(error.message, 'failed', { cause: error });
  });
  return deployedBy(name, outputs);
}

export function deployedBy(name: string, outputs: ReadonlyMap<string, string>): DeployedStack {
  const told = (output: string): string => {
    const value = outputs.get(output);
    if (value === undefined)
      throw new OperatorError(
        `the stack ${name} has no output ${output}: is it one of Causeway? In an app of your own, addOutputs() of the construct makes them`,
      );
    return value;
  };
  const settings = Object.fromEntries(Object.entries(settingOf).map(([output, setting]) => [setting, told(output)]));
  return { name, settings: { ...settings, CAUSEWAY_OBJECTS: 's3', CAUSEWAY_METADATA: 'dynamodb' }, host: told('Host') };
}
