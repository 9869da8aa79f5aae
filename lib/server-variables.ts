import { readConfig } from '../runtime/config/config';
import { type VariableName, variables } from '../runtime/config/variables';
import type { Check } from './setting-checks';

/**
 * Settings of the server that an operator may choose at deployment: all but those that follow from the infrastructure. The server's own reader looks at
 * them, so that a wrong one is told here and not by a task that does not start.
 */
export const ownedByStack: readonly VariableName[] = [
  'CAUSEWAY_DATA',
  'CAUSEWAY_OBJECTS_PATH',
  'CAUSEWAY_OBJECTS',
  'CAUSEWAY_BUCKET',
  'CAUSEWAY_S3_ENDPOINT',
  'CAUSEWAY_S3_PROFILE',
  'CAUSEWAY_S3_KMS_KEY',
  'CAUSEWAY_S3_STORAGE_CLASS',
  'CAUSEWAY_S3_TAGS',
  'CAUSEWAY_BUCKET_EVENTS',
  'CAUSEWAY_METADATA',
  'CAUSEWAY_TABLE',
  'CAUSEWAY_DYNAMODB_ENDPOINT',
  'CAUSEWAY_REGION',
  'CAUSEWAY_FLEET',
  'CAUSEWAY_HOST',
  'CAUSEWAY_EXPLICIT_PORT',
  'CAUSEWAY_IMPLICIT_PORT',
  'CAUSEWAY_PASSIVE_PORTS',
  'CAUSEWAY_PASV_ADDRESS',
  'CAUSEWAY_DATA_PORT',
  'CAUSEWAY_ADMIN_PORT',
  'CAUSEWAY_RELAY_PORT',
  'CAUSEWAY_RELAY_ADDRESS',
  'CAUSEWAY_ZONE',
  'CAUSEWAY_CERTIFICATE',
  'CAUSEWAY_KEY',
  'CAUSEWAY_CERTIFICATE_ARN',
  'CAUSEWAY_CERTIFICATE_SECRET',
  'CAUSEWAY_DRAIN_TIMEOUT',
  'CAUSEWAY_DISK_RESERVE',
];

const open = Object.keys(variables).filter((name) => !(ownedByStack as readonly string[]).includes(name));

export const serverVariables: Check<Readonly<Record<string, string>>> = (value) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { wanted: 'an object of CAUSEWAY_ names and strings' };
  for (const [name, text] of Object.entries(value)) {
    if (!open.includes(name)) return { wanted: `without ${name}, which is not among those that can be set here: ${open.join(', ')}` };
    if (typeof text !== 'string') return { wanted: `an object in which ${name} is a string` };
  }
  return { value: value as Readonly<Record<string, string>> };
};

/** What every task is, as far as other settings must fit to it. */
const task = {
  CAUSEWAY_FLEET: 'on',
  CAUSEWAY_OBJECTS: 's3',
  CAUSEWAY_BUCKET: 'bucket',
  CAUSEWAY_METADATA: 'dynamodb',
  CAUSEWAY_TABLE: 'table',
} as const satisfies Partial<Record<VariableName, string>>;

/** @param memory Bytes of a task. */
export function serverFaults(server: Readonly<Record<string, string>>, memory: number): readonly string[] {
  const config = readConfig({ ...server, ...task }, memory);
  if ('faults' in config) return config.faults.map((fault) => `server: ${fault}`);
  // What else a task keeps grows with the same load; a task that is ended for its memory cuts all of its transfers.
  const most = memory / 2;
  if (config.bufferBudget <= most) return [];
  return [`server: CAUSEWAY_BUFFER_BUDGET is "${server['CAUSEWAY_BUFFER_BUDGET']}", but must be at most ${most}, half of memory`];
}
