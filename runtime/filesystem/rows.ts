import type { ObjectKey, Place } from '../model/entry';
import type { RowKey } from '../ports/metadata-store';

/** Where each kind of row lies. Entry, claim and open uploads of a path share its parent's partition, so that a removal of the directory sees all three. */

export const entryKey = (place: Place): RowKey<'entry'> => ({ table: 'entry', partition: place.parent, sort: place.name });
export const claimKey = (place: Place): RowKey<'claim'> => ({ table: 'claim', partition: place.parent, sort: place.name });
export const uploadKey = (place: Place, token: string): RowKey<'upload'> => ({
  table: 'upload',
  partition: place.parent,
  sort: `${place.name}\u0000${token}`,
});
export const endedKey = (token: string): RowKey<'ended'> => ({ table: 'ended', partition: token, sort: '' });
export const journalKey = (token: string): RowKey<'journal'> => ({ table: 'journal', partition: token, sort: '' });
export const outboxKey = (key: ObjectKey, sequence: number): RowKey<'outbox'> => ({
  table: 'outbox',
  partition: key,
  sort: String(sequence).padStart(16, '0'),
});
