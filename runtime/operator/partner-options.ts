import { allRights, dropBoxRights, type Right, type UserSwitches } from '../model/user';
import { OperatorError } from './operator-error';
import type { PartnerChanges } from './partners';

/** What an operator writes behind `--rights`, `--switch`, `--directory` and the limits: text to values, apart from what is then done with them. */

export interface ChangeOptions {
  readonly home?: string;
  readonly rights?: string;
  readonly directory?: readonly string[];
  readonly allow?: readonly string[];
  readonly maxSessions?: string;
  readonly maxFile?: string;
  readonly switch?: readonly string[];
}

/** Only what was named: what is not there stays as it is. */
export function partnerChanges({ home, rights, directory, allow, maxSessions, maxFile, switch: switches }: ChangeOptions): PartnerChanges {
  return {
    ...(home !== undefined && { home }),
    ...(rights !== undefined && { rights: parseRights(rights) }),
    ...(directory && { directories: parseDirectories(directory) }),
    ...(allow && { allowedAddresses: parseAllowed(allow) }),
    ...(maxSessions !== undefined && { maxSessions: parseLimit('--max-sessions', maxSessions) }),
    ...(maxFile !== undefined && { maxFileBytes: parseLimit('--max-file', maxFile) }),
    ...(switches && { switches: parseSwitches(switches) }),
  };
}

/** Blocks, or `any` alone: beside one it would say the opposite. */
function parseAllowed(allow: readonly string[]): readonly string[] {
  const given = allow.flatMap((list) => list.split(','));
  if (!given.includes('any')) return given;
  const block = given.find((one) => one !== 'any');
  if (block !== undefined) throw wrongUsage(`--allow any lifts the limit that --allow ${block} sets: give one of them`);
  return [];
}

/** `all`, `drop-box`, `none`, or a list such as `list,read,write`. */
export function parseRights(text: string): readonly Right[] {
  if (text === 'all') return allRights;
  if (text === 'drop-box') return dropBoxRights;
  if (text === 'none') return [];
  const rights = text.split(',').map((right) => right.trim());
  const wrong = rights.find((right) => !(allRights as readonly string[]).includes(right));
  if (wrong !== undefined) throw wrongUsage(`"${wrong}" is no right: ${allRights.join(', ')}, or the presets all, drop-box, none`);
  return allRights.filter((right) => rights.includes(right));
}

/** `path=rights`, as often as wanted; `path=` removes what the directory has of its own. The path may hold `=`. */
export function parseDirectories(assignments: readonly string[]): Readonly<Record<string, readonly Right[] | undefined>> {
  return Object.fromEntries(
    assignments.map((assignment) => {
      const equals = assignment.lastIndexOf('=');
      if (equals < 1)
        throw wrongUsage(`"${assignment}" is no directory with rights: write it as /out=list,read, or as /out= to remove them`);
      const rights = assignment.slice(equals + 1);
      return [assignment.slice(0, equals), rights === '' ? undefined : parseRights(rights)];
    }),
  );
}

const choices: { readonly [K in keyof UserSwitches]-?: readonly string[] | 'names' | 'boolean' } = {
  endOfData: ['strict', 'warn', 'off'],
  dataTlsReuse: ['off', 'prefer', 'require'],
  dataPeer: ['address', 'session'],
  allowClearData: 'boolean',
  assumeProtP: 'boolean',
  pbszRequired: 'boolean',
  allowCcc: 'boolean',
  temporaryNames: ['on', 'off'],
  temporaryDirectories: 'names',
  announcedSize: ['check', 'ignore'],
  allowEmptyWithoutTls: 'boolean',
  legacyCharset: ['windows-1252', 'iso-8859-1', 'none'],
};

export const switchNames = Object.keys(choices);

/** `name=value`, as often as wanted. */
export function parseSwitches(assignments: readonly string[]): Partial<UserSwitches> {
  const switches: Record<string, unknown> = {};
  for (const assignment of assignments) {
    const equals = assignment.indexOf('=');
    if (equals < 1) throw wrongUsage(`"${assignment}" is no switch with a value: write it as endOfData=warn`);
    const name = assignment.slice(0, equals);
    switches[name] = parseSwitch(name, assignment.slice(equals + 1));
  }
  return switches as Partial<UserSwitches>;
}

function parseSwitch(name: string, value: string): unknown {
  // `Object.hasOwn`: "constructor" is no switch either.
  const allowed = Object.hasOwn(choices, name) ? choices[name as keyof UserSwitches] : undefined;
  if (allowed === undefined) throw wrongUsage(`"${name}" is no switch: ${switchNames.join(', ')}`);
  if (allowed === 'names') {
    const names = value === '' ? [] : value.split(',');
    const wrong = names.find((each) => each === '' || each.includes('/'));
    if (wrong !== undefined) throw wrongUsage(`"${wrong}" is no directory name: ${name} takes names such as tmp, not paths`);
    return names;
  }
  if (allowed === 'boolean') {
    if (value !== 'true' && value !== 'false') throw wrongUsage(`${name} is true or false, not "${value}"`);
    return value === 'true';
  }
  if (!allowed.includes(value)) throw wrongUsage(`${name} is one of ${allowed.join(', ')}, not "${value}"`);
  return value === 'none' ? undefined : value;
}

/** `none` lifts the limit. */
export function parseLimit(name: string, text: string): number | undefined {
  if (text === 'none') return undefined;
  if (!/^\d{1,15}$/.test(text) || Number(text) < 1) throw wrongUsage(`${name} is a whole number from 1, or none, not "${text}"`);
  return Number(text);
}

function wrongUsage(text: string): OperatorError {
  return new OperatorError(text, 'usage');
}
