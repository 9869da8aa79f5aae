import type { MemoryObjectStore } from '../../runtime/adapters/memory/memory-object-store';
import type { Filesystem } from '../../runtime/filesystem/filesystem';
import { compareFolders } from '../../runtime/filesystem/folder-pass';
import { scanRows } from '../../runtime/filesystem/rows';
import { sweep } from '../../runtime/filesystem/sweeper';
import type { OutboxEvent } from '../../runtime/model/change';
import { type FileEntry, keyOf } from '../../runtime/model/entry';
import type { UploadRecord, UploadState } from '../../runtime/model/upload-record';
import type { MetadataStore, Write } from '../../runtime/ports/metadata-store';
import { at, makeUser, type TestStores, unfinished, viewOf } from './filesystem';
import { checksum, type Ledger } from './ledger';
import { isExplained, wasTaken } from './serial-order';

/** What must hold whatever happens: of each transaction, and of everything when all is quiet again. */

const allowed: Readonly<Record<'none' | UploadState, readonly UploadState[]>> = {
  none: ['receiving', 'committing', 'parked', 'dropped'],
  // Put back to be parked, when the claim had to be given up before any effect.
  committing: ['committing', 'receiving', 'committed', 'overtaken', 'dropped'],
  receiving: ['receiving', 'committing', 'parked', 'superseded', 'dropped'],
  parked: ['parked', 'superseded', 'dropped'],
  committed: ['committed'],
  superseded: ['superseded'],
  dropped: ['dropped'],
  overtaken: ['overtaken'],
};

/**
 * Looks at each transaction that is applied: states go forward, events are written once and in order, sequences never go back. And at what is removed from the
 * store: never what an open record names.
 */
