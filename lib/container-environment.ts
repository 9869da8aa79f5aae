import type { VariableName } from '../runtime/config/variables';

/** What a container or function is given. A name that the server does not read does not compile, so infrastructure and server cannot drift apart. */
export type ContainerEnvironment = Partial<Record<VariableName, string>>;

/** Ports inside a task. The container is not root and opens none below 1024; the load balancer translates. */
export const taskPorts = { explicit: 2121, implicit: 9990, data: 3000, admin: 3001, relay: 3002 } as const;

/** Ports that partners see: 2 + 48 is exactly the most listeners that a Network Load Balancer has. */
export const publicPorts = { explicit: 21, implicit: 990, firstPassive: 8192, lastPassive: 8239 } as const;

export const passiveRange = `${publicPorts.firstPassive}-${publicPorts.lastPassive}`;
