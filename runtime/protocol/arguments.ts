import { type PathFault, resolvePath, type VirtualPath } from '../model/virtual-path';
import { type ExtendedPort, type HostPort, parseExtendedPort, parseHostPort } from './address';
import { decodeName, decodeUtf8, type LegacyCharset } from './charset';
import { isPattern } from './glob';
import { parseShortTime, parseTimeValue } from './time-value';

/**
 * The grammars of arguments. A row names its grammar; whatever does not fit becomes a fault before the handler is asked. Faults never carry the input: it
 * would be echoed. In one file, though long, because it is one list: the column `argument` of the command table, each entry a few lines.
 */
export interface Surroundings {
  readonly cwd: VirtualPath;
  /** Charset of names that are no UTF-8; undefined refuses them. */
  readonly legacyCharset?: LegacyCharset;
}

export type Fault =
  | { readonly fault: 'syntax' }
  | { readonly fault: 'unsupported' }
  /** A name that may not be used; `creates` tells a verb that makes the name from one that looks for it. */
  | { readonly fault: 'name'; readonly why: PathFault | 'charset'; readonly creates: boolean };

export type Grammar<T> = (raw: Buffer | undefined, at: Surroundings) => { readonly value: T } | Fault;

const syntax: Fault = { fault: 'syntax' };
const unsupported: Fault = { fault: 'unsupported' };
const ok = <T>(value: T) => ({ value });
const outerSpaces = /^ +| +$/g;

/** Whatever follows is ignored (QUIT, NOOP, CDUP …). */
export const ignored: Grammar<undefined> = () => ok(undefined);

/** Nothing may follow (FEAT, REIN, CCC, CDC). */
export const nothing: Grammar<undefined> = (raw) => (wordOf(raw) === '' ? ok(undefined) : syntax);

/** Text that may not be missing; `USER`, `ACCT` and `CLNT`. A space behind a name, as scripts leave one, would be a wrong name that nobody sees. */
export const text: Grammar<string> = (raw) => {
  const given = textOf(raw);
  return given === undefined ? syntax : ok(given);
};

/** Everything behind the space, also nothing: an empty password is a wrong one, not a malformed one. */
export const secret: Grammar<string> = (raw) => ok(raw ? decodeText(raw) : '');

export const optionalText: Grammar<string | undefined> = (raw) => ok(textOf(raw));

function textOf(raw: Buffer | undefined): string | undefined {
  return (raw && decodeText(raw).replace(outerSpaces, '')) || undefined;
}

function decodeText(raw: Buffer): string {
  return decodeUtf8(raw) ?? raw.toString('latin1');
}

/** What is no path and no secret: spaces around it mean nothing. */
function wordOf(raw: Buffer | undefined): string {
  return raw?.toString('latin1').replace(outerSpaces, '') ?? '';
}

/** A path to something that is there. */
export const path: Grammar<VirtualPath> = (raw, at) => parsePath(raw, at, false);
/** A path to something that is going to be there. */
export const newPath: Grammar<VirtualPath> = (raw, at) => parsePath(raw, at, true);

/** Without argument: the working directory. */
export const optionalPath: Grammar<VirtualPath> = (raw, at) => (raw && raw.length > 0 ? parsePath(raw, at, false) : ok(at.cwd));

function parsePath(raw: Buffer | undefined, at: Surroundings, creates: boolean): { value: VirtualPath } | Fault {
  if (!raw || raw.length === 0) return syntax;
  const decoded = decodeName(raw, at.legacyCharset);
  if (decoded === undefined) return { fault: 'name', why: 'charset', creates };
  const resolved = resolvePath(at.cwd, decoded);
  return typeof resolved === 'string' ? ok(resolved) : { fault: 'name', why: resolved.fault, creates };
}

/** STOU: nothing, or a stem; the path ends in a slash where there is no stem. */
export const stem: Grammar<{ directory: VirtualPath; stem: VirtualPath | undefined }> = (raw, at) => {
  if (!raw || raw.length === 0) return ok({ directory: at.cwd, stem: undefined });
  const parsed = parsePath(raw, at, true);
  return 'fault' in parsed ? parsed : ok({ directory: at.cwd, stem: parsed.value });
};

