import { type Variable, type VariableName, variables } from '../runtime/config/variables';
import type { Check } from './setting-checks';

/**
 * Settings of the server that an operator may choose at deployment: all but those that follow from the infrastructure. They are checked with the
 * server's own table, so that a wrong one is told here and not by a task that does not start.
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

const open = Object.entries(variables as Record<string, Variable>).filter(([name]) => !(ownedByStack as readonly string[]).includes(name));

export const serverVariables: Check<Readonly<Record<string, string>>> = (value) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { wanted: 'an object of CAUSEWAY_ names and strings' };
  for (const [name, text] of Object.entries(value)) {
    const variable = open.find(([known]) => known === name)?.[1];
    if (!variable) return { wanted: `an object whose names are among ${open.map(([known]) => known).join(', ')}; ${name} is not` };
    const wanted = typeof text === 'string' ? misfit(variable, text) : 'a string';
    if (wanted) return { wanted: `an object in which ${name} is ${wanted}` };
  }
  return { value: value as Readonly<Record<string, string>> };
};

/** What a variable wants where the text is not it; sizes with units are left to the server. */
function misfit({ kind, choices, range }: Variable, text: string): string | undefined {
  if (kind === 'choice' && !choices?.includes(text)) return `one of ${choices?.join(', ')}`;
  if (!range || (kind === 'bytes' && !/^\d+$/.test(text))) return undefined;
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  return number >= range[0] && number <= range[1] ? undefined : `a whole number from ${range[0]} to ${range[1]}`;
}