export function watchStores({ metadata, objects }: TestStores, ledger: Ledger): TestStores {
  const open = new Map<string, string>();
  const watched = watchMetadata(metadata, ledger, open);
  const discarding = new Proxy(objects, {
    get: (target, name) => {
      const value = Reflect.get(target, name) as unknown;
      if (name === 'discard') {
        return (...[token, storedKey, progress]: Parameters<typeof objects.discard>) => {
          const uploadId = progress.uploadId ?? token;
          if ([...open.values()].includes(uploadId))
            ledger.violations.push(`${uploadId} was removed from the store while an open record names it`);
          return target.discard(token, storedKey, progress);
        };
      }
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { metadata: watched, objects: discarding };
}

/** `open`: what each open record names in the store, by its token. */
function watchMetadata(metadata: MetadataStore, ledger: Ledger, open: Map<string, string>): MetadataStore {
  const states = new Map<string, UploadState>();
  const lastEvent = new Map<string, number>();
  const lastEntry = new Map<string, { token: string; sequence: number }>();
  const wrong = (what: string) => ledger.violations.push(what);

  const note = ({ key, value, expected }: Extract<Write, { kind: 'put' }>) => {
    if (key.table === 'upload' || key.table === 'ended') {
      const { token, state } = value as UploadRecord;
      const before = states.get(token) ?? 'none';
      if (!allowed[before].includes(state)) wrong(`the record of ${token} went from ${before} to ${state}`);
      states.set(token, state);
      if (key.table === 'upload') open.set(token, (value as UploadRecord).progress.uploadId ?? token);
    } else if (key.table === 'outbox') {
      const { sequence, type } = value as OutboxEvent;
      if (expected !== 'absent') wrong(`the event ${sequence} of ${key.partition} was written over`);
      const last = lastEvent.get(key.partition) ?? 0;
      // A path that was published and taken announces both in one transaction.
      if (sequence <= last) wrong(`the event ${type} of ${key.partition} has sequence ${sequence} after ${last}`);
      lastEvent.set(key.partition, sequence);
    } else if (key.table === 'entry' && (value as FileEntry).kind === 'file') {
      const { token, sequence } = value as FileEntry;
      const name = keyOf({ parent: key.partition, name: key.sort });
      const last = lastEntry.get(name);
      if (last && last.token !== token && sequence <= last.sequence)
        wrong(`the sequence of ${name} went back from ${last.sequence} to ${sequence}`);
      lastEntry.set(name, { token, sequence });
    }
  };

  return new Proxy(metadata, {
    get: (target, name) => {
      const value = Reflect.get(target, name) as unknown;
      if (name === 'transact') {
        return async (writes: readonly Write[]) => {
          const applied = await target.transact(writes);
          if (!applied) return false;
          for (const { kind, key } of writes)
            if (kind === 'remove' && key.table === 'upload') open.delete(key.sort.slice(key.sort.indexOf('\u0000') + 1));
          for (const write of writes) if (write.kind === 'put') note(write);
          return true;
        };
      }
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Lets everything come to rest: what was left is carried on, and the index is made equal to what is there. */
export async function bringToRest(
  fs: Filesystem,
  pass: (milliseconds: number) => Promise<void>,
  drive: (work: Promise<unknown>) => Promise<void>,
): Promise<void> {
  const compare = async () => {
    await drive(compareFolders(fs, ['acme'], new AbortController().signal));
    await pass(3_000);
  };
  await drive(sweep(fs, { isDead: () => false }));
  await compare();
  await compare();
  await drive(sweep(fs, { isDead: () => false }));
}

/** Everything that must hold when all is quiet. */
export async function checkAtRest(fs: Filesystem, store: MemoryObjectStore, ledger: Ledger): Promise<string[]> {
  const wrong = [...ledger.violations];
  for (const what of await unfinished(fs)) wrong.push(`left over: ${what}`);
  if ((await sweep(fs, { isDead: () => false })) !== 0) wrong.push('a second sweep changed something');
  if (fs.active.size > 0) wrong.push(`${fs.active.size} uploads count as active`);

  const entries = new Map<string, FileEntry>();
  for await (const { key, value } of scanRows(fs, 'entry')) {
    if (value.kind === 'file') entries.set(keyOf({ parent: key.partition, name: key.sort }), value);
  }
  const contents = new Map([...store.objects].map(([key, { bytes }]) => [key, bytes.toString()]));
  for (const [key, entry] of entries) {
    if (store.objects.get(entry.storedKey)?.version !== entry.version) wrong.push(`the entry of ${key} has no object`);
    const content = contents.get(entry.storedKey) ?? '';
    if (entry.crc32 !== undefined && entry.crc32 !== checksum(content)) wrong.push(`the checksum of ${key} is another file's`);
  }
  const stored = new Set([...entries.values()].map(({ storedKey }) => storedKey));
  for (const key of contents.keys()) if (!stored.has(key)) wrong.push(`the object ${key} has no entry`);

  wrong.push(...(await checkParked(fs, store, ledger)));
  const events: OutboxEvent[] = [];
  for await (const { value } of scanRows(fs, 'outbox')) events.push(value);
  wrong.push(...checkEvents(events, ledger, entries));
  if (!isExplained(ledger.operations, new Map(), contents)) {
    wrong.push(`no order of the operations explains ${JSON.stringify([...contents])}`);
  }
  return wrong;
}

/** A cut upload never shows all that its client has, is the only reason for half-written bytes, and never lies above what was acknowledged after it. */
async function checkParked(fs: Filesystem, store: MemoryObjectStore, ledger: Ledger): Promise<string[]> {
  const wrong: string[] = [];
  const named = new Set<string>();
  for await (const { value } of scanRows(fs, 'upload')) {
    const { key, base, progress } = value;
    const { uploadId, durable } = progress;
    if (uploadId === undefined) continue;
    named.add(uploadId);
    const half = store.half.get(uploadId)?.toString() ?? '';
    if (half.length < durable) wrong.push(`what is parked at ${key} is not there`);
    const own = half.slice(base?.size ?? 0);
    const sent = ledger.operations.find(
      ({ change }) => (change.kind === 'put' || change.kind === 'append') && change.content.startsWith(own),
    );
    if (own === '' || !sent) continue;
    const whole = (base?.size ?? 0) + (sent.change as { content: string }).content.length;
    if (durable >= whole) wrong.push(`what is parked at ${key} shows all that its client has`);
    const shown = await viewOf(fs, makeUser({ name: value.user }))
      .stat(at(key.slice('acme'.length)), 'exists')
      .catch(() => undefined);
    if (!shown?.parked) continue;
    const later = ledger.operations.find(
      ({ change, outcome, started }) =>
        outcome === 'done' && (change.kind === 'put' || change.kind === 'append') && change.key === key && started > sent.ended,
    );
    if (later) wrong.push(`what was cut at ${key} lies above a later upload that was acknowledged`);
  }
  for (const uploadId of store.half.keys()) if (!named.has(uploadId)) wrong.push(`half-written bytes that no record names: ${uploadId}`);
  return wrong;
}

/** An event for each version that could be seen, one for each; none for what was refused; and the last one of a path says what is there. */
function checkEvents(events: readonly OutboxEvent[], ledger: Ledger, entries: ReadonlyMap<string, FileEntry>): string[] {
  const wrong: string[] = [];
  const arrivals = events.flatMap((event) => (event.type === 'arrived' ? [event] : []));
  const contents = new Map(ledger.sightings.map(({ content }) => [checksum(content), content]));
  for (const arrival of arrivals) {
    if (arrival.crc32 === undefined || !contents.has(arrival.crc32)) wrong.push(`an arrival at ${arrival.key} of what nobody could get`);
  }
  for (const content of new Set(contents.values())) {
    const maker = ledger.makerOf(content);
    const announced = arrivals.filter(({ crc32 }) => crc32 === checksum(content)).length;
    if (maker?.change.kind === 'place') {
      if (announced > 0) wrong.push('what an operator placed was announced');
    } else if (announced !== 1) {
      wrong.push(`a version that could be seen was announced ${announced} times: ${content.slice(0, 12)}`);
    }
    if (maker?.outcome === 'refused') wrong.push(`a refused upload (${maker.reason}) could be seen: ${content.slice(0, 12)}`);
  }
  const moves = events.filter(({ type }) => type === 'moved').length;
  const renames = ledger.operations.filter(({ change }) => change.kind === 'rename');
  const least = renames.filter((rename) => rename.outcome === 'done' && !wasTaken(rename, ledger.operations)).length;
  const most = renames.filter(({ outcome }) => outcome !== 'refused').length;
  if (moves < least || moves > most) wrong.push(`${moves} moves were announced, ${least} to ${most} were made`);
  for (const key of ['acme/a', 'acme/b']) {
    const removed = events.filter((event) => event.key === key && event.type === 'removed').length;
    const gone = ledger.disappearances.get(key) ?? 0;
    if (removed > gone) wrong.push(`${removed} removals of ${key} were announced, ${gone} happened`);
  }
  for (const [key, entry] of entries) {
    if (entry.user === undefined) continue;
    const last = events
      .filter((event) => event.key === key)
      .sort((a, b) => a.sequence - b.sequence)
      .at(-1);
    if (last?.id !== entry.token) wrong.push(`the last event of ${key} is not about the version that is there`);
  }
  return wrong;
}
