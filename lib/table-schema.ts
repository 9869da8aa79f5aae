/**
 * Names that the table is made with and the server reads it by. The key is one pair of strings for all kinds of rows; the index holds only rows that need
 * somebody, so that the sweeper finds open work without reading the table.
 */
export const tableSchema = {
  partition: 'pk',
  sort: 'sk',
  timeToLive: 'ttl',
  /** What the row holds, as JSON. */
  value: 'value',
  index: { name: 'work', partition: 'work', sort: 'workSort' },
  /** Beginning of the partitions of the outbox. */
  outboxPrefix: 'O/',
} as const;
