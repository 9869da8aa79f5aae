import type { Clock } from '../../ports/clock';
import { askAgent } from './agent-request';

/** Who this container is, from the task metadata endpoint, version 4. */
export interface TaskPlace {
  /** Under which the other tasks reach this one. */
  readonly address: string;
  readonly zone: string;
  readonly taskArn: string;
}

/** A container may be up before the agent knows all of its task. */
const mostAttempts = 5;
const betweenAttempts = 1_000;

/** `base` is what the container finds as ECS_CONTAINER_METADATA_URI_V4. Throws: without its address and zone a task of a fleet cannot serve. */
export async function readTaskPlace(base: string, clock: Pick<Clock, 'sleep'>): Promise<TaskPlace> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await askPlace(base);
    } catch (cause) {
      if (attempt === mostAttempts)
        throw new Error(`the task metadata at ${base}/task cannot be read: ${(cause as Error).message}`, { cause });
      await clock.sleep(betweenAttempts);
    }
  }
}

async function askPlace(base: string): Promise<TaskPlace> {
  const answer = (await askAgent({ method: 'GET', url: `${base}/task` })) as TaskAnswer | null;
  const addresses = (answer?.Containers ?? []).flatMap(({ Networks }) =>
    (Networks ?? []).flatMap(({ IPv4Addresses }) => IPv4Addresses ?? []),
  );
  const [address] = addresses;
  if (address === undefined) throw new Error('The task metadata names no private address.');
  if (!answer?.AvailabilityZone) throw new Error('The task metadata names no availability zone.');
  return { address, zone: answer.AvailabilityZone, taskArn: answer.TaskARN ?? '' };
}

/** The parts that are read. All containers of a task share one network interface. */
interface TaskAnswer {
  readonly TaskARN?: string;
  readonly AvailabilityZone?: string;
  readonly Containers?: readonly { readonly Networks?: readonly { readonly IPv4Addresses?: readonly string[] }[] }[];
}
