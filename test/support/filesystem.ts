import { BudgetedPartBuffers } from '../../runtime/adapters/memory/budgeted-part-buffers';
import { MemoryMetadataStore } from '../../runtime/adapters/memory/memory-metadata-store';
import { MemoryObjectStore } from '../../runtime/adapters/memory/memory-object-store';
import { ProcessMetrics } from '../../runtime/adapters/process-metrics';
import { ActiveUploads } from '../../runtime/filesystem/active-uploads';
import { alone, defaultLimits, type Filesystem, type FilesystemLimits } from '../../runtime/filesystem/filesystem';
import { FolderTruth } from '../../runtime/filesystem/folder-truth';
import { openPartnerView } from '../../runtime/filesystem/open-view';
import type { PartnerView, UploadMode } from '../../runtime/filesystem/partner-view';
import { isHeld } from '../../runtime/filesystem/path-state';
import { scanRows } from '../../runtime/filesystem/rows';
import { allRights, defaultSwitches, type User } from '../../runtime/model/user';
import type { VirtualPath } from '../../runtime/model/virtual-path';
import type { ByteSource } from '../../runtime/ports/byte-source';
import type { Clock } from '../../runtime/ports/clock';
import type { Ids } from '../../runtime/ports/ids';
import type { Log } from '../../runtime/ports/log';
import type { MetadataStore } from '../../runtime/ports/metadata-store';
import type { ObjectStore } from '../../runtime/ports/object-store';

/** A filesystem on any stores, and the few things a test does with it. */
export const quietLog: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore, with: () => quietLog };

function ignore(): void {
  // Tests look at what is stored.
}

export function countingIds(prefix: string): Ids {
  let count = 0;
  return {
    session: () => `s-${++count}`,
    token: () => `${prefix}${String(++count).padStart(6, '0')}`,
    random: (below) => ++count % Math.max(1, below),
  };
}

export interface TestStores {
  readonly metadata: MetadataStore;
  readonly objects: ObjectStore;
}

export function memoryStores(): { metadata: MemoryMetadataStore; objects: MemoryObjectStore } {
  return { metadata: new MemoryMetadataStore(), objects: new MemoryObjectStore() };
}

/** For part buffers: spare ones go at once. That is no event for a clock to run on to, and what a test has left behind would be kept for a minute. */
export const noWait: Pick<Clock, 'timer'> = {
  timer: (_, action) => {
    action();
    return { cancel: () => undefined };
  },
};

export function makeFilesystem(stores: TestStores, clock: Clock, task = 'task-1', limits: Partial<FilesystemLimits> = {}): Filesystem {
  const folders = new FolderTruth();
  const fs: Filesystem = {
    ...stores,
    clock,
    task,
    folders,
    fleet: alone,
    buffers: new BudgetedPartBuffers(64 * 1024 * 1024, noWait),
    ids: countingIds(`${task}-`),
    log: quietLog,
    metrics: new ProcessMetrics(),
    active: new ActiveUploads(),
    limits: { ...defaultLimits, ...limits },
  };
  folders.attach(fs);
  return fs;
}

export function makeUser(changes: Partial<User> = {}): User {
  return {
    name: 'acme',
    home: 'acme',
    enabled: true,
    passwordHashes: [],
    rights: allRights,
    directories: {},
    allowedAddresses: [],
    switches: defaultSwitches,
    created: 0,
    ...changes,
  };
}

export const viewOf = (fs: Filesystem, user: User = makeUser()): PartnerView => openPartnerView(fs, () => user);
export const at = (path: string) => path as VirtualPath;

/** Delivers the pieces, then ends cleanly or throws. */
export function sourceOf(pieces: readonly (Buffer | string)[], ending?: Error): ByteSource {
  return {
    deliver: async (accept, ready) => {
      for (const piece of pieces) if (!accept(Buffer.from(piece))) await ready();
      if (ending) throw ending;
    },
  };
}

export const accepts = () => undefined;
export const never = () => new AbortController().signal;

export async function put(view: PartnerView, path: string, content: string | Buffer, how: UploadMode = { kind: 'new' }): Promise<void> {
  const upload = await view.prepareUpload(at(path), how);
  await upload.receive(sourceOf([Buffer.from(content)]), accepts, never());
}

/** Sends some bytes, then is cut. Gives the failure. */
export async function cut(
  view: PartnerView,
  path: string,
  pieces: readonly (Buffer | string)[],
  reason: Error,
  how: UploadMode = { kind: 'new' },
): Promise<unknown> {
  const upload = await view.prepareUpload(at(path), how);
  return upload.receive(sourceOf(pieces, reason), accepts, never()).then(
    () => undefined,
    (error: unknown) => error,
  );
}

export async function get(view: PartnerView, path: string): Promise<string> {
  const file = await view.open(at(path), 0);
  const chunks: Buffer[] = [];
  for await (const chunk of await file.read(never())) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

export async function names(view: PartnerView, path = '/'): Promise<string[]> {
  const found: string[] = [];
  for await (const page of await view.list(at(path)))
    for (const { name, kind, size } of page) found.push(kind === 'directory' ? `${name}/` : `${name} ${size}`);
  return found;
}

/** Everything that is under way: empty when all is quiet, but for parked uploads. */
export async function unfinished(fs: Filesystem): Promise<string[]> {
  const found: string[] = [];
  for await (const { key, value } of scanRows(fs, 'claim'))
    if (isHeld(value)) found.push(`claim ${value.purpose} ${key.partition}/${key.sort}`);
  for await (const { value } of scanRows(fs, 'upload')) if (value.state !== 'parked') found.push(`upload ${value.state} ${value.key}`);
  for await (const { value } of scanRows(fs, 'journal')) found.push(`journal ${value.kind}`);
  for await (const { value } of scanRows(fs, 'ended')) if (value.leftovers) found.push(`leftovers ${value.key}`);
  for await (const { key, value } of scanRows(fs, 'entry'))
    if (value.kind === 'directory' && value.mark) found.push(`mark ${value.mark.purpose} ${key.sort}`);
  return found;
}

export async function events(fs: Filesystem): Promise<string[]> {
  const found: string[] = [];
  for await (const { value } of scanRows(fs, 'outbox')) found.push(`${value.type} ${value.key}`);
  return found;
}
