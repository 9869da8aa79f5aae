import { formatListTime, formatTimeValue } from './time-value';

/** Lines of LIST, NLST and MLSx. Names come in already chosen: whoever calls leaves out those that no line can carry. */
export interface ListedItem {
  readonly name: string;
  readonly kind: 'file' | 'directory';
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly modified: number;
  readonly unique: string;
  readonly permissions: Permissions;
}

export interface Permissions {
  readonly read: boolean;
  readonly write: boolean;
  readonly overwrite: boolean;
  readonly delete: boolean;
  readonly rename: boolean;
  readonly list: boolean;
  readonly mkdir: boolean;
}

/**
 * `ls -l` in fixed English and UTC. Owner and group are constants, for real names leak; modes show what the partner may do. Old parsers need exactly ten
 * mode characters, and the rest of the line behind one space is the name.
 */
export function formatListLine(item: ListedItem, now: number): string {
  const { permissions } = item;
  const directory = item.kind === 'directory';
  const readable = directory ? permissions.list : permissions.read;
  const writable = directory ? permissions.write : permissions.overwrite;
  const triplet = (write: boolean) => `${readable ? 'r' : '-'}${write ? 'w' : '-'}${directory ? 'x' : '-'}`;
  const mode = `${directory ? 'd' : '-'}${triplet(writable)}${triplet(false)}${triplet(false)}`;
  const size = String(directory ? 0 : item.size).padStart(12);
  return `${mode}   1 ftp      ftp      ${size} ${formatListTime(item.modified, now)} ${item.name}\r\n`;
}

/** The bare name, with the path in front as the client wrote it, so that it can be used as it is (RFC 1123 §4.1.2.7). */
export function formatNameLine(prefix: string, item: ListedItem): string {
  return `${prefix}${item.name}\r\n`;
}

export const allFacts = ['type', 'size', 'modify', 'perm', 'unique'] as const;
export type Fact = (typeof allFacts)[number];

/** Facts, one space, name (RFC 3659 §7.2). `type=` first and in lower case: some clients compare it letter by letter. */
export function formatFacts(item: ListedItem, facts: readonly Fact[], name: string): string {
  let text = '';
  for (const fact of facts) {
    const value = factOf(item, fact);
    if (value !== undefined) text += `${fact}=${value};`;
  }
  return `${text} ${name}`;
}

function factOf(item: ListedItem, fact: Fact): string | undefined {
  switch (fact) {
    case 'type':
      return item.kind === 'directory' ? 'dir' : 'file';
    case 'size':
      return item.kind === 'file' ? String(item.size) : undefined;
    case 'modify':
      return formatTimeValue(item.modified);
    case 'perm':
      return item.kind === 'file' ? filePermissions(item.permissions) : directoryPermissions(item.permissions);
    case 'unique':
      return item.unique;
  }
}

function filePermissions(may: Permissions): string {
  return letters([
    ['a', may.overwrite && may.write],
    ['d', may.delete],
    ['f', may.rename],
    ['r', may.read],
    ['w', may.overwrite && may.write],
  ]);
}

/** `d` is left out: whether the directory is empty is not known here (RFC 3659 §7.5.5). */
function directoryPermissions(may: Permissions): string {
  return letters([
    ['c', may.write],
    ['e', true],
    ['f', may.rename],
    ['l', may.list],
    ['m', may.mkdir],
    ['p', may.delete],
  ]);
}

function letters(flags: readonly (readonly [string, boolean])[]): string {
  return flags
    .filter(([, granted]) => granted)
    .map(([letter]) => letter)
    .join('');
}

/** Which facts an OPTS MLST asks for, in our order; unknown ones are dropped silently (RFC 3659 §7.9). Undefined: the list is malformed. */
export function selectFacts(list: string): readonly Fact[] | undefined {
  if (list.includes(' ')) return undefined;
  const asked = new Set(list.toLowerCase().split(';'));
  return allFacts.filter((fact) => asked.has(fact));
}
