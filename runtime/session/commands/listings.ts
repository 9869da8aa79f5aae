import type { Shown } from '../../filesystem/partner-view';
import { Failure, type FailureKind } from '../../model/failure';
import type { VirtualPath } from '../../model/virtual-path';
import type { ListingArgument } from '../../protocol/arguments';
import { nameMatcher } from '../../protocol/glob';
import { formatFacts, formatListLine, formatNameLine, type ListedItem } from '../../protocol/listing';
import * as replies from '../../protocol/replies';
import type { Result } from '../command';
import type { Context } from '../context';
import { listedItem, listingTransfer } from '../listing-transfer';

/** LIST, NLST, MLSD, and STAT with a path. */

interface Listing {
  readonly path: VirtualPath;
  readonly pages: AsyncIterable<readonly Shown[]>;
  /** What NLST puts before each name. */
  readonly prefix: string;
}

/** What a listing tells: a size that was told is one from which an upload may be continued, so only what shows sizes asks for it. */
type Purpose = 'size' | 'time';

/**
 * A name that exists exactly as written wins over flags and patterns; a file is a listing of one line; `-d` names the directory itself. Undefined: the pattern
 * is too long.
 */
async function find(argument: ListingArgument, { view }: Context, purpose: Purpose): Promise<Listing | undefined> {
  const exact = await findExact(argument, view, purpose);
  const path = exact ? exact.path : argument.path;
  const { prefix, pattern } = argument;
  if (!exact && pattern !== undefined) {
    const matches = nameMatcher(pattern);
    return matches && { path, prefix, pages: filtered(await view.list(path), matches) };
  }
  const shown = exact ?? (await view.stat(path, purpose));
  if (shown.kind === 'directory' && !argument.flags.includes('d')) return { path, prefix, pages: await view.list(path) };
  return { path, prefix: pattern === undefined ? parentAsWritten(prefix) : prefix, pages: one(shown) };
}

/** `sub/x/`, the prefix of what lies in x, to `sub/`, the prefix of x itself. */
function parentAsWritten(prefix: string): string {
  return prefix.slice(0, prefix.lastIndexOf('/', prefix.length - 2) + 1);
}

/** The whole argument as a name, where it could also be read as flags or as a pattern. */
async function findExact({ exact, path, pattern }: ListingArgument, view: Context['view'], purpose: Purpose): Promise<Shown | undefined> {
  if (exact === undefined || (pattern === undefined && exact === path)) return undefined;
  try {
    return await view.stat(exact, purpose);
  } catch (error) {
    // Not there, or not to be seen: then it was flags or a pattern.
    if (error instanceof Failure && notThere.has(error.kind)) return undefined;
    throw error;
  }
}

const notThere: ReadonlySet<FailureKind> = new Set(['not-found', 'not-a-directory', 'not-allowed', 'name-not-allowed']);

async function* one(shown: Shown): AsyncGenerator<readonly Shown[]> {
  yield [shownAs(shown)];
}

/** The root has no name of its own. */
function shownAs(shown: Shown): Shown {
  return shown.path === '/' ? { ...shown, name: '.' } : shown;
}

async function* filtered(pages: AsyncIterable<readonly Shown[]>, matches: (name: string) => boolean): AsyncGenerator<readonly Shown[]> {
  for await (const page of pages) yield page.filter(({ name }) => matches(name));
}

export async function list(argument: ListingArgument, context: Context): Promise<Result> {
  const found = await find(argument, context, 'size');
  if (!found) return replies.syntaxError;
  const { path, pages } = found;
  const now = context.clock.now();
  return { transfer: listingTransfer(context, path, pages, (item) => formatListLine(item, now)) };
}

export async function listNames(argument: ListingArgument, context: Context): Promise<Result> {
  const found = await find(argument, context, 'time');
  if (!found) return replies.syntaxError;
  const { path, pages, prefix } = found;
  return { transfer: listingTransfer(context, path, pages, (item) => formatNameLine(prefix, item)) };
}

/** No flags, no patterns: `-a` is a name here (RFC 3659 §7). */
export async function listFacts(path: VirtualPath, context: Context): Promise<Result> {
  const { view, state } = context;
  const shown = await view.stat(path, 'time');
  if (shown.kind === 'file') return replies.mlsdOfFile;
  const { facts } = state;
  const format = (item: ListedItem) => `${formatFacts(item, facts, item.name)}\r\n`;
  return { transfer: listingTransfer(context, path, await view.list(path), format) };
}

/** The lines of LIST on the control connection: capped, for a listing there stops everything else. */
export async function statusOfPath(argument: ListingArgument, context: Context): Promise<Result> {
  const { view, clock, limits } = context;
  const exact = await findExact(argument, view, 'size');
  // No patterns here: what a matcher costs, the control connection would wait for (CVE-2011-0762).
  if (!exact && argument.pattern !== undefined) return replies.failed('refused', 'No such file or directory.');
  const target = exact ?? (await view.stat(argument.path, 'size'));
  const now = clock.now();
  const line = (item: Shown) => formatListLine(listedItem(view, item), now).replace(/\r\n$/, '');
  if (target.kind === 'file') return replies.statusOfFile([line(target)]);
  if (argument.flags.includes('d')) return replies.statusOfDirectory([line(shownAs(target))]);
  const lines: string[] = [];
  for await (const page of await view.list(target.path)) {
    for (const item of page) lines.push(line(item));
    if (lines.length > limits.statusEntries) return replies.tooLongForStatus;
  }
  return replies.statusOfDirectory(lines);
}
