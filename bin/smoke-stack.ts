import { type ExecFileException, execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** What is asked of the account, through the `aws` command line that an operator has set up anyway. */
const run = promisify(execFile);
const waitMs = 60_000;

export interface StackOutputs {
  readonly host: string;
  readonly addresses: readonly string[];
  readonly explicitPort: number;
  readonly implicitPort: number;
  readonly passivePorts: readonly number[];
  readonly region: string;
  readonly cluster: string;
  readonly service: string;
  readonly log: string;
}

interface DescribedStacks {
  readonly Stacks?: readonly { readonly Outputs?: readonly { readonly OutputKey: string; readonly OutputValue: string }[] }[];
}

export async function readStack(name: string): Promise<StackOutputs> {
  return readOutputs(name, (await aws('cloudformation', 'describe-stacks', '--stack-name', name)) as DescribedStacks);
}

export function readOutputs(name: string, described: DescribedStacks): StackOutputs {
  const outputs = new Map(described.Stacks?.[0]?.Outputs?.map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue]));
  const value = (key: string): string => {
    const found = outputs.get(key);
    if (!found) throw new Error(`the stack ${name} has no output ${key}: is it one of Causeway?`);
    return found;
  };
  return {
    host: value('Host'),
    addresses: value('Addresses').split(','),
    explicitPort: Number(value('ExplicitPort')),
    implicitPort: Number(value('ImplicitPort')),
    passivePorts: readPorts(value('PassivePorts')),
    region: value('Region'),
    cluster: value('Cluster'),
    service: value('Service'),
    log: value('Log'),
  };
}

/** `8192-8239`, or a list with commas. */
export function readPorts(text: string): number[] {
  const ports = text.split(',').flatMap((part) => {
    const match = /^\s*(\d{1,5})(?:-(\d{1,5}))?\s*$/.exec(part);
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? match?.[1]);
    if (!match || first < 1 || last > 65_535 || last < first) throw new Error(`"${text}" is no list of ports such as 8192-8239`);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
  return [...new Set(ports)];
}

/** Replaces every task and waits until the last of the old ones is gone. */
export async function replaceTasks({ region, cluster, service }: StackOutputs, patienceMinutes: number): Promise<void> {
  await aws('ecs', 'update-service', '--region', region, '--cluster', cluster, '--service', service, '--force-new-deployment');
  for (let minute = 0; minute < patienceMinutes * 2; minute++) {
    await new Promise((resolve) => setTimeout(resolve, 30_000));
    const described = (await aws('ecs', 'describe-services', '--region', region, '--cluster', cluster, '--services', service)) as {
      readonly services: readonly { readonly deployments: readonly { readonly status: string; readonly rolloutState: string }[] }[];
    };
    const deployments = described.services[0]?.deployments ?? [];
    // The old deployment stays as long as the task with our upload holds itself: it is enough that the new one is there.
    if (deployments.some(({ status, rolloutState }) => status === 'PRIMARY' && rolloutState === 'COMPLETED')) return;
    if (deployments.some(({ rolloutState }) => rolloutState === 'FAILED')) throw new Error('the deployment failed');
    if (minute >= 10 && deployments.length > 1) return;
  }
  throw new Error(`the deployment has not ended after ${patienceMinutes} minutes`);
}

/** Addresses of clients as the tasks saw them, in the sessions of the last minutes. */
export async function peersInLog({ region, log }: StackOutputs, user: string, sinceMs: number): Promise<string[]> {
  const answer = (await aws(
    'logs',
    'filter-log-events',
    '--region',
    region,
    '--log-group-name',
    log,
    '--start-time',
    String(sinceMs),
    '--filter-pattern',
    `{ $.event = "login.ok" && $.partner = "${user}" }`,
  )) as { readonly events: readonly { readonly message: string }[] };
  return answer.events.map(({ message }) => String((JSON.parse(message) as { peer?: string }).peer));
}

async function aws(...parameters: string[]): Promise<unknown> {
  const { stdout } = await run('aws', [...parameters, '--output', 'json'], { timeout: waitMs, maxBuffer: 16 * 1024 * 1024 }).catch(
    (error: ExecFileException & { stderr?: string }) => {
      throw new Error(explainAws(error), { cause: error });
    },
  );
  return JSON.parse(stdout);
}

/** What the program said itself; of the call that failed nobody needs to know. */
export function explainAws({
  code,
  stderr,
  message,
}: {
  readonly code?: unknown;
  readonly stderr?: string;
  readonly message: string;
}): string {
  if (code === 'ENOENT') return 'the aws command line is not installed: what is asked of the account is asked with it';
  return stderr?.trim() ? `aws: ${stderr.trim()}` : message;
}