export interface ListingArgument {
  /** Nothing was written at all. */
  readonly empty: boolean;
  /** The letters of all leading `-x` tokens. */
  readonly flags: string;
  /** Directory or file to list. */
  readonly path: VirtualPath;
  /** `*` and `?` in the last component; `path` is then the directory. */
  readonly pattern: string | undefined;
  /** What stood in front of the last component, as the client wrote it: NLST puts it before each name. */
  readonly prefix: string;
  /** The whole argument as one path: a name that begins with `-` wins over a flag, one with a `*` in it over a pattern. */
  readonly exact: VirtualPath | undefined;
}

/** LIST, NLST and STAT: leading tokens of `-` and letters or digits are flags, whatever the letters. */
export const listing: Grammar<ListingArgument> = (raw, at) => {
  const whole = raw && raw.length > 0 ? decodeName(raw, at.legacyCharset) : '';
  if (whole === undefined) return { fault: 'name', why: 'charset', creates: false };
  let rest = whole;
  let flags = '';
  for (let match = /^-([A-Za-z0-9]+)(?: |$)/.exec(rest); match; match = /^-([A-Za-z0-9]+)(?: |$)/.exec(rest)) {
    flags += match[1];
    rest = rest.slice(match[0].length);
  }
  const slash = rest.lastIndexOf('/');
  const last = rest.slice(slash + 1);
  const pattern = isPattern(last) ? last : undefined;
  const target = pattern === undefined ? rest : slash < 0 ? '.' : rest.slice(0, slash + 1);
  const resolved = resolvePath(at.cwd, target === '' ? '.' : target);
  if (typeof resolved !== 'string') return { fault: 'name', why: resolved.fault, creates: false };
  const exact = resolvePath(at.cwd, whole === '' ? '.' : whole);
  const bare = rest === '' || rest === '.' || rest === './';
  const prefix = pattern !== undefined ? rest.slice(0, slash + 1) : bare ? '' : `${rest.replace(/\/+$/, '')}/`;
  return ok({
    empty: whole === '',
    flags,
    path: resolved,
    pattern,
    prefix,
    exact: typeof exact === 'string' ? exact : undefined,
  });
};

/** REST: digits only, within what a JavaScript number holds exactly. */
export const offset: Grammar<number> = (raw) => wholeNumber(wordOf(raw));

function wholeNumber(digits: string): { value: number } | Fault {
  if (!/^\d{1,16}$/.test(digits) || Number(digits) > Number.MAX_SAFE_INTEGER) return syntax;
  return ok(Number(digits));
}

/** ALLO: a size, and after `R` a record size that is of no use here. */
export const allocation: Grammar<number> = (raw) => {
  const match = /^(\d+)(?: +R +\d+)?$/i.exec(wordOf(raw));
  return match ? wholeNumber(match[1] as string) : syntax;
};

export type TransferType = 'A' | 'I';

/** TYPE: A with N or T, I, L 8. */
export const type: Grammar<TransferType> = (raw) => {
  const words = wordsOf(raw);
  const [first, second, ...more] = words;
  if (!first || more.length > 0) return syntax;
  if (first === 'A' && (second === undefined || second === 'N' || second === 'T')) return ok('A');
  if (first === 'I' && second === undefined) return ok('I');
  if (first === 'L' && second === '8') return ok('I');
  if ((first === 'A' && second === 'C') || first === 'E' || (first === 'L' && second !== undefined && /^\d+$/.test(second)))
    return unsupported;
  return syntax;
};

/** STRU and MODE: one letter that is served, some that are known and refused. */
export function letter(served: string, refused: string): Grammar<string> {
  return (raw) => {
    const [word, ...more] = wordsOf(raw);
    if (!word || more.length > 0) return syntax;
    if (word === served) return ok(word);
    return word.length === 1 && refused.includes(word) ? unsupported : syntax;
  };
}

function wordsOf(raw: Buffer | undefined): string[] {
  return wordOf(raw).toUpperCase().split(/ +/);
}

export const hostPort: Grammar<HostPort> = (raw) => {
  const parsed = parseHostPort(wordOf(raw));
  return parsed ? ok(parsed) : syntax;
};

export const extendedPort: Grammar<ExtendedPort> = (raw) => {
  const parsed = parseExtendedPort(wordOf(raw));
  return parsed ? ok(parsed) : syntax;
};

