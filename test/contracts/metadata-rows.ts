import type { Claim, Journal, OutboxEvent } from '../../runtime/model/change';
import type { FileEntry } from '../../runtime/model/entry';
import type { Part, UploadRecord } from '../../runtime/model/upload-record';
import type { RowKey, Write } from '../../runtime/ports/metadata-store';

/** Rows of every table, as the suites of the metadata stores write them. */

export const entryKey = (partition: string, sort: string): RowKey<'entry'> => ({ table: 'entry', partition, sort });

export const fileEntry = (size: number): FileEntry => ({
  kind: 'file',
  storedKey: 'acme/a',
  version: '1:2:3',
  size,
  token: 'token',
  begun: 1,
  committed: 2,
  modified: 2,
  sequence: 3,
});

export const putRow = (key: RowKey, size = 0, expected = 'absent'): Write => ({ kind: 'put', key, value: fileEntry(size), expected });

export const uploadKey = (partition: string, name: string, token: string): RowKey<'upload'> => ({
  table: 'upload',
  partition,
  sort: `${name}\u0000${token}`,
});

export const someParts = (count: number, first = 1): Part[] =>
  Array.from({ length: count }, (_, index) => ({
    number: first + index,
    size: 8_388_608 + index,
    crc32: (index * 2_654_435_761) >>> 0,
    etag: `"${(first + index).toString(16).padStart(32, 'e')}"`,
  }));

export const uploadOf = (token: string, parts: readonly Part[], changes: Partial<UploadRecord> = {}): UploadRecord => ({
  token,
  key: 'acme/in/a',
  storedKey: 'acme/in/a',
  user: 'acme',
  home: 'acme',
  owner: 'task-1',
  state: 'receiving',
  begun: 5,
  progress: { uploadId: 'half-written', parts, durable: parts.reduce((sum, { size }) => sum + size, 0), reserved: parts.length + 64 },
  acknowledged: 6,
  ...changes,
});

export const heldClaim: Claim = { state: 'held', token: 't', owner: 'task-1', purpose: 'commit', sequence: 7, begun: 5, quietUntil: 9 };
export const freeClaim: Claim = { state: 'free', sequence: 7, begun: 5, expires: 90_000_000_000_000 };

export const journal: Journal = {
  kind: 'rename-directory',
  token: 't',
  owner: 'task-1',
  from: 'acme/a',
  to: 'acme/b',
  user: 'acme',
  moved: false,
  copies: [{ token: 'c', uploadId: 'u' }],
};

export const eventOf = (sequence: number): OutboxEvent => ({ id: `e${sequence}`, key: 'acme/a', sequence, time: 8, type: 'removed' });
