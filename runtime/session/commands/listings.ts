import type { Shown } from '../../filesystem/partner-view';
import { Failure } from '../../model/failure';
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
  /** One file, not the children of a directory. */
  readonly single: boolean;
  readonly prefix: string;
}

/** A name that exists exactly as written wins over flags and patterns; a file is a listing of one line; `-d` names the directory itself. */
async function find(argument: ListingArgument, { view }: Context): Promise<Listing> {
  const exact = argument.exact === undefined || argument.exact === argument.path ? undefined : await statIfThere(argument.exact, view);
  const path = exact ? exact.path : argument.path;
  const { prefix } = argument;
  if (!exact && argument.pattern !== undefined) {
    const matches = nameMatcher(argument.pattern);
    if (!matches) throw new Failure('name-not-allowed', 'The pattern is too long.');
    return { path, prefix, single: false, pages: filtered(await view.list(path), matches) };
  }
  const shown = exact ?? (await view.stat(path, 'time'));
  if (shown.kind === 'directory' && !argument.flags.includes('d')) return { path, prefix, single: false, pages: await view.list(path) };
  const asWritten = prefix.replace(/\/$/, '');
  return { path, prefix: asWritten.slice(0, asWritten.lastIndexOf('/') + 1), single: true, pages: one(shown) };
}

async function statIfThere(path: VirtualPath, view: Context['view']): Promise<Shown | undefined> {
  try {
    return await view.stat(path, 'time');
  } catch (error) {
    // Not there, or not to be seen: then it was flags or a pattern.
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

async function* one(shown: Shown): AsyncGenerator<readonly Shown[]> {
  yield [shown.path === '/' ? { ...shown, name: '.' } : shown];
}

async function* filtered(pages: AsyncIterable<readonly Shown[]>, matches: (name: string) => boolean): AsyncGenerator<readonly Shown[]> {
  for await (const page of pages) yield page.filter(({ name }) => matches(name));
}

export async function list(argument: ListingArgument, context: Context): Promise<Result> {
  const { path, pages } = await find(argument, context);
  const now = context.clock.now();
  return { transfer: listingTransfer(context, path, pages, (item) => formatListLine(item, now)) };
}

export async function listNames(argument: ListingArgument, context: Context): Promise<Result> {
  const { path, pages, prefix } = await find(argument, context);
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

const mostInStatus = 1_000;

/** The lines of LIST on the control connection: capped, for a listing there stops everything else. */
export async function statusOfPath(argument: ListingArgument, context: Context): Promise<Result> {
  const { view, clock } = context;
  const shown = argument.exact === undefined ? undefined : await statIfThere(argument.exact, view);
  const target = shown ?? (await view.stat(argument.path, 'time'));
  const now = clock.now();
  const line = (item: Shown) => formatListLine(listedItem(view, item), now).replace(/\r\n$/, '');
  if (target.kind === 'file') return replies.statusOfFile([line(target)]);
  const lines: string[] = [];
  for await (const page of await view.list(target.path)) {
    for (const item of page) lines.push(line(item));
    if (lines.length > mostInStatus) return replies.tooLongForStatus;
  }
  return replies.statusOfDirectory(lines);
}