/** EPSV: nothing, a protocol number, or ALL. */
export const passiveFamily: Grammar<'any' | 'all' | number> = (raw) => {
  const word = wordOf(raw).toUpperCase();
  if (word === '') return ok('any');
  if (word === 'ALL') return ok('all');
  return /^\d{1,3}$/.test(word) ? ok(Number(word)) : syntax;
};

/** PBSZ: a decimal number of 32 bits (RFC 2228 §3). */
export const bufferSize: Grammar<number> = (raw) => {
  const digits = wordOf(raw);
  return /^\d{1,10}$/.test(digits) && Number(digits) <= 0xffff_ffff ? ok(Number(digits)) : syntax;
};

export const protectionLevel: Grammar<'C' | 'P' | 'S' | 'E'> = (raw) => {
  const word = wordOf(raw).toUpperCase();
  if (word === '') return syntax;
  return word === 'C' || word === 'P' || word === 'S' || word === 'E' ? ok(word) : unsupported;
};

/** AUTH: an unknown mechanism is 504, a missing one 501 (RFC 2228 §3). */
export const mechanism: Grammar<'TLS' | 'TLS-C' | 'SSL' | 'TLS-P'> = (raw) => {
  const word = wordOf(raw).toUpperCase();
  if (word === '') return syntax;
  return word === 'TLS' || word === 'TLS-C' || word === 'SSL' || word === 'TLS-P' ? ok(word) : unsupported;
};

/** LANG: nothing or a language tag; only English is served (RFC 2640 §4). */
export const language: Grammar<undefined> = (raw) => {
  const tag = wordOf(raw).toLowerCase();
  if (tag === '') return ok(undefined);
  if (!/^[a-z]{1,8}(-[a-z0-9]{1,8})*$/.test(tag)) return syntax;
  return tag === 'en' || tag.startsWith('en-') ? ok(undefined) : unsupported;
};

export interface TimedPath {
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly path: VirtualPath;
}

/** MFMT: a time, one space, a path. */
export const timedPath: Grammar<TimedPath> = (raw, at) => {
  const space = raw?.indexOf(32) ?? -1;
  if (!raw || space < 0) return syntax;
  const time = parseTimeValue(raw.toString('latin1', 0, space));
  if (time === undefined) return syntax;
  const parsed = parsePath(raw.subarray(space + 1), at, false);
  return 'fault' in parsed ? parsed : ok({ time, path: parsed.value });
};

/** A word and the rest: SITE and OPTS. The word is upper case. */
export interface SubCommand {
  readonly word: string;
  readonly rest: Buffer | undefined;
}

export const subCommand: Grammar<SubCommand> = (raw) => {
  if (!raw || raw.length === 0) return syntax;
  const space = raw.indexOf(32);
  const word = raw.toString('latin1', 0, space < 0 ? raw.length : space).toUpperCase();
  return /^[\x21-\x7e]+$/.test(word) ? ok({ word, rest: space < 0 ? undefined : raw.subarray(space + 1) }) : syntax;
};

/** SITE CHMOD: an octal mode and a path. */
export const modeAndPath: Grammar<VirtualPath> = (raw, at) => {
  const match = /^[0-7]{3,4} /.exec(raw?.toString('latin1') ?? '');
  return raw && match ? parsePath(raw.subarray(match[0].length), at, false) : syntax;
};

/** SITE UTIME, both forms: `YYYYMMDDhhmm[ss] path` (lftp) and `path atime mtime ctime UTC` (Cyberduck and ncftp). */
export const utime: Grammar<TimedPath> = (raw, at) => {
  if (!raw) return syntax;
  const line = raw.toString('latin1');
  const long = /^(.+) (\d{14}) (\d{14}) (\d{14}) UTC$/i.exec(line);
  const short = /^(\d{12}(?:\d{2})?) (.+)$/.exec(line);
  const time = long ? parseTimeValue(long[3] as string) : short ? parseShortTime(short[1] as string) : undefined;
  const name = long ? long[1] : short?.[2];
  if (time === undefined || name === undefined) return syntax;
  const parsed = parsePath(Buffer.from(name, 'latin1'), at, false);
  return 'fault' in parsed ? parsed : ok({ time, path: parsed.value });
};
